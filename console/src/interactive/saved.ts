// What `> FILE` saves on the responder's side. Pure.
import { visibleText } from "../text/visible";
import { cell, cellText, type Row } from "./rows";

// A name that a browser may save under: the path's last part, nothing in it that hides or steers.
export function saveName(file: string): string {
  const last = file.split(/[\\/]/u).findLast((part) => part !== "" && part !== "." && part !== "..") ?? "";
  return visibleText(last).replace(/[\u2400-\u2421"*:<>?|\n]/gu, "_").slice(0, 200) || "output.txt";
}

// JSON has every property; a table the columns, padded.
export function asText(rows: readonly Row[], columns: readonly string[], output: "table" | "json"): string {
  if (output === "json") return `[${rows.map((row) => `\n  ${JSON.stringify(row)}`).join(",")}\n]\n`;
  const lines = [columns, ...rows.map((row) => columns.map((column) => visibleText(cellText(cell(row, column))).replaceAll("\n", "⏎")))];
  const widths = columns.map((_, at) => lines.reduce((most, line) => Math.max(most, line[at]?.length ?? 0), 0));
  return lines.map((line) => `${line.map((text, at) => (at === columns.length - 1 ? text : text.padEnd(widths[at] ?? 0))).join("  ").trimEnd()}\n`).join("");
}
