import { expect, test } from "vitest";
import { EventParser } from "../../src/api/sse.ts";

const STREAM = ": hello\n\nid: 1\nevent: status\ndata: {\"a\":1}\n\ndata: two\ndata: lines\n\nid: 3\ndata:no blank\n\n";
const EVENTS = [
  { id: "1", event: "status", data: '{"a":1}' },
  { id: "1", event: "message", data: "two\nlines" },
  { id: "3", event: "message", data: "no blank" },
];

test("reads events, cut anywhere, with every line end", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = STREAM.replaceAll("\n", end);
    for (let cut = 0; cut <= text.length; ++cut) {
      const parser = new EventParser();
      const events = [...parser.feed(text.slice(0, cut)), ...parser.feed(text.slice(cut)), ...parser.feed(":\n")];
      expect(events).toEqual(EVENTS);
    }
  }
});

test("an event whose end has not come is none", () => {
  const parser = new EventParser();
  expect(parser.feed("id: 9\nevent: end\ndata: {}\n")).toEqual([]);
  expect(parser.feed("\n")).toEqual([{ id: "9", event: "end", data: "{}" }]);
});

test("comments, unknown fields, events without data and a byte order mark are passed over", () => {
  expect(new EventParser().feed("\ufeff:c\nretry: 5\nnonsense\nevent: x\n\ndata: y\n\n")).toEqual([{ id: "", event: "message", data: "y" }]);
});

test("an id with a NUL does not count", () => {
  expect(new EventParser().feed("id: a\0b\ndata: y\n\n")[0]?.id).toBe("");
});
