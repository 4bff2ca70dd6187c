// What a machine's terminal may do to the screen that shows it.
import { expect, test } from "vitest";
import { ScreenFilter } from "../../src/interactive/terminal/screen_filter.ts";

const filtered = (text: string): string => new ScreenFilter().feed(text);

const DRAWING = [
  "plain text\r\n\t\b\u0007", "café 世 😀 \u00a0", "\u001b[1;31mred\u001b[0m", "\u001b[38;2;1;2;3mtrue\u001b[m", "\u001b[2J\u001b[H\u001b[10;20H\u001b[K",
  "\u001b[?1049h\u001b[?25l\u001b[?25h\u001b[?1049l", "\u001b(0lqqk\u001b(B", "\u001b7\u001b8\u001b=\u001b>\u001bM\u001bD", "\u001b[4 q", "\u001b[3;10r", "\u000e\u000f",
];

const EVIL = [
  "\u001b]52;c;ZXZpbA==\u0007", "\u001b]52;c;ZXZpbA==\u001b\\", "\u001b]0;title\u0007", "\u001b]8;;http://evil/\u001b\\", "\u001bP$qm\u001b\\", "\u001bP+q544e\u001b\\",
  "\u001b_apc\u001b\\", "\u001b^pm\u001b\\", "\u001bXsos\u001b\\", "\u001b[21t", "\u001b[8;1;1t", "\u001b[c", "\u001b[>c", "\u001b[=c", "\u001b[5n", "\u001b[6n", "\u001b[?6n",
  "\u001b[x", "\u001bc", "\u001bZ", "\u001b[!p", "\u001b[61\"p", "\u001b[?2026$p", "\u001b[>0q", "\u001b[?1004h", "\u001b[?01004h", "\u009d0;t\u009c", "\u009b21t", "\u0005", "\0",
  "\u007f", "\u001b\\", "\u202e", "\u2066", "\u200f",
];

test("what programs draw with passes", () => {
  for (const text of DRAWING) expect(filtered(text)).toBe(text);
});

test("what reaches beyond the screen, or makes it answer, is dropped", () => {
  for (const evil of EVIL) {
    const out = filtered(`a${evil}b`);
    // Of a C1 control that is dropped, what follows it is text.
    expect(out, JSON.stringify(evil)).toMatch(/^a[ -~]*b$/u);
  }
});

test("a sequence that begins within another is one of its own", () => {
  for (const begun of ["\u001b(", "\u001b[1;", "\u001b", "\u001b]0;t", "\u001bP1"]) {
    for (const evil of EVIL) expect(filtered(`a${begun}${evil}b`), JSON.stringify(begun + evil)).toMatch(/^a[ -~]*$/u);
  }
  expect(filtered("a\u001b(\u001b[1mb")).toBe("a\u001b[1mb");
});

test("of modes that are set at once, the others pass", () => {
  expect(filtered("\u001b[?1004;2004;1h")).toBe("\u001b[?2004;1h");
  expect(filtered("\u001b[?1004l")).toBe("\u001b[?1004l");
});

test("a string that never ends hides what follows until a sequence; one that is too long is none", () => {
  expect(filtered("a\u001b]0;title and more")).toBe("a");
  expect(filtered("a\u001b]0;title\u001b[1mb")).toBe("a\u001b[1mb");
  expect(filtered(`a\u001b[${"1".repeat(1000)}mb`)).not.toContain("\u001b");
});

test("where a piece is cut makes no difference", () => {
  const text = "x\u001b[31my\u001b]52;c;AA\u001b\\zé\u009bn\u001b[?1049h\u001b(0q";
  const whole = filtered(text);
  for (let cut = 0; cut <= text.length; ++cut) {
    const filter = new ScreenFilter();
    expect(filter.feed(text.slice(0, cut)) + filter.feed(text.slice(cut)), String(cut)).toBe(whole);
  }
});
