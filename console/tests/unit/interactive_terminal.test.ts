// A terminal in a session: the line that opens it, and what becomes of it.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Entry, KeptLine } from "../../src/interactive/entry.ts";
import { Interactive } from "../../src/interactive/interactive.ts";
import { complete, findCommand, usage } from "../../src/interactive/line.ts";
import { RemoteTerminal } from "../../src/interactive/terminal/remote_terminal.ts";
import type { Typist } from "../../src/interactive/terminal/typist.ts";
import { StandIn, table } from "./session_stand_in.ts";

let server: StandIn;
let desk: Interactive;

const at = (made: boolean) => new Interactive({ api: server.api, table, session: server.session, made, advanced: true, say: () => undefined });
const until = (what: () => boolean) => vi.waitFor(() => expect(what()).toBe(true), { timeout: 5000, interval: 5 });
const entry = (at: number): Entry => desk.entries.at(at)!;
const keyOf = (line: string | undefined): string => /^terminal -key (\S{60}) -rows 24 -columns 80 in \/$/u.exec(line ?? "")?.[1] ?? "";

beforeEach(() => {
  server = new StandIn();
  desk = at(true);
});
afterEach(() => desk.end());

test("the line that opens one carries its key, and is shown without", async () => {
  desk.enter(" Terminal ");
  await until(() => entry(0).state === "running");
  expect(keyOf(server.sent[0])).not.toBe("");
  expect([entry(0).line, entry(0).command?.command]).toEqual(["Terminal", "terminal"]);
  expect(entry(0).terminal?.begun).toBe(false);

  const other = at(false);
  await other.resume();
  expect(other.entries.map((one) => [one.line, one.state, one.terminal])).toEqual([["terminal", "running", undefined]]);
  other.end();
});

test("nobody is told to type a key", () => {
  expect(usage(findCommand(table, "terminal")!)).toBe("terminal");
  expect(complete(table, "terminal -k")).toBeNull();
});

test("words behind it are the server's to judge", async () => {
  desk.enter("terminal -rows 30");
  await until(() => entry(0).state === "running");
  expect(server.sent).toEqual(["terminal -rows 30 in /"]);
  expect(entry(0).terminal).toBeUndefined();
});

test("after a connection that broke it is opened once, by the same key", async () => {
  server.losesAnswers = true;
  desk.enter("terminal");
  await until(() => entry(0).state === "unsent");
  server.losesAnswers = false;
  await desk.retry();
  expect(entry(0).state).toBe("running");
  expect(server.commands).toHaveLength(1);
  expect(server.sent[1]).toBe(server.sent[0]);
});

test("one that is found when the session is taken up is the one that this page opened", async () => {
  server.losesAnswers = true;
  desk.enter("terminal");
  desk.enter("dir");
  await until(() => entry(0).state === "unsent");
  server.losesAnswers = false;
  const { terminal } = entry(0);
  await desk.resume();
  expect(desk.entries.map((one) => [one.line, one.state, one.terminal])).toEqual([["terminal", "running", terminal], ["dir", "unsent", undefined]]);
});

test("one that is accepted while the session is taken up is the one that this page opened", async () => {
  const send = server.api.send.bind(server.api);
  let release: () => void = () => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  vi.spyOn(server.api, "send").mockImplementationOnce(async (...call) => {
    const answer = await send(...call);
    await held;
    return answer as never;
  });
  desk.enter("terminal");
  await until(() => server.commands.length === 1);
  await desk.resume();
  expect(desk.entries).toHaveLength(2);
  release();
  await until(() => desk.entries.length === 1);
  expect(entry(0).state).toBe("running");
  expect(entry(0).terminal).toBeDefined();
});

test("a page that was left has lost the key: what is sent again opens another", async () => {
  server.losesAnswers = true;
  desk.enter("terminal");
  await until(() => entry(0).state === "unsent");
  const kept = JSON.stringify(entry(0).kept);
  expect(kept).not.toContain(entry(0).key);
  desk.end();
  desk = at(false);
  desk.keep([JSON.parse(kept) as KeptLine]);
  expect(entry(0).problem?.detail).toContain("Send opens another");
  server.losesAnswers = false;
  await desk.resume();
  server.finish(1, []);
  await until(() => desk.entries[0]?.state === "ended");
  await desk.retry();
  await until(() => server.commands.length === 2);
  expect(keyOf(server.sent[1])).not.toBe(keyOf(server.sent[0]));
});

test("a browser that cannot sign is told so, and nothing is sent", async () => {
  vi.spyOn(crypto.subtle, "generateKey").mockRejectedValueOnce(new DOMException("no Ed25519", "NotSupportedError"));
  desk.enter("terminal");
  await until(() => entry(0).state === "refused");
  expect(entry(0).problem?.title).toContain("cannot sign");
  expect(server.sent).toEqual([]);
  desk.enter("dir");
  await until(() => entry(1).state === "running");
});

function shown() {
  const typist = { begin: vi.fn(), end: vi.fn() };
  const terminal = new RemoteTerminal("", typist as unknown as Typist, () => undefined);
  const drawn: (() => void)[] = [];
  const screen = { text: "", write: (text: string, done: () => void) => void ((screen.text += text), drawn.push(done)), clear: () => void (screen.text = "") };
  const { heardOutput, ready } = terminal.listener;
  return { terminal, typist, screen, drawn, hear: (text: string) => heardOutput("stdout", text), ready, time: (text: string) => heardOutput("stderr", text) };
}

test("what comes before there is a screen is drawn when there is one, filtered, without its timing", () => {
  const { terminal, screen, hear, time } = shown();
  hear("early \u001b]0;ti");
  time("0.1 6\n");
  hear("tle\u0007words");
  terminal.attach(screen);
  hear(" and more");
  expect(screen.text).toBe("early words and more");
  terminal.restart(); // it is told from its beginning
  hear("early");
  expect(screen.text).toBe("early");
});

test("no more is read than is drawn, and a screen that never comes holds nothing up", async () => {
  const { terminal, screen, drawn, hear, ready } = shown();
  terminal.attach(screen);
  hear("x".repeat(1000));
  expect(ready()).toBeUndefined();
  hear("x".repeat(300_000));
  let went = false;
  const waits = ready()!.then(() => (went = true));
  drawn[0]?.();
  await Promise.resolve();
  expect(went).toBe(false);
  drawn[1]?.();
  await waits;
  expect(ready()).toBeUndefined();

  const other = shown();
  other.hear("x".repeat(300_000));
  const held = other.ready()!;
  other.terminal.giveUp(new Error("it could not be loaded"));
  await held;
  other.hear("x".repeat(300_000));
  expect(other.ready()).toBeUndefined();
});
