// One line of a session, from being typed to what it left.
import type { ClientCommand, SessionCommand } from "../api/types";
import type { Follower } from "../live/follow";
import { phaseOf } from "../live/phase";
import type { ScriptResult } from "../live/script_result";
import { type Row, RowReader } from "./rows";
import type { RemoteTerminal } from "./terminal/remote_terminal";

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

// A line that the server may not have, as it is kept over a reload; with the rest once it has gone out.
export interface KeptLine {
  line: string;
  key?: string | undefined;
  sessionId?: string | undefined;
  folder?: string | undefined;
  keyLost?: boolean; // it opened a terminal, and the key ended with the page
}

let made = 0;

export class Entry {
  readonly id = ++made;
  readonly line: string;
  // As it first went out. It goes out again like that, so that it runs once, until the server has refused it.
  key: string = crypto.randomUUID();
  sessionId: string | undefined;
  folder: string | undefined;
  state: EntryState = "waiting";
  problem: { title: string; detail: string } | undefined;
  command: SessionCommand | undefined;
  client: ClientCommand | undefined;
  answer: Answer | undefined;
  follower: Follower | undefined;
  rows = new RowReader();
  terminal: RemoteTerminal | undefined; // that this page opens with it
  script: ScriptResult | undefined; // the result of a built-in command
  ranTo: number | undefined; // the exit code of a script
  resultError: unknown;
  reading = false;
  background = false;
  cleared = false; // by cls

  constructor(line: string) {
    this.line = line;
  }
  static restore(kept: KeptLine): Entry {
    const entry = new Entry(kept.line);
    const { key, sessionId, folder } = kept;
    return key !== undefined && sessionId !== undefined && folder !== undefined ? Object.assign(entry, { key, sessionId, folder }) : entry;
  }
  static listed(command: SessionCommand, sessionId: string): Entry {
    const line = command.command === "terminal" ? command.command : command.commandLine; // without the key
    return Object.assign(new Entry(line), { command, sessionId, folder: command.currentDirectory });
  }
  get kept(): KeptLine {
    const { line, key, sessionId, folder } = this;
    if (!this.wentOut) return { line };
    return this.terminal ? { line, keyLost: true } : { line, key, sessionId, folder };
  }

  // The server may have it.
  get wentOut(): boolean {
    return this.sessionId !== undefined;
  }
  // The server does not have it: it may go out anew, anywhere.
  forget(): void {
    this.key = crypto.randomUUID();
    this.sessionId = undefined;
    this.folder = undefined;
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
