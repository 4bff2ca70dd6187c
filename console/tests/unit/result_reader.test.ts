import { expect, test } from "vitest";
import { ResultReader } from "../../src/api/result_reader.ts";

function reader() {
  const texts: Record<string, string> = {};
  const numbers: Record<string, number> = {};
  const made = new ResultReader({
    text: (key, piece) => (texts[key] = (texts[key] ?? "") + piece),
    number: (key, value) => (numbers[key] = value),
  });
  return { made, texts, numbers };
}

const RESULT = {
  script_name: "triage.sh",
  exit_code: -3,
  script_output: 'a "quote" \\ back\nslash \u0001 äöü 漢 🙂 \t end',
  script_errors: "",
  script_error: "",
};

test("reads a result, cut at any byte", () => {
  const bytes = new TextEncoder().encode(JSON.stringify(RESULT));
  for (let cut = 0; cut <= bytes.length; ++cut) {
    const { made, texts, numbers } = reader();
    made.feed(bytes.subarray(0, cut));
    made.feed(bytes.subarray(cut));
    expect(texts.script_output).toBe(RESULT.script_output);
    expect(texts.script_name).toBe("triage.sh");
    expect(numbers.exit_code).toBe(-3);
    expect(made.done).toBe(true);
  }
});

test("reads escapes of every form, in pieces of one character", () => {
  const { made, texts } = reader();
  for (const c of '{"k":"\\u00e4\\ud83d\\ude42\\n\\/\\"\\\\"}') made.feedText(c);
  expect(texts.k).toBe('ä🙂\n/"\\');
});

test("tells what it has before the end comes", () => {
  const { made, texts, numbers } = reader();
  made.feedText('{"script_name":"x","exit_code":7,"script_output":"so far');
  expect(texts.script_output).toBe("so far");
  expect(numbers.exit_code).toBe(7);
  expect(made.within).toBe("script_output");
  expect(made.complete.has("script_output")).toBe(false);
});

test("what is no result is told, and ends nothing", () => {
  for (const bad of ["[1]", '{"a" 1}', '{"a":true}', '{"a":"\\x"}', '{"a":"\\uzzzz"}']) {
    const { made } = reader();
    made.feedText(bad);
    expect(made.broken).toBe(true);
  }
});

test("begins in the middle of a text", () => {
  const { made, texts } = reader();
  made.startWithin("tail");
  made.feedText('the end","script_error":"again"}');
  expect(texts).toEqual({ tail: "the end", script_error: "again" });
});
