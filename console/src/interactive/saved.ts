// What `> FILE` saves on the responder's side. Pure.
import type { ScriptResult } from "../live/script_result";
import { visibleText } from "../text/visible";
import { cell, cellText, type Row, type RowReader } from "./rows";

// A name that a browser may save under: the path's last part, nothing in it that hides or steers.
export function saveName(file: string): string {
  const last = file.split(/[\\/]/u).findLast((part) => part !== "" && part !== "." && part !== "..") ?? "";
  return visibleText(last).replace(/[\u2400-\u2421"*:<>?|\n]/gu, "_").slice(0, 200) || "output.txt";
}

const BYTES_MAX = 64 * 1024 * 1024;

// Why no file `name` is made of what is kept here, rows or the text itself: a part of it would be missing. Else "".
export function whyNotSaved(name: string, script: Pick<ScriptResult, "size" | "whole" | "stdoutWhole" | "stdout">, rows?: RowReader): string {
  const isLarge = rows ? script.size > BYTES_MAX || rows.left > 0 : script.stdout.droppedLines > 0;
  if (isLarge) return `This is too large to be made into ${name} here.`;
  const isOdd = (script.whole && !script.stdoutWhole) || (rows !== undefined && rows.strange > 0);
  return isOdd ? `Not all of this can be made into ${name} here.` : "";
}

// JSON has every property; a table the columns, padded.
export function asText(rows: readonly Row[], columns: readonly string[], output: "table" | "json"): string {
  if (output === "json") return `[${rows.map((row) => `\n  ${JSON.stringify(row)}`).join(",")}\n]\n`;
  const lines = [columns, ...rows.map((row) => columns.map((column) => visibleText(cellText(cell(row, column))).replaceAll("\n", "⏎")))];
  const widths = columns.map((_, at) => lines.reduce((most, line) => Math.max(most, line[at]?.length ?? 0), 0));
  return lines.map((line) => `${line.map((text, at) => (at === columns.length - 1 ? text : text.padEnd(widths[at] ?? 0))).join("  ").trimEnd()}\n`).join("");
}
