// An action as one text: who asked for what, and what each command said. For reading and keeping.
import type { MachineAction } from "../api/types";
import { commandLine, TYPE_WORDS } from "../run/draft";
import { Lines } from "../text/lines";
import { duration, parseTime, utcTime } from "../text/time";
import type { ScriptResult } from "./script_result";

export function transcriptOf(action: MachineAction, results: ReadonlyMap<number, ScriptResult>): Lines {
  const lines = new Lines();
  const time = (text: string | null) => {
    const date = parseTime(text);
    return date ? utcTime(date) : "–";
  };
  lines.note(`Action ${action.id} on ${action.computerDnsName} (${action.machineId})`);
  lines.note(`By ${action.requestor}, ${time(action.creationDateTimeUtc)}: ${action.status}`);
  if (action.requestorComment) lines.note(`Comment: ${action.requestorComment}`);
  for (const command of action.commands) {
    lines.note("");
    lines.note(`${command.index + 1} ▸ ${TYPE_WORDS[command.command.type]} ${commandLine(command.command)}`);
    const result = results.get(command.index);
    if (result) {
      append(lines, result.stdout, result.stdoutWhole, "out", "standard output");
      if (command.command.type !== "Terminal") append(lines, result.stderr, result.stderrWhole, "error", "standard error");
    }
    if (command.file) lines.note(`  ${command.file.path}, ${command.file.size} bytes, SHA-256 ${command.file.sha256}`);
    for (const error of command.errors) lines.note(`  ${error}`);
    lines.note(`  ${outcome(command.commandStatus, result?.exitCode)}, ${time(command.startTime)} to ${time(command.endTime)}${took(command.startTime, command.endTime)}`);
  }
  return lines;
}

function append(to: Lines, from: Lines, whole: boolean, kind: "out" | "error", name: string): void {
  if (from.empty) return;
  if (kind === "error") to.note(`  ${name}:`);
  to.append(`${from.shown()}\n`, kind);
  if (!whole || from.droppedLines > 0) to.note(`  (a part of ${name}; the result file has all of it)`);
}

function outcome(status: string, exitCode: number | undefined): string {
  return exitCode === undefined ? status : `${status}, exit code ${exitCode}`;
}
export function took(start: string | null, end: string | null): string {
  const from = parseTime(start);
  const to = parseTime(end);
  return from && to ? `, ${duration(to.getTime() - from.getTime())}` : "";
}
