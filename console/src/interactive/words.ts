// What is said of a session and of its lines. Pure.
import { type ApiError, explain } from "../api/client";
import type { InteractiveSession } from "../api/types";
import { sentence } from "../text/sentence";
import type { Entry } from "./entry";
import { rowCount } from "./rows";

export function refusal(error: ApiError): { title: string; detail: string } {
  if (error.status !== 400) return explain(error);
  return { title: "", detail: sentence(error.message.replace(/^commandLine: /u, "")) };
}

export function endWords(session: InteractiveSession): string {
  const { endReason } = session;
  if (endReason === "idle") return `The session has ended: ${Math.round(session.idleTimeoutSeconds / 60)} minutes without a command.`;
  return endReason ? `The session has ended: ${endReason}.` : "The session has ended.";
}

export function spoken(entry: Entry): string {
  if (entry.phase === "skipped") return "not run";
  const { exitCode } = entry;
  const how = entry.phase === "failed" || (exitCode !== undefined && exitCode !== 0) ? "failed" : "done";
  if (entry.ledTo !== undefined) return `now in ${entry.ledTo}`;
  if (entry.command?.command === "run") return "ended";
  return entry.command?.by === "agent" ? `${how}, ${rowCount(entry.rows.rows)}` : how;
}
