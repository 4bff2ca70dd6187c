// The rows of a built-in command: one JSON object a line, in pieces as they come. Pure.
export type Row = Readonly<Record<string, unknown>>;

const ROWS_MAX = 200_000;
const LINE_CHARS_MAX = 1024 * 1024;

export class RowReader {
  private open = ""; // the last line, while its end has not come
  readonly rows: Row[] = [];
  strange = 0; // lines that are no row
  left = 0; // rows that were not kept: past the bound

  feed(text: string): void {
    const parts = (this.open + text).split("\n");
    this.open = parts.pop() ?? "";
    for (const part of parts) this.line(part);
    if (this.open.length > LINE_CHARS_MAX) {
      this.open = "";
      this.strange += 1;
    }
  }
  // Nothing more comes: a last line may lack its end.
  end(): void {
    const last = this.open;
    this.open = "";
    this.line(last);
  }

  private line(text: string): void {
    if (text.trim() === "") return;
    const row = parse(text);
    if (!row) this.strange += 1;
    else if (this.rows.length < ROWS_MAX) this.rows.push(row);
    else this.left += 1;
  }
}

function parse(text: string): Row | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Row) : undefined;
  } catch {
    return undefined;
  }
}

// A value as a table shows it.
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(cellText).join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

// Of a row's own property: names come from the machine.
export function cell(row: Row, column: string): unknown {
  return Object.hasOwn(row, column) ? row[column] : undefined;
}

// The columns to show: the command's, else those of the first row.
export function columnsOf(columns: readonly string[], rows: readonly Row[]): readonly string[] {
  return columns.length > 0 ? columns : Object.keys(rows[0] ?? {});
}

// "12 rows"
export function rowCount(rows: readonly Row[]): string {
  return `${rows.length.toLocaleString("en")} ${rows.length === 1 ? "row" : "rows"}`;
}
