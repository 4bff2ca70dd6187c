// What a machine sent, made fit for a screen. Pure: text in, text and marks out. Nothing that a
// terminal would obey, a browser would not draw, or that changes the order of what is read stays
// invisible: it is replaced by a visible sign, and the sign's place is told, so that it can be drawn
// unlike the same sign in the text itself.

export interface Visible {
  text: string;
  marks: readonly Mark[];
}
export interface Mark {
  start: number; // in `text`, UTF-16 units
  end: number;
  kind: "control" | "bidi" | "hidden";
}

const TAB_COLUMNS = 8;

// C0 and DEL have pictures of their own in Unicode; all else is shown by its number. The two
// selectors that choose between text and picture of an emoji (U+FE0E, U+FE0F) are left alone.
const BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069";
const HIDDEN =
  "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2028\u2029\u2060-\u2065" +
  "\u206a-\u206f\u2800\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb" +
  "\u{1bca0}-\u{1bca3}\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}\ud800-\udfff";
const SPECIAL = new RegExp(`[\\u0000-\\u001f\\u007f-\\u009f${BIDI}${HIDDEN}]`, "gu");
const IS_BIDI = new RegExp(`[${BIDI}]`, "u");

function sign(character: string): { text: string; kind: Mark["kind"] } {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x20) {
    return { text: String.fromCharCode(0x2400 + code), kind: "control" };
  }
  if (code === 0x7f) {
    return { text: "\u2421", kind: "control" };
  }
  const number = `⟦U+${code.toString(16).toUpperCase().padStart(4, "0")}⟧`;
  if (code < 0xa0) {
    return { text: number, kind: "control" };
  }
  return { text: number, kind: IS_BIDI.test(character) ? "bidi" : "hidden" };
}

const NAMES = (
  "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB CAN EM SUB ESC FS GS RS US"
).split(" ");

// The name of a sign, where it is one of Unicode's pictures: few fonts have them.
export function pictureName(sign: string): string | undefined {
  const code = sign.codePointAt(0) ?? 0;
  return sign === "\u2421" ? "DEL" : NAMES[code - 0x2400];
}

// One line, without its line break. Tabs become spaces up to the next of every eight columns.
export function visible(line: string): Visible {
  const marks: Mark[] = [];
  let text = "";
  let from = 0;
  for (const found of line.matchAll(SPECIAL)) {
    text += line.slice(from, found.index);
    from = found.index + found[0].length;
    if (found[0] === "\t") {
      text += " ".repeat(TAB_COLUMNS - (text.length % TAB_COLUMNS));
      continue;
    }
    const shown = sign(found[0]);
    marks.push({ start: text.length, end: text.length + shown.text.length, kind: shown.kind });
    text += shown.text;
  }
  return from === 0 ? { text: line, marks } : { text: text + line.slice(from), marks };
}

// A short text for places that style nothing: names, comments, titles.
export function visibleText(text: string): string {
  return text
    .split(/\r\n|\n/u)
    .map((line) => visible(line).text)
    .join("\n");
}

export interface Segment {
  text: string;
  kind: Mark["kind"] | null;
}

// The part [start, end) of a line as runs of one kind each.
export function segments(line: Visible, start = 0, end = line.text.length): Segment[] {
  const out: Segment[] = [];
  let at = start;
  for (const mark of line.marks) {
    if (mark.end <= start) continue;
    if (mark.start >= end) break;
    const from = Math.max(mark.start, start);
    const to = Math.min(mark.end, end);
    if (from > at) out.push({ text: line.text.slice(at, from), kind: null });
    out.push({ text: line.text.slice(from, to), kind: mark.kind });
    at = to;
  }
  if (at < end) out.push({ text: line.text.slice(at, end), kind: null });
  return out;
}
