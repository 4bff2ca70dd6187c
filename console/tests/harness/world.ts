// A real server with the built console, users and agents, on loopback and in a folder of their own.
// Every process is ended by its pid.
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
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

function binFolder(): string {
  const folders = [process.env.REACHBACK_BIN, ...["release", "asan", "debug"].map((p) => join(REPO, "build", p, "bin"))];
  const found = folders.find((folder) => folder && existsSync(join(folder, "reachback-server")));
  if (!found) throw new Error("no built programs: set REACHBACK_BIN, or run ./dev build");
  return resolve(found);
}

export interface Person {
  name: string;
  password: string;
  codes?: string; // otpauth: address of the key for one-time codes
}

export class World {
  readonly bin = binFolder();
  readonly data: string;
  tenantId = "";
  caFile = "";
  url = "";
  agentsUrl = "";
  private enrolToken = "";
  private readonly secret = { id: "", value: "", token: "" };
  private readonly children: ChildProcess[] = [];

  readonly folder: string;
  private readonly port: number;
  readonly publicUrl: string;

  // The server listens at `port`; people call it at `publicPort`.
  constructor(folder: string, port: number, publicPort = port) {
    this.folder = folder;
    this.port = port;
    this.publicUrl = `https://localhost:${publicPort}`;
    mkdirSync(folder, { recursive: true });
    this.data = join(folder, "server");
  }

  async start(): Promise<this> {
    const made = await this.json("reachback-server", "init", "--data", this.data, "--public-url", this.publicUrl, "--json");
    this.tenantId = made.tenantId;
    this.caFile = made.caFile;
    this.secret.id = made.clientId;
    this.secret.value = made.clientSecret;
    this.enrolToken = (await this.admin("enrollment-token", "create", "--uses", "20", "--ttl", "1h")).enrollmentToken;
    const config = join(this.folder, "server.toml");
    // A receiver that nobody runs.
    const secret = join(this.folder, "hook.secret");
    writeFileSync(secret, `whsec_${Buffer.alloc(32, "k").toString("base64")}\n`);
    writeFileSync(config, `[limits]
enabled = false
[console]
folder = "${join(REPO, "console/dist")}"
[[webhooks]]
name = "soar"
url = "https://127.0.0.1:${await freePort()}/in"
secret_file = "${secret}"
ca_file = "${this.caFile}"
allow_private = true
`);
    const said = await this.spawn(
      "server",
      [join(this.bin, "reachback-server"), "serve", "--data", this.data, "--listen", `127.0.0.1:${this.port}`, "--agent-listen", "127.0.0.1:0", "--config", config],
      ["agents ", "ready "],
    );
    this.agentsUrl = said["agents "] ?? "";
    this.url = `https://127.0.0.1:${this.port}`;
    return this;
  }

  async user(name: string, ...roles: string[]): Promise<Person> {
    const made = await this.admin("user", "create", name, "--no-one-time-codes", ...roles.flatMap((role) => ["--role", role]));
    return { name, password: made.password };
  }

  // An agent that is enrolled, and connected unless `online` is false. `policy`: what its owner wrote.
  // Gives the machine's id.
  async agent(name: string, options: { online?: boolean; tags?: string[]; policy?: string } = {}): Promise<string> {
    const state = join(this.folder, `agent-${name}`);
    let token = this.enrolToken;
    if (options.tags) {
      token = (await this.admin("enrollment-token", "create", ...options.tags.flatMap((tag) => ["--tag", tag]))).enrollmentToken;
    }
    const made = await this.json("reachback-agent", "enroll", "--server", this.agentsUrl, "--ca", this.caFile,
      "--token", token, "--state", state, "--name", name, "--json");
    if (options.policy) writeFileSync(join(state, "policy.toml"), options.policy, { mode: 0o600 });
    if (options.online !== false) {
      await this.spawn(`agent-${name}`, [join(this.bin, "reachback-agent"), "run", "--state", state], ["connected "]);
    }
    return made.machineId;
  }

  // A command that is to be pasted into a root shell: with the built programs, `folder` somewhere else,
  // and no services.
  async inShell(command: string, folder: string): Promise<void> {
    const own = mkdtempSync(join(this.folder, "shell-"));
    const text = `set -e; systemctl() { :; }\n${command.replaceAll(folder, own)}`;
    await run("bash", ["-c", text], { timeout: START_TIMEOUT_MS, env: { ...process.env, PATH: `${this.bin}:${process.env.PATH}` } });
  }

  // A call of the API by the application that init made.
  async call(method: string, path: string, body?: object | FormData): Promise<any> {
    this.secret.token ||= await this.token(this.secret.id, this.secret.value);
    return this.callWith(this.secret.token, method, path, body);
  }
  // Of an application.
  async token(clientId: string, clientSecret: string): Promise<string> {
    const form = new URLSearchParams({
      grant_type: "client_credentials", client_id: clientId, client_secret: clientSecret, scope: "https://api.securitycenter.microsoft.com/.default",
    });
    return (await this.send("POST", `/${this.tenantId}/oauth2/v2.0/token`, {}, form)).access_token;
  }
  callWith(token: string, method: string, path: string, body?: object | FormData): Promise<any> {
    const headers: Record<string, string> = { Authorization: `Bearer ${token}` };
    if (body && !(body instanceof FormData)) headers["Content-Type"] = "application/json";
    return this.send(method, path, headers, body instanceof FormData ? body : body && JSON.stringify(body));
  }
  private async send(method: string, path: string, headers: Record<string, string>, body?: BodyInit): Promise<any> {
    const made = new Request(this.url, { method: "POST", ...(body ? { body } : {}) });
    const bytes = body ? Buffer.from(await made.arrayBuffer()) : undefined;
    const type = headers["Content-Type"] ?? made.headers.get("Content-Type");
    return new Promise((done, fail) => {
      const sent = request(new URL(path, this.url), {
        method, ca: readFileSync(this.caFile),
        headers: { ...headers, ...(bytes && type ? { "Content-Type": type, "Content-Length": bytes.length } : {}) },
      }, (answer) => {
        const pieces: Buffer[] = [];
        answer.on("data", (piece: Buffer) => pieces.push(piece));
        answer.on("end", () => {
          const text = Buffer.concat(pieces).toString();
          if ((answer.statusCode ?? 500) < 300) done(text ? JSON.parse(text) : null);
          else fail(new Error(`${method} ${path}: ${answer.statusCode} ${text}`));
        });
      });
      sent.on("error", fail);
      sent.end(bytes);
    });
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
