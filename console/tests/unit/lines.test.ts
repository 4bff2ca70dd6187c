import { expect, test } from "vitest";
import { Lines } from "../../src/text/lines.ts";

function rows(lines: Lines): string[] {
  return Array.from({ length: lines.rowCount }, (_, index) => {
    const row = lines.row(index);
    return row ? row.text.text.slice(row.start, row.end) : "?";
  });
}

test("pieces of text become lines, wherever they were cut", () => {
  const whole = "first\nsecond line\r\n\nlast";
  for (let cut = 0; cut <= whole.length; ++cut) {
    const lines = new Lines();
    lines.append(whole.slice(0, cut));
    lines.append(whole.slice(cut));
    // A carriage return that ends a piece is shown until its line feed comes.
    expect(rows(lines)).toEqual(["first", "second line", "", "last"]);
    expect(lines.lineCount).toBe(4);
  }
});

test("a long line is rows of so many columns, and another width is other rows", () => {
  const lines = new Lines();
  lines.setColumns(10);
  lines.append(`${"x".repeat(25)}\nshort\n`);
  expect(rows(lines)).toEqual(["x".repeat(10), "x".repeat(10), "xxxxx", "short"]);
  expect(lines.row(1)).toMatchObject({ line: 1, first: false });
  expect(lines.row(3)).toMatchObject({ line: 2, first: true });
  lines.setColumns(20);
  expect(lines.rowCount).toBe(3);
});

test("past its bounds the oldest lines go, and numbers stay what they were", () => {
  const lines = new Lines({ chars: 100, lines: 1000 });
  for (let i = 1; i <= 50; ++i) lines.append(`line ${i}\n`);
  expect(lines.droppedLines).toBeGreaterThan(30);
  expect(lines.lineCount).toBe(50);
  expect(lines.row(lines.rowCount - 1)).toMatchObject({ line: 50 });
  const few = new Lines({ chars: 1e6, lines: 10 });
  few.append("\n".repeat(25));
  expect(few.rowCount).toBe(10);
  expect(few.lineCount).toBe(25);
});

test("what is of another kind begins a line of its own", () => {
  const lines = new Lines();
  lines.append("out without end");
  lines.append("error\n", "error");
  lines.append(" more");
  expect(rows(lines)).toEqual(["out without end", "error", " more"]);
  expect([0, 1, 2].map((index) => lines.row(index)?.kind)).toEqual(["out", "error", "out"]);
});

test("a line that never ends is bounded work", () => {
  const lines = new Lines();
  const piece = "x".repeat(64 * 1024);
  const began = performance.now();
  for (let i = 0; i < 64; ++i) lines.append(piece);
  expect(performance.now() - began).toBeLessThan(5000);
  expect(lines.shown().replaceAll("\n", "").length).toBe(64 * piece.length);
});

test("words are found without regard to case, by row", () => {
  const lines = new Lines();
  lines.setColumns(10);
  lines.append("nothing\n0123456789needle\nNEEDLE\n");
  expect(lines.find("needle")).toEqual([2, 3]);
  expect(lines.find("")).toEqual([]);
});
