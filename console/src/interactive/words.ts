// What is said of a session and of its lines. Pure.
import { type ApiError, explain } from "../api/client";
import type { InteractiveSession } from "../api/types";
import { sentence } from "../text/sentence";
import type { Entry } from "./entry";
import { rowCount } from "./rows";

// Of lines that were kept while nobody was here.
export const NOT_SENT = {
  noTurn: { title: "Not sent.", detail: "The page was left before its turn came." },
  noAnswer: { title: "The page was left before an answer came.", detail: "Send shows its command if the server has it, and runs it if not." },
  keyLost: { title: "The page was left before an answer came.", detail: "If the server had it, its command stands here, and nobody can type into it. Send opens another terminal." },
};
export const NO_KEY = { title: "This browser cannot sign what is typed.", detail: "A terminal needs Ed25519 keys of WebCrypto, which newer browsers have; reachback shell opens one, too." };

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
  if (["run", "terminal"].includes(entry.command?.command ?? "")) return "ended";
  return entry.command?.by === "agent" ? `${how}, ${rowCount(entry.rows.rows)}` : how;
}
