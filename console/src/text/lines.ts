// Text that grows, as lines made visible, and as rows of a fixed number of columns for a window that
// draws only what is seen. Bounded: past `charsMax` the oldest lines are let go, and that is told.
import { visible, type Visible } from "./visible";

export interface Row {
  line: number; // from 1, counted from the beginning of the text
  first: boolean; // whether the line begins in this row
  text: Visible;
  start: number;
  end: number;
}

const LINE_CHARS_MAX = 1024 * 1024;

export class Lines {
  private lines: Visible[] = [];
  private starts: number[] = [0]; // starts[i]: rows before line i; one more than lines
  private open = ""; // the last line, raw, whose end has not come
  private chars = 0;
  columns = 120;
  droppedLines = 0;
  version = 0; // changes with every change

  private readonly charsMax: number;

  constructor(charsMax: number = 64 * 1024 * 1024) {
    this.charsMax = charsMax;
  }

  append(text: string): void {
    if (text === "") return;
    const parts = (this.open + text).split("\n");
    if (this.open !== "") this.pop();
    this.open = parts.pop() ?? "";
    for (const part of parts) this.push(part.endsWith("\r") ? part.slice(0, -1) : part);
    if (this.open !== "") this.push(this.open);
    // A line without an end would be made visible again with every piece of it.
    if (this.open.length > LINE_CHARS_MAX) this.open = "";
    this.trim();
    this.version += 1;
  }

  clear(): void {
    this.lines = [];
    this.starts = [0];
    this.open = "";
    this.chars = 0;
    this.droppedLines = 0;
    this.version += 1;
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
    const text = this.lines[low];
    if (text === undefined) return undefined;
    const part = index - (this.starts[low] ?? 0);
    return {
      line: low + 1 + this.droppedLines,
      first: part === 0,
      text,
      start: part * this.columns,
      end: Math.min(text.text.length, (part + 1) * this.columns),
    };
  }

  // Everything, as it is shown: for copying.
  shown(): string {
    return this.lines.map((line) => line.text).join("\n");
  }

  // Rows whose line holds `words`, without regard to case; at most `max`.
  find(words: string, max = 1000): number[] {
    const wanted = words.toLowerCase();
    const found: number[] = [];
    if (wanted === "") return found;
    for (let i = 0; i < this.lines.length && found.length < max; ++i) {
      const at = this.lines[i]?.text.toLowerCase().indexOf(wanted) ?? -1;
      if (at >= 0) found.push((this.starts[i] ?? 0) + Math.floor(at / this.columns));
    }
    return found;
  }

  private rowsOf(line: Visible): number {
    return Math.max(1, Math.ceil(line.text.length / this.columns));
  }
  private push(raw: string): void {
    const line = visible(raw);
    this.lines.push(line);
    this.chars += line.text.length + 1;
    this.starts.push(this.rowCountBefore() + this.rowsOf(line));
  }
  private rowCountBefore(): number {
    return this.starts[this.starts.length - 1] ?? 0;
  }
  private pop(): void {
    const line = this.lines.pop();
    if (line === undefined) return;
    this.starts.pop();
    this.chars -= line.text.length + 1;
  }
  private trim(): void {
    let drop = 0;
    while (this.chars > this.charsMax && drop < this.lines.length - 1) {
      this.chars -= (this.lines[drop]?.text.length ?? 0) + 1;
      drop += 1;
    }
    if (drop === 0) return;
    this.lines.splice(0, drop);
    this.droppedLines += drop;
    this.count();
  }
  private count(): void {
    this.starts = [0];
    for (const line of this.lines) this.starts.push(this.rowCountBefore() + this.rowsOf(line));
  }
}
