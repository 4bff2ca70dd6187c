// One line of a session, from being typed to what it left.
import type { ClientCommand, SessionCommand } from "../api/types";
import type { Follower } from "../live/follow";
import { phaseOf } from "../live/phase";
import type { ScriptResult } from "../live/script_result";
import { type Row, RowReader } from "./rows";

export type EntryState =
  | "waiting" // for its turn
  | "sending"
  | "unsent" // its turn came, and it could not be sent: somebody has to say so again
  | "refused" // by the server: nothing ran
  | "running"
  | "ended"
  | "withdrawn";

// What the console itself answers.
export type Answer =
  | { kind: "table"; columns: readonly string[]; rows: readonly Row[] }
  | { kind: "pairs"; pairs: readonly (readonly [string, string])[] }
  | { kind: "text"; text: string };

let made = 0;

export class Entry {
  readonly id = ++made;
  readonly key = crypto.randomUUID(); // with which it is sent, however often
  readonly line: string;
  folder: string | undefined; // where it was sent
  state: EntryState = "waiting";
  problem: { title: string; detail: string } | undefined;
  unclear = false; // it went out, and no answer came
  command: SessionCommand | undefined;
  client: ClientCommand | undefined;
  answer: Answer | undefined;
  sessionId: string | undefined;
  follower: Follower | undefined;
  rows = new RowReader();
  script: ScriptResult | undefined; // the result of a built-in command
  ranTo: number | undefined; // the exit code of a script
  resultError: unknown;
  reading = false;
  background = false;
  cleared = false; // by cls

  constructor(line: string) {
    this.line = line;
  }

  get action() {
    return this.follower?.action ?? this.command?.action;
  }
  // The one command of its action.
  get result() {
    return this.action?.commands[0];
  }
  get exitCode(): number | undefined {
    return this.script?.exitCode ?? this.ranTo;
  }
  get phase() {
    return this.result ? phaseOf(this.result, this.follower?.final ?? this.state === "ended") : undefined;
  }
  // Where a cd led.
  get ledTo(): string | undefined {
    const path = this.command?.command === "cd" ? this.rows.rows[0]?.path : undefined;
    return typeof path === "string" && path.startsWith("/") ? path : undefined;
  }
  get pending(): boolean {
    return this.state === "waiting" || this.state === "sending" || this.state === "unsent";
  }
}
