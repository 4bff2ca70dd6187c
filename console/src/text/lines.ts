// Text that grows, as lines made visible, and as rows of a fixed number of columns for a window that
// draws only what is seen. Bounded: past the bounds the oldest lines are let go, and that is told.
import { visible, type Visible } from "./visible";

export type Kind = "out" | "error" | "note";

export interface Row {
  line: number; // from 1, counted from the beginning of the text
  first: boolean; // whether the line begins in this row
  kind: Kind;
  text: Visible;
  start: number; // the part of `text` that is this row
  end: number;
}

interface Line {
  text: Visible;
  kind: Kind;
}

export interface Bounds {
  chars: number;
  lines: number;
}
const BOUNDS: Bounds = { chars: 16 * 1024 * 1024, lines: 1_000_000 };
// A line without an end would be made visible again with every piece of it, so it ends here.
const LINE_CHARS_MAX = 1024 * 1024;

export class Lines {
  private readonly bounds: Bounds;
  private lines: Line[] = [];
  private starts: number[] = [0]; // starts[i]: rows before line i; one more than lines
  private open = ""; // the last line, raw, while its end has not come
  private openKind: Kind = "out";
  private chars = 0;
  columns = 120;
  droppedLines = 0;
  version = 0; // changes with every change

  constructor(bounds: Bounds = BOUNDS) {
    this.bounds = bounds;
  }

  append(text: string, kind: Kind = "out"): void {
    if (text === "") return;
    if (this.openKind !== kind) this.open = "";
    const parts = (this.open + text).split("\n");
    if (this.open !== "") this.pop();
    this.open = parts.pop() ?? "";
    this.openKind = kind;
    for (const part of parts) this.push(part.endsWith("\r") ? part.slice(0, -1) : part, kind);
    if (this.open !== "") this.push(this.open, kind);
    if (this.open.length > LINE_CHARS_MAX) this.open = "";
    this.trim();
    this.version += 1;
  }

  // A line of the console's own.
  note(text: string): void {
    this.append(`${text}\n`, "note");
  }

  get lineCount(): number {
    return this.lines.length + this.droppedLines;
  }
  get rowCount(): number {
    return this.starts[this.lines.length] ?? 0;
  }
  get empty(): boolean {
    return this.lines.length === 0;
  }

  setColumns(columns: number): void {
    if (columns === this.columns || columns < 1) return;
    this.columns = columns;
    this.count();
    this.version += 1;
  }

  row(index: number): Row | undefined {
    if (index < 0 || index >= this.rowCount) return undefined;
    let low = 0;
    let high = this.lines.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.starts[middle] ?? 0) <= index) low = middle;
      else high = middle - 1;
    }
    const line = this.lines[low];
    if (line === undefined) return undefined;
    const part = index - (this.starts[low] ?? 0);
    return {
      line: low + 1 + this.droppedLines,
      first: part === 0,
      kind: line.kind,
      text: line.text,
      start: part * this.columns,
      end: Math.min(line.text.text.length, (part + 1) * this.columns),
    };
  }

  // Everything, as it is shown: for copying.
  shown(): string {
    return this.lines.map((line) => line.text.text).join("\n");
  }

  // Rows where `words` stand, without regard to case; at most `max`.
  find(words: string, max = 1000): number[] {
    const wanted = words.toLowerCase();
    const found: number[] = [];
    if (wanted === "") return found;
    for (let i = 0; i < this.lines.length && found.length < max; ++i) {
      const at = this.lines[i]?.text.text.toLowerCase().indexOf(wanted) ?? -1;
      if (at >= 0) found.push((this.starts[i] ?? 0) + Math.floor(at / this.columns));
    }
    return found;
  }

  private rowsOf(line: Line): number {
    return Math.max(1, Math.ceil(line.text.text.length / this.columns));
  }
  private push(raw: string, kind: Kind): void {
    const line = { text: visible(raw), kind };
    this.lines.push(line);
    this.chars += line.text.text.length + 1;
    this.starts.push(this.rowsBefore() + this.rowsOf(line));
  }
  private rowsBefore(): number {
    return this.starts[this.starts.length - 1] ?? 0;
  }
  private pop(): void {
    const line = this.lines.pop();
    if (line === undefined) return;
    this.starts.pop();
    this.chars -= line.text.text.length + 1;
  }
  private trim(): void {
    let drop = Math.max(0, this.lines.length - this.bounds.lines);
    for (let i = 0; i < drop; ++i) this.chars -= (this.lines[i]?.text.text.length ?? 0) + 1;
    while (this.chars > this.bounds.chars && drop < this.lines.length - 1) {
      this.chars -= (this.lines[drop]?.text.text.length ?? 0) + 1;
      drop += 1;
    }
    if (drop === 0) return;
    this.lines.splice(0, drop);
    this.droppedLines += drop;
    this.count();
  }
  private count(): void {
    this.starts = [0];
    for (const line of this.lines) this.starts.push(this.rowsBefore() + this.rowsOf(line));
  }
}
