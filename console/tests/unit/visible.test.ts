import { expect, test } from "vitest";
import { pictureName, segments, visible, visibleText } from "../../src/text/visible.ts";

test("plain text stays as it is, without marks", () => {
  expect(visible("plain <b>text</b> äöü 漢字 🙂")).toEqual({ text: "plain <b>text</b> äöü 漢字 🙂", marks: [] });
});

test("every C0 control character but the tab, and DEL, is a picture", () => {
  for (let code = 0; code < 0x20; ++code) {
    if (code === 9) continue;
    const shown = visible(`a${String.fromCharCode(code)}b`);
    expect(shown.text).toBe(`a${String.fromCharCode(0x2400 + code)}b`);
    expect(shown.marks).toEqual([{ start: 1, end: 2, kind: "control" }]);
    expect(pictureName(shown.text[1] as string)).toMatch(/^[A-Z0-9]{2,3}$/u);
  }
  expect(visible("\u007f").text).toBe("\u2421");
  expect(pictureName("\u2421")).toBe("DEL");
});

test("an ANSI sequence is text with a visible beginning", () => {
  expect(visible("\u001b[31mred\u001b[0m").text).toBe("␛[31mred␛[0m");
  expect(visible("\u009b31m").text).toBe("⟦U+009B⟧31m");
});

test("marks of direction are shown by number, as bidi", () => {
  for (const mark of "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069") {
    const shown = visible(`x${mark}y`);
    expect(shown.text).toMatch(/^x⟦U\+[0-9A-F]{4}⟧y$/u);
    expect(shown.marks[0]?.kind).toBe("bidi");
  }
});

test("what a browser does not draw is shown", () => {
  for (const hidden of ["\u00ad", "\u200b", "\u200d", "\u2028", "\u2060", "\u3164", "\ufeff", "\u{e0041}", "\ufff9", "\ud800"]) {
    expect(visible(`x${hidden}y`).marks[0]?.kind).toBe("hidden");
  }
  expect(visible("\u{e0041}").text).toBe("⟦U+E0041⟧");
  expect(visible("\ud800").text).toBe("⟦U+D800⟧");
});

test("a sign in the text itself is no mark", () => {
  expect(visible("␛ ⟦U+202E⟧").marks).toEqual([]);
});

test("tabs reach the next of every eight columns", () => {
  expect(visible("a\tb").text).toBe("a       b");
  expect(visible("12345678\tb").text).toBe("12345678        b");
});

test("no control character and no mark of direction comes through, whatever comes in", () => {
  let all = "";
  for (let code = 0; code < 0x3000; ++code) if (code !== 10) all += String.fromCharCode(code);
  expect(visible(all).text).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f]/u);
});

test("segments cut a row out of a line, marks in two parts too", () => {
  const line = visible("ab\u202ecd");
  expect(segments(line)).toEqual([
    { text: "ab", kind: null },
    { text: "⟦U+202E⟧", kind: "bidi" },
    { text: "cd", kind: null },
  ]);
  expect(segments(line, 0, 4).map((part) => part.text)).toEqual(["ab", "⟦U"]);
  expect(segments(line, 4, 12).map((part) => part.text)).toEqual(["+202E⟧", "cd"]);
});

test("short texts keep their line breaks", () => {
  expect(visibleText("a\r\nb\u0007\nc")).toBe("a\nb␇\nc");
});
