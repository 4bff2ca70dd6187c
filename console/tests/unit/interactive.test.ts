// Sessions on a machine, against a stand-in of the API that runs nothing by itself: a test says when
// a command ends and what it left.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Api, ApiError, Unreachable } from "../../src/api/client.ts";
import type { CommandTable, InteractiveSession, MachineAction, SessionCommand } from "../../src/api/types.ts";
import type { Entry } from "../../src/interactive/entry.ts";
import { Interactive } from "../../src/interactive/interactive.ts";
import { concernsMachine, findCommand } from "../../src/interactive/line.ts";

const table = JSON.parse(readFileSync(join(import.meta.dirname, "../../../api/interactive.json"), "utf8")) as CommandTable;

interface Work {
  action: MachineAction;
  result: string;
  ended: () => void; // set when somebody watches it
}

class StandIn {
  session: InteractiveSession = {
    id: "s1", machineId: "m1", machineName: "web-01", status: "Open", creator: "dana", mine: true, comment: "", created: "2026-03-01T10:00:00Z",
    lastUsed: "2026-03-01T10:00:00Z", ended: null, endReason: null, idleTimeoutSeconds: 1800, commands: 0,
  };
  readonly commands: SessionCommand[] = [];
  readonly work = new Map<string, Work>();
  readonly asked: string[] = [];
  failNext: ((line: string) => Error | undefined) | undefined;

  readonly api = {
    get: (path: string) => this.get(path),
    send: (method: string, path: string, options: { body: Record<string, string> }) => this.send(method, path, options.body),
    call: (_: string, path: string) => this.events(path),
  } as unknown as Api;

  get sent(): string[] {
    return this.asked.filter((one) => one.startsWith("line ")).map((one) => one.slice(5));
  }

  finish(number: number, rows: object[], errors = ""): void {
    const command = this.commands[number - 1];
    const work = this.work.get(command?.action.id ?? "");
    if (!command || !work) throw new Error(`no command ${number}`);
    const [one] = work.action.commands;
    work.action = { ...work.action, status: "Succeeded", commands: [{ ...one!, commandStatus: "Completed" }] };
    work.result = JSON.stringify({
      script_name: command.command, exit_code: errors ? 1 : 0, script_output: rows.map((row) => `${JSON.stringify(row)}\n`).join(""), script_errors: errors,
    });
    work.ended();
  }

  private get(path: string): Promise<unknown> {
    this.asked.push(`GET ${path}`);
    const action = /^\/api\/machineactions\/([^/?]+)(\/GetLive)?/u.exec(path);
    if (action?.[2]) return Promise.resolve({ value: `https://localhost/result/${action[1]}` });
    if (action) return Promise.resolve(this.work.get(action[1] ?? "")?.action);
    if (path.endsWith("/commands")) return Promise.resolve({ value: this.commands });
    if (path === "/api/libraryfiles") return Promise.resolve({ value: [{ fileName: "triage.sh" }] });
    return Promise.resolve(this.session);
  }
  private send(method: string, path: string, body: Record<string, string>): Promise<unknown> {
    this.asked.push(`${method} ${path}`);
    if (path.endsWith("/cancel")) {
      const work = this.work.get(path.split("/")[3] ?? "")!;
      work.action = { ...work.action, cancellationDateTimeUtc: "2026-03-01T10:00:01Z" };
      return Promise.resolve(work.action);
    }
    if (path.endsWith("/close")) {
      this.session = { ...this.session, status: "Ended", endReason: "closed by dana" };
      return Promise.resolve(this.session);
    }
    return this.line(body.commandLine ?? "", body.currentDirectory ?? "");
  }
  private line(line: string, folder: string): Promise<unknown> {
    this.asked.push(`line ${line} in ${folder}`);
    const fail = this.failNext?.(line);
    if (fail) return Promise.reject(fail);
    if (this.session.status === "Ended") return Promise.reject(new ApiError(409, "Conflict", "the session has ended: idle", "", 0));
    const [word = "", argument] = line.split(/\s+/u);
    const command = findCommand(table, word);
    if (!command) return Promise.reject(new ApiError(400, "InvalidInput", `commandLine: '${word}' is no command; help lists them`, "", 0));
    const shape = { command: command.name, by: command.by, output: "table" as const, file: null, background: line.endsWith("&"), columns: command.columns };
    if (command.by === "client") {
      const parameter = command.parameters[0]?.name;
      return Promise.resolve({ ...shape, parameters: parameter && argument ? { [parameter]: argument } : {} });
    }
    return Promise.resolve(this.accept(line, folder, { ...shape, by: command.by }));
  }
  accept(line: string, folder: string, shape: Pick<SessionCommand, "command" | "by" | "output" | "file" | "background" | "columns">): SessionCommand {
    const number = this.commands.length + 1;
    const action = {
      id: `a${number}`, status: "Pending", machineId: "m1", cancellationDateTimeUtc: null,
      commands: [{ index: 0, startTime: null, endTime: null, commandStatus: "Created", errors: [], command: { type: "BuiltIn", params: [] } }],
    } as unknown as MachineAction;
    this.work.set(action.id, { action, result: "", ended: () => undefined });
    const made = { ...shape, number, commandLine: line, currentDirectory: folder, action };
    this.commands.push(made);
    return made;
  }
  private events(path: string): Promise<Response> {
    const work = this.work.get(path.split("/")[3] ?? "")!;
    return new Promise((resolve) => {
      work.ended = () => resolve(new Response(`id: 1\nevent: end\ndata: {"status":"Succeeded"}\n\n`));
    });
  }
}

let server: StandIn;
let desk: Interactive;
let said: string[];

beforeEach(() => {
  server = new StandIn();
  said = [];
  desk = new Interactive({ api: server.api, table, session: server.session, advanced: true, say: (words) => said.push(words) });
  vi.stubGlobal("location", { origin: "https://localhost" });
  vi.stubGlobal("fetch", (path: string) => {
    const text = server.work.get(path.split("/")[2] ?? "")?.result ?? "";
    return Promise.resolve(new Response(text, { headers: { "Content-Length": String(text.length) } }));
  });
});
afterEach(() => {
  desk.end();
  vi.unstubAllGlobals();
});

const until = (what: () => boolean) => vi.waitFor(() => expect(what()).toBe(true), { timeout: 5000, interval: 5 });
const entry = (at: number): Entry => desk.entries.at(at)!;

test("a line runs, its rows come from the result, and the next one waits for it", async () => {
  desk.enter("dir");
  await until(() => entry(0).state === "running");
  desk.enter("processes");
  desk.enter("users");
  desk.enter("jobs");
  await until(() => entry(3).state === "ended");
  expect(entry(3).answer).toMatchObject({ kind: "table", columns: ["number", "status", "started", "commandLine"], rows: [{ number: 1, status: "running", commandLine: "dir" }] });
  expect(desk.waitsFor(entry(1))).toBe("waits for 1");
  expect(desk.waitsFor(entry(2))).toBe("waits for 1 and the line before it");
  expect(server.sent).toEqual(["dir in /", "jobs in /"]);
  desk.withdraw(entry(1));
  expect(desk.waitsFor(entry(2))).toBe("waits for 1");
  server.finish(1, [{ name: "a" }, { name: "b" }]);
  await until(() => entry(2).state === "running");
  expect(server.sent).toEqual(["dir in /", "jobs in /", "users in /"]);
  await until(() => entry(0).script !== undefined);
  expect(entry(0).rows.rows).toEqual([{ name: "a" }, { name: "b" }]);
  await until(() => said.includes("Command 1: done, 2 rows"));
});

test("a line behind a cd is sent in the folder that the cd led to", async () => {
  desk.enter("cd /etc");
  desk.enter("dir");
  await until(() => entry(0).state === "running");
  server.finish(1, [{ path: "/etc" }]);
  await until(() => entry(1).state === "running");
  expect(desk.folder).toBe("/etc");
  expect(server.sent).toEqual(["cd /etc in /", "dir in /etc"]);
  expect(said).toContain("Command 1: now in /etc");
});

test("a line behind a cd that failed is not sent into another folder than was meant", async () => {
  desk.enter("cd /nowhere");
  desk.enter("getfile passwd");
  await until(() => entry(0).state === "running");
  server.finish(1, [], "/nowhere: there is no such folder\n");
  await until(() => entry(0).state === "ended");
  expect(desk.folder).toBe("/");
  expect(entry(0).exitCode).toBe(1);
  expect(entry(0).script?.stderr.shown()).toContain("no such folder");
  expect(entry(1).state).toBe("unsent");
  expect(server.sent).toHaveLength(1);
  await desk.retry();
  expect(entry(1).state).toBe("running");
});

test("what the server refuses says why, and stops nothing", async () => {
  desk.enter("frobnicate now");
  desk.enter("dir");
  await until(() => entry(1).state === "running");
  expect(entry(0)).toMatchObject({ state: "refused", problem: { title: "", detail: "'frobnicate' is no command; help lists them." } });
  expect(desk.history.move(-1, "")).toBe("dir");
  expect(desk.history.move(-1, "")).toBe("frobnicate now");
});

test("when the session has ended, lines are kept and sent into the next one", async () => {
  server.session = { ...server.session, status: "Ended", endReason: "idle" };
  desk.enter("dir");
  desk.enter("users");
  await until(() => entry(0).state === "unsent");
  expect(entry(1).state).toBe("unsent");
  expect(desk.ended).toBe(true);
  expect(said).toContain("The session has ended: 30 minutes without a command.");
  expect(desk.enter("services")).toBe(false);
  server.session = { ...server.session, id: "s2", status: "Open", endReason: null };
  desk.reopened(server.session);
  await desk.retry();
  await until(() => entry(0).state === "running");
  expect(entry(0).sessionId).toBe("s2");
  expect(entry(1).state).toBe("waiting");
});

test("a session of the same person that another program opened takes no lines: they are kept for the next", async () => {
  server.failNext = () => new ApiError(403, "Forbidden", "the session is dana's", "", 0);
  desk.enter("dir");
  await until(() => desk.notOurs);
  expect(entry(0)).toMatchObject({ state: "unsent", problem: { detail: "the session is dana's, opened with another program." } });
  expect(desk.enter("users")).toBe(false);
  server.failNext = undefined;
  desk.reopened({ ...server.session, id: "s2" });
  await desk.retry();
  await until(() => entry(0).state === "running");
});

test("another action in the way: the line waits, and goes when it is gone", async () => {
  let busy = true;
  server.failNext = () => (busy ? new ApiError(400, "ActiveRequestAlreadyExists", "another action of the machine is unfinished", "", 0) : undefined);
  desk.enter("dir");
  await until(() => desk.machineBusy);
  expect(entry(0).state).toBe("waiting");
  expect(desk.waitsFor(entry(0))).toBe("waits: another action runs on this machine");
  busy = false;
  await until(() => entry(0).state === "running");
  expect(desk.machineBusy).toBe(false);
});

test("after a connection that broke a line is not run twice", async () => {
  server.failNext = (line) => {
    server.accept(line, "/", { command: "dir", by: "agent", output: "table", file: null, background: false, columns: [] });
    return new Unreachable();
  };
  desk.enter("dir");
  await until(() => entry(0).state === "unsent");
  server.failNext = undefined;
  await desk.retry();
  await until(() => entry(0).state === "running");
  expect(entry(0).command?.number).toBe(1);
  expect(server.sent).toHaveLength(1);
});

test("what runs in the background is not what Ctrl-C cancels, until fg takes it back", async () => {
  desk.enter("findfile *.service &");
  await until(() => entry(0).state === "running");
  expect(desk.foreground).toBeUndefined();
  desk.enter("fg 1");
  await until(() => entry(1).state === "ended");
  expect(desk.looked?.entry).toBe(entry(0));
  expect(desk.foreground).toBe(entry(0));
  await desk.cancel(entry(0));
  expect(server.asked).toContain("POST /api/machineactions/a1/cancel");
  expect(entry(0).action?.cancellationDateTimeUtc).toBeTruthy();
  desk.enter("fg 7");
  await until(() => entry(2).state === "ended");
  expect(entry(2).answer).toMatchObject({ text: expect.stringContaining("no command 7") });
});

test("a session that is gone on with has its lines, and the folder of its last one", async () => {
  const shape = { by: "agent" as const, output: "table" as const, file: null, background: false, columns: [] as string[] } satisfies Partial<SessionCommand>;
  server.accept("dir", "/", { ...shape, command: "dir" });
  server.accept("cd /tmp", "/", { ...shape, command: "cd" });
  server.accept("cd ../var", "/tmp", { ...shape, command: "cd" });
  server.finish(1, [{ name: "a" }]);
  server.finish(2, [{ path: "/tmp" }]);
  server.finish(3, [{ path: "/var" }]);
  for (const command of server.commands) command.action = server.work.get(command.action.id)!.action;
  await desk.resume();
  expect(desk.entries.map((one) => [one.line, one.state])).toEqual([["dir", "ended"], ["cd /tmp", "ended"], ["cd ../var", "ended"]]);
  expect(desk.folder).toBe("/var");
  expect(said).toEqual([]);
  desk.keep(["users"]);
  expect(entry(3).state).toBe("unsent");
  expect(server.sent).toEqual([]);
});

test("help, status, cls and exit", async () => {
  for (const line of ["help", "help run", "status", "cls"]) desk.enter(line);
  await until(() => entry(3).state === "ended");
  expect(entry(0).answer).toMatchObject({ kind: "table", columns: ["command", "summary"] });
  expect(entry(1).answer).toMatchObject({ kind: "pairs", pairs: expect.arrayContaining([["Written", "run SCRIPT [-parameters PARAMETERS]"]]) });
  expect(entry(2).answer).toMatchObject({ kind: "pairs", pairs: expect.arrayContaining([["By", "dana"], ["Folder", "/"]]) });
  expect(desk.entries.every((one) => one.cleared)).toBe(true);
  desk.enter("exit");
  await until(() => desk.ended);
  expect(said).toContain("The session has ended: closed by dana.");
});

test("which lines concern the machine", () => {
  for (const line of ["dir", "LS /x", "  getfile a", "run x", "'dir' x"]) expect(concernsMachine(table, line), line).toBe(true);
  for (const line of ["jobs", "help dir", "frobnicate", "", "/bin/sh"]) expect(concernsMachine(table, line), line).toBe(false);
});
