// The commands that the console does itself: nothing is sent to the machine for them.
import { pathOf } from "../api/client";
import type { ClientCommand, LibraryFile, Page } from "../api/types";
import { localTime, parseTime } from "../text/time";
import type { Answer, Entry } from "./entry";
import type { Interactive } from "./interactive";
import { findCommand, usage } from "./line";
import { cell, type Row } from "./rows";

export async function answerOf(of: Interactive, command: ClientCommand): Promise<Answer | undefined> {
  switch (command.command) {
    case "library":
      return library(of, command);
    case "jobs":
      return table(command, accepted(of).map((entry) => ({
        number: entry.command?.number, status: stateWords(entry), started: time(entry.result?.startTime), commandLine: entry.line,
      })));
    case "fg":
      return foreground(of, command.parameters.number);
    case "status":
      return status(of, command.parameters.number);
    case "trace":
      of.tracing = !of.tracing;
      return { kind: "text", text: of.tracing ? "What is asked of the server is shown below the lines, until trace is typed again." : "What is asked of the server is shown no longer." };
    case "cls":
      for (const entry of of.entries) entry.cleared = !entry.pending && entry.state !== "running";
      return undefined;
    case "help":
      return help(of, command);
    case "exit":
      await of.close();
      return { kind: "text", text: "The session is ended." };
    default:
      return { kind: "text", text: `This console does not know how to do ${command.command}: reload it, it may be older than the server.` };
  }
}

async function library(of: Interactive, command: ClientCommand): Promise<Answer> {
  const rows: Row[] = [];
  for (let path: string | undefined = "/api/libraryfiles"; path !== undefined; ) {
    const page: Page<LibraryFile> = await of.api.get(path);
    rows.push(...page.value.map((file) => ({ ...file })));
    const next = page["@odata.nextLink"];
    path = next && page.value.length > 0 ? pathOf(next) : undefined;
  }
  // The API need not tell every column of the table.
  const columns = command.columns.filter((column) => rows.some((row) => cell(row, column) !== undefined));
  return { kind: "table", columns, rows };
}

function table(command: ClientCommand, rows: readonly Row[]): Answer {
  return { kind: "table", columns: command.columns, rows };
}

// The commands of this session that the server has taken, in order.
function accepted(of: Interactive): Entry[] {
  return of.entries.filter((entry) => entry.command && entry.sessionId === of.session.id);
}
function byNumber(of: Interactive, number: string): Entry | undefined {
  return accepted(of).find((entry) => String(entry.command?.number) === number.trim());
}
function none(number: string): Answer {
  return { kind: "text", text: `There is no command ${number} in this session; jobs lists them.` };
}

function foreground(of: Interactive, number: string | undefined): Answer {
  const entry = number === undefined ? (of.running ?? accepted(of).at(-1)) : byNumber(of, number);
  if (!entry) return number === undefined ? { kind: "text", text: "There is no command in this session yet." } : none(number);
  entry.background = false;
  of.turnTo(entry);
  return { kind: "text", text: `Command ${entry.command?.number}: ${stateWords(entry)}.` };
}

function status(of: Interactive, number: string | undefined): Answer {
  if (number === undefined) {
    const { session } = of;
    return pairs({
      Session: session.id, Status: session.status, By: session.creator, Comment: session.comment, Opened: time(session.created),
      "Ends without a command after": `${Math.round(session.idleTimeoutSeconds / 60)} min`, Commands: String(accepted(of).length), Folder: of.folder,
      Waiting: String(of.entries.filter((entry) => entry.state === "waiting").length),
    });
  }
  const entry = byNumber(of, number);
  if (!entry) return none(number);
  const { action, result } = entry;
  return pairs({
    Command: entry.line, Folder: entry.folder, Status: stateWords(entry), Started: time(result?.startTime), Ended: time(result?.endTime),
    "Exit code": entry.exitCode === undefined ? undefined : String(entry.exitCode), Errors: result?.errors.join("; "), Action: action?.id,
  });
}

function pairs(all: Record<string, string | undefined>): Answer {
  return { kind: "pairs", pairs: Object.entries(all).flatMap(([name, value]) => (value ? [[name, value] as const] : [])) };
}

function help(of: Interactive, command: ClientCommand): Answer {
  const word = command.parameters.command;
  const lacks = (role: string) => role === "advanced" && !of.advanced;
  if (word === undefined) {
    return table(command, of.table.commands.map((one) => ({
      command: one.name, summary: lacks(one.role) ? `${one.summary} (needs live response advanced, which you do not have)` : one.summary,
    })));
  }
  const found = findCommand(of.table, word);
  if (!found) return { kind: "text", text: `There is no command ${word}; help lists them.` };
  return pairs({
    [found.name]: found.summary,
    "Written": usage(found),
    "Also": found.aliases?.join(", "),
    "Done by": { agent: "the agent, on the machine", action: "the agent, on the machine", client: "this page; nothing is sent to the machine" }[found.by],
    "Needs": found.role === "advanced" ? "live response advanced" : "live response",
    "Behind it may stand": [found.columns.length > 0 ? "-output json or -output table" : "", "> FILE to save here", found.by === "client" ? "" : "& to leave it in the background"]
      .filter(Boolean).join("; "),
  });
}

export function stateWords(entry: Entry): string {
  if (entry.state === "running") return entry.background ? "running in the background" : "running";
  if (entry.state !== "ended") return entry.state;
  if (entry.phase === "skipped") return "not run";
  if (entry.phase === "failed") return "failed";
  return entry.exitCode !== undefined && entry.exitCode !== 0 ? `exit code ${entry.exitCode}` : "completed";
}

function time(text: string | null | undefined): string | undefined {
  const date = parseTime(text);
  return date ? localTime(date) : undefined;
}
