// A real server, its console's application, a user and agents, on loopback and in a folder of their
// own. Every process is ended by its pid.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await new Promise((done) => probe.once("listening", done));
  const { port } = probe.address() as AddressInfo;
  await new Promise((done) => probe.close(done));
  return port;
}

const run = promisify(execFile);
const REPO = resolve(import.meta.dirname, "../../..");
const START_TIMEOUT_MS = 30_000;

export const PERMISSIONS = [
  "Machine.Read", "Machine.ReadWrite", "Machine.LiveResponse", "Library.Manage",
];

function binFolder(): string {
  const folders = [process.env.REACHBACK_BIN, ...["release", "asan", "debug"].map((p) => join(REPO, "build", p, "bin"))];
  const found = folders.find((folder) => folder && existsSync(join(folder, "reachback-server")));
  if (!found) throw new Error("no built programs: set REACHBACK_BIN, or run ./dev build");
  return resolve(found);
}

export interface Person {
  name: string;
  password: string;
}

export class World {
  readonly bin = binFolder();
  readonly data: string;
  tenantId = "";
  account = "";
  clientId = "";
  caFile = "";
  url = "";
  agentsUrl = "";
  private enrolToken = "";
  private readonly children: ChildProcess[] = [];

  readonly folder: string;
  readonly publicUrl: string;

  constructor(folder: string, publicUrl: string) {
    this.folder = folder;
    this.publicUrl = publicUrl;
    mkdirSync(folder, { recursive: true });
    this.data = join(folder, "server");
  }

  async start(): Promise<this> {
    const made = await this.json("reachback-server", "init", "--data", this.data, "--public-url", this.publicUrl, "--json");
    this.tenantId = made.tenantId;
    this.caFile = made.caFile;
    this.enrolToken = (await this.admin("enrollment-token", "create", "--uses", "20", "--ttl", "1h")).enrollmentToken;
    const config = join(this.folder, "server.toml");
    writeFileSync(config, "[limits]\nenabled = false\n");
    // It says that it is ready at its public address, which is the front's.
    const port = await freePort();
    const said = await this.spawn(
      "server",
      [join(this.bin, "reachback-server"), "serve", "--data", this.data, "--listen", `127.0.0.1:${port}`, "--agent-listen", "127.0.0.1:0", "--config", config],
      ["agents ", "ready "],
    );
    this.agentsUrl = said["agents "] ?? "";
    this.url = `https://127.0.0.1:${port}`;
    this.clientId = (
      await this.admin("app", "create", "--name", "Reachback console", "--no-secret", "--redirect-uri",
        `${this.publicUrl}/console/signed-in`, ...PERMISSIONS.flatMap((scope) => ["--scope", scope]))
    ).clientId;
    return this;
  }

  async user(name: string, ...roles: string[]): Promise<Person> {
    const made = await this.admin("user", "create", name, "--no-one-time-codes", ...roles.flatMap((role) => ["--role", role]));
    return { name, password: made.password };
  }

  // An agent that is enrolled, and connected unless `online` is false. Gives the machine's id.
  async agent(name: string, options: { online?: boolean; tags?: string[] } = {}): Promise<string> {
    const state = join(this.folder, `agent-${name}`);
    let token = this.enrolToken;
    if (options.tags) {
      token = (await this.admin("enrollment-token", "create", ...options.tags.flatMap((tag) => ["--tag", tag]))).enrollmentToken;
    }
    const made = await this.json("reachback-agent", "enroll", "--server", this.agentsUrl, "--ca", this.caFile,
      "--token", token, "--state", state, "--name", name, "--json");
    if (options.online !== false) {
      await this.spawn(`agent-${name}`, [join(this.bin, "reachback-agent"), "run", "--state", state], ["connected "]);
    }
    return made.machineId;
  }

  admin(...words: string[]): Promise<Record<string, any>> {
    const options = words.findIndex((word) => word.startsWith("--"));
    const at = options < 0 ? words.length : options;
    return this.json("reachback-server", ...words.slice(0, at), "--data", this.data, ...words.slice(at), "--json");
  }

  async stop(): Promise<void> {
    for (const child of this.children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = new Promise((done) => child.once("exit", done));
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(timer);
    }
  }

  private async json(program: string, ...words: string[]): Promise<Record<string, any>> {
    const { stdout } = await run(join(this.bin, program), words, { timeout: START_TIMEOUT_MS });
    return JSON.parse(stdout) as Record<string, any>;
  }

  // Starts a program; resolves when it has said a line with each of the prefixes.
  private spawn(label: string, argv: string[], prefixes: string[]): Promise<Record<string, any>> {
    const log = openSync(join(this.folder, `${label}.log`), "a");
    const child = spawn(argv[0] as string, argv.slice(1), { stdio: ["ignore", "pipe", log] });
    this.children.push(child);
    const said: Record<string, string> = {};
    return new Promise((done, fail) => {
      const timer = setTimeout(() => fail(new Error(`${label} did not get ready`)), START_TIMEOUT_MS);
      child.once("exit", (code) => fail(new Error(`${label} ended with ${code}; see ${this.folder}`)));
      createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
        for (const prefix of prefixes) {
          if (line.startsWith(prefix)) said[prefix] = line.slice(prefix.length).trim();
        }
        if (Object.keys(said).length === prefixes.length) {
          clearTimeout(timer);
          done(said);
        }
      });
    });
  }
}
