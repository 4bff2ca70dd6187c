// What is typed into a terminal: what waits, what is signed, what goes out and when.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type Api, ApiError, Unreachable } from "../../src/api/client.ts";
import { Keystrokes, TYPED_BYTES_MAX, WAITING_BYTES_MAX } from "../../src/interactive/terminal/keystrokes.ts";
import { statementOf } from "../../src/interactive/terminal/statement.ts";
import { makeTypingKey } from "../../src/interactive/terminal/typing_key.ts";
import { Typist } from "../../src/interactive/terminal/typist.ts";
import { fromBase64, hex } from "../../src/text/bytes.ts";

const ID = "00112233-4455-6677-8899-aabbccddeeff";
const bytes = (text: string) => new TextEncoder().encode(text);
const text = (of: Uint8Array) => new TextDecoder().decode(of);

test("what the machine has waits no longer, and a strange answer changes nothing", () => {
  const keys = new Keystrokes();
  expect(keys.empty).toBe(true);
  keys.add(bytes("hel"));
  keys.add(bytes("lo"));
  expect([keys.from, text(keys.next)]).toEqual([0, "hello"]);
  keys.taken(2);
  expect([keys.from, text(keys.next)]).toEqual([2, "llo"]);
  for (const strange of [1, 2, 6, Number.NaN, Number.POSITIVE_INFINITY]) keys.taken(strange);
  expect([keys.from, text(keys.next)]).toEqual([2, "llo"]);
  keys.taken(5);
  expect([keys.from, keys.empty]).toEqual([5, true]);
});

test("a call takes so much, and what is too much to wait is not taken at all", () => {
  const keys = new Keystrokes();
  expect(keys.add(new Uint8Array(WAITING_BYTES_MAX - 1))).toBe(true);
  expect(keys.next.length).toBe(TYPED_BYTES_MAX);
  expect(keys.add(bytes("ab"))).toBe(false);
  expect(keys.add(bytes("a"))).toBe(true);
});

test("the statement has each byte in its place", () => {
  const made = statementOf({ actionId: ID, from: 2 ** 40 + 5, rows: 41, columns: 258, typed: bytes("ls\r") });
  const prefix = hex(bytes("reachback terminal v1\0"));
  expect(hex(made)).toBe(`${prefix}00112233445566778899aabbccddeeff00000000${"0000010000000005"}00290102${"6c730d"}`);
  expect(prefix).toHaveLength(44);
  expect(() => statementOf({ actionId: "a1", from: 0, rows: 1, columns: 1, typed: bytes("") })).toThrow("no id");
});

test("what is signed is checked by the public half, and the private one is not given away", async () => {
  const key = await makeTypingKey();
  const spki = fromBase64(key?.spki ?? "");
  expect(spki.length).toBe(44);
  const publicKey = await crypto.subtle.importKey("spki", spki, "Ed25519", false, ["verify"]);
  const signature = fromBase64((await key?.sign(bytes("a statement"))) ?? "");
  expect(await crypto.subtle.verify("Ed25519", publicKey, signature, bytes("a statement"))).toBe(true);
  expect(await crypto.subtle.verify("Ed25519", publicKey, signature, bytes("another"))).toBe(false);
});

interface Call {
  at: number;
  from: number;
  typed: string;
  rows: number;
  columns: number;
  signed: string;
}

let calls: Call[];
let answers: (number | Error)[]; // of the next calls: so many bytes are taken, or an error; else all of them
let held: Promise<void> | undefined;
let typist: Typist;

beforeEach(() => {
  vi.useFakeTimers();
  [calls, answers, held] = [[], [], undefined];
  const send = async (method: string, path: string, { body }: { body: Record<string, string | number> }) => {
    expect([method, path]).toEqual(["POST", `/api/reachback/terminals/${ID}/input`]);
    const typed = text(fromBase64(String(body.typed)));
    const from = Number(body.from);
    calls.push({ at: Date.now(), from, typed, rows: Number(body.rows), columns: Number(body.columns), signed: String(body.signature) });
    await held;
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return { taken: answer ?? from + typed.length };
  };
  typist = new Typist({
    api: { send } as unknown as Api,
    key: { spki: "", sign: (statement) => Promise.resolve(hex(statement)) },
    changed: () => undefined,
  });
});
afterEach(() => {
  typist.end();
  vi.useRealTimers();
});

const error = (status: number) => new ApiError(status, "", "so it is", "", 3);
const pass = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const sent = () => calls.map((one) => [one.from, one.typed]);
// The first call tells the window's size.
const begun = async () => {
  typist.begin(ID);
  await pass(100);
  calls.length = 0;
};

test("what is typed before it begins is sent when it has, with the window", async () => {
  typist.type(bytes("early"));
  typist.resize({ rows: 30, columns: 5000 });
  await pass(1000);
  expect(calls).toEqual([]);
  typist.begin(ID);
  await pass(0);
  expect(calls).toMatchObject([{ from: 0, typed: "early", rows: 30, columns: 1000 }]);
  expect(calls[0]?.signed).toBe(hex(statementOf({ actionId: ID, from: 0, rows: 30, columns: 1000, typed: bytes("early") })));
});

test("one call at a time: what is typed meanwhile gathers", async () => {
  await begun();
  let release: () => void = () => undefined;
  held = new Promise((resolve) => {
    release = resolve;
  });
  for (const key of "abc") {
    typist.type(bytes(key));
    await pass(200);
  }
  expect(sent()).toEqual([[0, "a"]]);
  release();
  await pass(0);
  expect(sent()).toEqual([[0, "a"], [1, "bc"]]);
});

test("no more calls are made than the server takes", async () => {
  await begun();
  for (let i = 0; i < 100; ++i) {
    typist.type(bytes("x"));
    await pass(10);
  }
  await pass(100);
  expect(calls.length).toBeLessThanOrEqual(22);
  expect(calls.map((one) => one.typed).join("")).toBe("x".repeat(100));
});

test("what the machine did not take is sent again, each byte in its place", async () => {
  await begun();
  answers = [2, 2];
  typist.type(bytes("hello"));
  await pass(1000);
  expect(sent()).toEqual([[0, "hello"], [2, "llo"], [2, "llo"]]);
});

test("a connection that breaks and a machine that does not answer lose no key", async () => {
  await begun();
  answers = [new Unreachable(), error(503)];
  typist.type(bytes("a"));
  await pass(499);
  expect(sent()).toEqual([[0, "a"]]);
  typist.type(bytes("b"));
  await pass(2000);
  expect(sent()).toEqual([[0, "a"], [0, "ab"], [0, "ab"]]);
  expect(typist.problem).toBeUndefined();
});

test("where it has not begun, or has ended, it looks again, less and less often", async () => {
  await begun();
  answers = Array.from({ length: 100 }, () => error(409));
  typist.type(bytes("a"));
  await pass(10_000);
  expect(calls[1]!.at - calls[0]!.at).toBe(100);
  expect(calls.length).toBeLessThan(15);
  typist.end();
  const before = calls.length;
  await pass(10_000);
  expect(calls.length).toBe(before);
});

test("a rate that is used up is waited for", async () => {
  await begun();
  answers = [error(429)];
  typist.type(bytes("a"));
  await pass(2900);
  expect(calls).toHaveLength(1);
  await pass(200);
  expect(calls).toHaveLength(2);
});

test("what is refused stops it until somebody says so again", async () => {
  await begun();
  answers = [error(403)];
  typist.type(bytes("a"));
  await pass(1000);
  expect(typist.problem).toMatchObject({ status: 403 });
  typist.type(bytes("b"));
  await pass(10_000);
  expect(calls).toHaveLength(1);
  typist.again();
  await pass(100);
  expect(sent().at(-1)).toEqual([0, "ab"]);
});

test("another size of the window is told without a key", async () => {
  await begun();
  typist.resize({ rows: 24, columns: 80 });
  await pass(1000);
  expect(calls).toEqual([]);
  typist.resize({ rows: 10, columns: 40 });
  await pass(1000);
  expect(calls).toMatchObject([{ from: 0, typed: "", rows: 10, columns: 40 }]);
});
