// Sessions on a machine, against a stand-in of the API.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError, Unreachable } from "../../src/api/client.ts";
import type { SessionCommand } from "../../src/api/types.ts";
import type { Entry, KeptLine } from "../../src/interactive/entry.ts";
import { Interactive } from "../../src/interactive/interactive.ts";
import { concernsMachine } from "../../src/interactive/line.ts";
import { StandIn, table } from "./session_stand_in.ts";

let server: StandIn;
let desk: Interactive;
let said: string[];

const at = (made: boolean) => new Interactive({ api: server.api, table, session: server.session, made, advanced: true, say: (words) => said.push(words) });
// The page is left, and comes back: what a draft keeps is text.
function reload(): void {
  const kept = JSON.stringify(desk.entries.filter((one) => one.pending).map((one) => one.kept));
  desk.end();
  desk = at(false);
  desk.keep(JSON.parse(kept) as KeptLine[]);
}

beforeEach(() => {
  server = new StandIn();
  said = [];
  desk = at(true);
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
const settle = () => new Promise((resolve) => setTimeout(resolve)); // what needs no clock is done
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
  desk.reopened(server.session, true);
  await desk.retry();
  await until(() => entry(0).state === "running");
  expect(entry(0).sessionId).toBe("s2");
  expect(entry(1).state).toBe("waiting");
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

test("after a connection that broke a line is not run twice, and nobody else's is taken for it", async () => {
  server.accept("dir", "/", { command: "dir", by: "agent", output: "table", file: null, background: false, columns: [] }); // of another tab
  server.losesAnswers = true;
  desk.enter("dir");
  await until(() => entry(0).state === "unsent");
  expect(server.commands).toHaveLength(2);
  server.losesAnswers = false;
  desk.folder = "/etc"; // it goes out as it did
  await desk.retry();
  expect(entry(0)).toMatchObject({ state: "running", folder: "/", command: { number: 2 } });
  expect(server.commands).toHaveLength(2);
  expect(server.sent).toEqual(["dir in /", "dir in /"]);
});

test("a line whose answer did not come before the session ended is found in that session", async () => {
  server.losesAnswers = true;
  desk.enter("dir");
  await until(() => entry(0).state === "unsent");
  server.losesAnswers = false;
  server.session = { ...server.session, id: "s2" };
  desk.reopened(server.session, true);
  await desk.retry();
  expect(entry(0)).toMatchObject({ state: "running", sessionId: "s1", command: { number: 1 } });
  expect(desk.session.commands).toBe(0);
  expect(server.commands).toHaveLength(1);
});

test("a line that an ended session never had is kept back once more, then done in the next", async () => {
  server.failNext = () => new Unreachable();
  desk.enter("dir");
  await until(() => entry(0).state === "unsent");
  const { key } = entry(0);
  // A refusal for another reason says nothing about what was sent before.
  server.failNext = () => new ApiError(429, "TooManyRequests", "too many calls", "", 5);
  await desk.retry();
  expect(entry(0)).toMatchObject({ state: "unsent", wentOut: true, key });
  server.failNext = undefined;
  server.session = { ...server.session, id: "s2" };
  desk.reopened(server.session, true);
  desk.folder = "/etc";
  await desk.retry();
  expect(entry(0)).toMatchObject({ state: "unsent", wentOut: false, problem: { detail: expect.stringContaining("has ended without it") } });
  expect(entry(0).key).not.toBe(key);
  expect(desk.ended).toBe(false);
  await desk.retry();
  expect(entry(0)).toMatchObject({ state: "running", sessionId: "s2", folder: "/etc" });
});

test("a line that was being sent when the page was left runs once, and stands there once", async () => {
  desk.folder = "/etc";
  server.losesAnswers = true;
  desk.enter("dir");
  desk.enter("users");
  await until(() => entry(1).state === "unsent");
  reload();
  server.losesAnswers = false;
  await desk.resume();
  expect(desk.entries.map((one) => [one.line, one.state, one.command?.number])).toEqual([["dir", "running", 1], ["dir", "unsent", undefined], ["users", "unsent", undefined]]);
  expect(entry(1)).toMatchObject({ folder: "/etc", problem: { title: "The page was left before an answer came." } });
  expect(entry(2)).toMatchObject({ folder: undefined, problem: { title: "Not sent." } });
  server.finish(1, [{ name: "a" }]);
  await until(() => entry(0).state === "ended");
  await desk.retry();
  await until(() => entry(1).state === "running");
  expect(desk.entries.map((one) => [one.line, one.command?.number])).toEqual([["dir", 1], ["users", 2]]);
  expect(desk.looked?.entry).toBe(entry(0));
  expect(server.commands).toHaveLength(2);
});

test("lines that are typed while a session is taken up wait for its folder", async () => {
  server.accept("cd /var", "/", { command: "cd", by: "agent", output: "table", file: null, background: false, columns: [] });
  server.finish(1, [{ path: "/var" }]);
  server.commands[0]!.action = server.work.get("a1")!.action;
  let told = () => {};
  server.held = new Promise((resolve) => (told = resolve));
  desk = at(false);
  const taken = desk.resume();
  desk.enter("dir");
  expect(desk.waitsFor(entry(0))).toBe("waits until the session is taken up");
  await settle();
  expect(server.sent).toEqual([]);
  told();
  await taken;
  await until(() => entry(1).state === "running");
  expect(server.sent).toEqual(["dir in /var"]);
  expect(desk.entries.map((one) => one.line)).toEqual(["cd /var", "dir"]);
});

test("lines wait when a session could not be taken up, until it is", async () => {
  desk = at(false);
  server.held = Promise.reject(new Unreachable());
  await expect(desk.resume()).rejects.toThrow(Unreachable);
  desk.enter("dir");
  await settle();
  expect(entry(0).state).toBe("waiting");
  server.held = undefined;
  await desk.resume();
  await until(() => entry(0).state === "running");
  desk.reopened({ ...server.session, id: "s2" }, false);
  expect(desk.ready).toBe(false);
});

test("a line that is accepted while a session is taken up stands there once", async () => {
  let told = () => {};
  desk.enter("dir");
  await until(() => entry(0).state === "running");
  desk.enter("users &");
  server.held = new Promise((resolve) => (told = resolve));
  server.finish(1, []);
  const taken = desk.resume();
  await until(() => entry(1).state === "running");
  told();
  await taken;
  expect(desk.entries.map((one) => one.line)).toEqual(["dir", "users &"]);
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
  desk = at(false);
  await desk.resume();
  expect(desk.entries.map((one) => [one.line, one.state])).toEqual([["dir", "ended"], ["cd /tmp", "ended"], ["cd ../var", "ended"]]);
  expect(desk.folder).toBe("/var");
  expect(said).toEqual([]);
  desk.keep([{ line: "users" }]);
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
