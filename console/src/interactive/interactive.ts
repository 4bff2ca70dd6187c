// A session on a machine: lines go out one by one, in order; those that concern the machine wait for
// the one that runs there. Knows nothing of how it is shown.
import { type Api, ApiError, explain, SessionEnded } from "../api/client";
import { ResultLink } from "../api/links";
import { type ClientCommand, type CommandTable, FINAL, type InteractiveSession, type MachineAction, type SessionCommand } from "../api/types";
import { Follower } from "../live/follow";
import { ScriptResult } from "../live/script_result";
import { answerOf } from "./client_commands";
import { Entry, type KeptLine } from "./entry";
import { concernsMachine, History, opensTerminal } from "./line";
import { RowReader } from "./rows";
import { RemoteTerminal } from "./terminal/remote_terminal";
import { TracedApi } from "./traced_api";
import { endWords, NO_KEY, NOT_SENT, refusal, spoken } from "./words";

const BUSY_RETRY_MS = [1000, 3000, 5000, 10_000];
const READ_AT_ONCE = 5; // results of a session that was there already

export class Interactive {
  readonly api: Api;
  readonly table: CommandTable;
  private readonly say: (words: string) => void;
  private readonly listeners = new Set<() => void>();
  private readonly stop = new AbortController();
  private sending = false;
  private busyRounds = 0; // how often another action was in the way
  private busyTimer: ReturnType<typeof setTimeout> | undefined;
  readonly history = new History();
  readonly entries: Entry[] = [];
  readonly trace: string[] = [];
  tracing = false;
  ready: boolean; // what was done in the session is known, so its folder is
  session: InteractiveSession;
  folder = "/";
  advanced: boolean; // live response advanced
  looked: { entry: Entry; round: number } | undefined; // what fg asks to look at
  version = 0;

  constructor(parts: { api: Api; table: CommandTable; session: InteractiveSession; made: boolean; advanced: boolean; say: (words: string) => void }) {
    this.api = parts.api;
    this.table = parts.table;
    this.session = parts.session;
    this.ready = parts.made;
    this.advanced = parts.advanced;
    this.say = parts.say;
    if (parts.api instanceof TracedApi) {
      parts.api.asked = (method, path, status) => {
        if (!this.tracing) return;
        this.trace.push(`${method} ${path}: ${status}`);
        if (this.trace.length > 500) this.trace.shift();
        this.changed();
      };
    }
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  snapshot = (): number => this.version;
  changed(): void {
    this.version += 1;
    for (const listener of this.listeners) listener();
  }

  // Leaves it; the session stays open.
  end(): void {
    this.stop.abort();
    clearTimeout(this.busyTimer);
    for (const entry of this.entries) {
      entry.follower?.end();
      entry.terminal?.end();
    }
  }

  get ended(): boolean {
    return this.session.status === "Ended";
  }
  get running(): Entry | undefined {
    return this.entries.find((entry) => entry.state === "running");
  }
  // What Ctrl-C means.
  get foreground(): Entry | undefined {
    return this.entries.findLast((entry) => entry.state === "running" && !entry.background);
  }
  get unsent(): Entry[] {
    return this.entries.filter((entry) => entry.state === "unsent");
  }
  // Whether another action of the machine is in the way of what waits.
  get machineBusy(): boolean {
    return this.busyRounds > 0;
  }
  // `entry` is to be looked at.
  turnTo(entry: Entry): void {
    entry.cleared = false;
    this.looked = { entry, round: (this.looked?.round ?? 0) + 1 };
  }

  // ---- Lines

  // Takes a line. False: it was not taken, for the session has ended.
  enter(text: string): boolean {
    const line = text.trim();
    if (line === "") return true;
    if (this.ended) return false;
    this.history.add(line);
    this.entries.push(new Entry(line));
    this.changed();
    void this.pump();
    return true;
  }
  // Lines that were kept while nobody was here: they are not sent by themselves.
  keep(lines: readonly KeptLine[]): void {
    for (const kept of lines) {
      const entry = Entry.restore(kept);
      this.hold(entry, kept.keyLost ? NOT_SENT.keyLost : entry.wentOut ? NOT_SENT.noAnswer : NOT_SENT.noTurn);
      this.entries.push(entry);
    }
    this.changed();
  }
  withdraw(entry: Entry): void {
    if (entry.state !== "waiting" && entry.state !== "unsent") return;
    entry.state = "withdrawn";
    this.changed();
    void this.pump();
  }
  // Sends what could not be sent: one line, or all of them.
  async retry(only?: Entry): Promise<void> {
    for (const entry of only ? [only] : this.unsent) {
      entry.state = "waiting";
      entry.problem = undefined;
    }
    this.changed();
    await this.pump();
  }
  async cancel(entry: Entry): Promise<void> {
    if (!entry.action || entry.state !== "running") return;
    try {
      const after = await this.api.send<MachineAction>("POST", `/api/machineactions/${encodeURIComponent(entry.action.id)}/cancel`, {
        body: { Comment: "Cancelled in the interactive session" },
      });
      entry.follower?.take(after);
      this.say(`Command ${entry.command?.number ?? ""} is being cancelled`);
    } catch (error) {
      entry.problem = explain(error);
    }
    this.changed();
  }
  // What stands in the way of `entry`, in words.
  waitsFor(entry: Entry): string {
    if (!this.ready) return "waits until the session is taken up";
    const running = this.running;
    const ahead = this.entries.slice(0, this.entries.indexOf(entry)).filter((one) => one.state === "waiting" && concernsMachine(this.table, one.line)).length;
    const lines = ahead === 1 ? "the line before it" : `${ahead} lines before it`;
    if (running) return `waits for ${running.command?.number ?? "the one before"}${ahead > 0 ? ` and ${lines}` : ""}`;
    if (ahead > 0) return `waits for ${lines}`;
    return this.busyRounds > 0 ? "waits: another action runs on this machine" : "waits";
  }

  private next(): Entry | undefined {
    let first = true; // of those that concern the machine
    const free = !this.running && this.busyTimer === undefined;
    for (const entry of this.entries) {
      if (entry.state !== "waiting") continue;
      if (!concernsMachine(this.table, entry.line)) return entry;
      if (first && free) return entry;
      first = false;
    }
    return undefined;
  }
  private async pump(): Promise<void> {
    while (this.ready && !this.sending && !this.stop.signal.aborted) {
      const entry = this.next();
      if (!entry) return;
      this.sending = true;
      const isFirst = !entry.wentOut;
      entry.state = "sending";
      entry.sessionId ??= this.session.id;
      entry.folder ??= this.folder;
      this.changed();
      try {
        await this.send(entry);
        this.busyRounds = 0;
      } catch (error) {
        if (this.stop.signal.aborted) return;
        await this.notSent(entry, error, isFirst);
      } finally {
        this.sending = false;
      }
      this.changed();
    }
  }

  private async send(entry: Entry): Promise<void> {
    if (opensTerminal(entry.line)) {
      entry.terminal ??= await RemoteTerminal.make(this.api, () => this.changed());
      if (!entry.terminal) {
        entry.forget();
        return this.refuse(entry, NO_KEY);
      }
    }
    const answer = await this.api.send<SessionCommand | ClientCommand>("POST", `${sessionPath(entry.sessionId ?? "")}/commands`, {
      body: { commandLine: entry.terminal?.line ?? entry.line, currentDirectory: entry.folder },
      headers: { "Idempotency-Key": entry.key },
      signal: this.stop.signal,
    });
    if (answer.by === "client") {
      entry.client = answer;
      entry.answer = await answerOf(this, answer);
      entry.cleared = answer.command === "cls";
      entry.state = "ended";
      return;
    }
    if (entry.sessionId === this.session.id) this.session = { ...this.session, lastUsed: new Date().toISOString(), commands: answer.number };
    const listed = this.entries.find((one) => one !== entry && one.sessionId === entry.sessionId && one.command?.number === answer.number);
    if (!listed) return this.accept(entry, answer);
    // The server had it, and it was found when the session was taken up.
    this.entries.splice(this.entries.indexOf(entry), 1);
    if (entry.terminal && listed.state === "running") {
      listed.terminal = entry.terminal;
      listed.follower?.end();
      this.follow(listed);
    }
    this.turnTo(listed);
    this.say(`The server had it already: command ${answer.number}`);
  }
  private async notSent(entry: Entry, error: unknown, isFirst: boolean): Promise<void> {
    const status = error instanceof ApiError ? error.status : error instanceof SessionEnded ? 401 : 500;
    const isOfThis = entry.sessionId === this.session.id;
    // Where keys are not looked at, as before a rate, nothing is said about an earlier sending.
    if (status === 409 || status === 400 || (isFirst && status < 500)) entry.forget();
    if (error instanceof ApiError && error.code === "ActiveRequestAlreadyExists") {
      entry.state = "waiting";
      const wait = BUSY_RETRY_MS[Math.min(this.busyRounds, BUSY_RETRY_MS.length - 1)];
      this.busyRounds += 1;
      this.busyTimer = setTimeout(() => {
        this.busyTimer = undefined;
        void this.pump();
      }, wait);
    } else if (error instanceof ApiError && status === 409 && !isOfThis) {
      this.holdAll(entry, { title: "Not sent:", detail: "the session that it was typed in has ended without it. Send does it in this one." });
    } else if (error instanceof ApiError && status === 409) {
      const why = explain(error);
      await this.look().catch(() => {
        this.session = { ...this.session, status: "Ended", endReason: error.message };
      });
      // Still open by its own word: what was in conflict is told as the server told it.
      this.holdAll(entry, this.ended ? { title: "Not sent:", detail: "the session has ended." } : why);
    } else if (error instanceof ApiError && [400, 403, 404].includes(status)) {
      this.refuse(entry, refusal(error));
    } else {
      this.holdAll(entry, explain(error));
      if (!(error instanceof SessionEnded)) this.say(entry.wentOut ? "No answer. The line is kept." : "Not sent. The line is kept.");
    }
  }
  private refuse(entry: Entry, problem: { title: string; detail: string }): void {
    entry.state = "refused";
    entry.problem = problem;
    this.say(`${entry.line}: ${problem.title} ${problem.detail}`);
  }
  private hold(entry: Entry, problem: { title: string; detail: string }): void {
    entry.state = "unsent";
    entry.problem = problem;
  }
  // What waits behind a line that failed would run under another condition than was meant.
  private holdAll(first: Entry | undefined, problem: { title: string; detail: string }): void {
    if (first) this.hold(first, problem);
    for (const entry of this.entries) if (entry.state === "waiting") this.hold(entry, problem);
  }

  // ---- What the machine does

  private accept(entry: Entry, command: SessionCommand): void {
    entry.command = command;
    entry.folder = command.currentDirectory;
    entry.background = command.background;
    entry.state = "running";
    this.follow(entry);
  }
  follow(entry: Entry): void {
    const { command } = entry;
    if (!command) return;
    const rows = (entry.rows = new RowReader());
    const { terminal } = entry;
    terminal?.restart();
    const follower = new Follower(this.api, command.action.id, {
      action: command.action,
      heardOutput: (name, text) => {
        if (name === "stdout" && command.by === "agent") rows.feed(text);
      },
      ...terminal?.listener,
    });
    entry.follower = follower;
    entry.problem = undefined;
    follower.subscribe(() => {
      if (entry.phase === "running") terminal?.begin(command.action.id);
      this.changed();
    });
    void follower.run().then(() => this.stopped(entry, follower));
  }
  private async stopped(entry: Entry, follower: Follower): Promise<void> {
    if (this.stop.signal.aborted || entry.follower !== follower) return;
    if (!follower.final) {
      entry.problem = explain(follower.error);
      this.changed();
      return;
    }
    entry.terminal?.end();
    const number = entry.command?.number ?? "";
    const isCd = entry.command?.command === "cd";
    if (isCd) await this.goWhere(entry);
    entry.state = "ended";
    this.session = { ...this.session, lastUsed: new Date().toISOString() };
    this.changed();
    void this.pump();
    if (!isCd && entry.command?.by === "agent") await this.readResult(entry);
    this.say(`Command ${number}: ${spoken(entry)}`);
  }

  // The next line is meant for the folder that a cd leads to.
  private async goWhere(cd: Entry): Promise<void> {
    await this.readResult(cd);
    const led = cd.ledTo;
    if (led !== undefined) this.folder = led;
    else this.holdAll(undefined, { title: "Not sent:", detail: `cd did not lead anywhere, and this line would be done in ${this.folder}.` });
  }

  // The result is the truth; what came while it ran was a view.
  async readResult(entry: Entry): Promise<void> {
    if (!entry.action || entry.reading || !["completed", "failed"].includes(entry.phase ?? "")) return;
    const rows = new RowReader();
    const script = new ScriptResult(new ResultLink(this.api, entry.action.id, 0), (piece) => rows.feed(piece));
    await this.read(entry, async () => {
      await script.readFirst(this.stop.signal);
      if (script.whole) rows.end();
      entry.rows = rows;
      entry.script = script;
    });
  }
  async readMore(entry: Entry): Promise<void> {
    const { script, rows } = entry;
    if (!script || script.whole || entry.reading) return;
    await this.read(entry, async () => {
      await script.readMore(this.stop.signal);
      if (script.whole) rows.end();
    });
  }
  private async read(entry: Entry, job: () => Promise<void>): Promise<void> {
    entry.reading = true;
    entry.resultError = undefined;
    this.changed();
    try {
      await job();
    } catch (error) {
      entry.resultError = error;
    }
    entry.reading = false;
    this.changed();
  }

  // ---- The session

  // Takes up what was done in it before: commands that stand in no entry here. Lines wait for that.
  async resume(): Promise<void> {
    const { id } = this.session;
    const { value } = await this.api.get<{ value: SessionCommand[] }>(`${sessionPath(id)}/commands`, this.stop.signal);
    const known = new Set(this.entries.flatMap((one) => (one.sessionId === id && one.command ? [one.command.number] : [])));
    const found = value.filter((one) => !known.has(one.number)).map((command) => Entry.listed(command, id));
    for (const entry of found) {
      this.history.add(entry.line);
      this.takeTerminal(entry);
    }
    this.entries.splice(this.entries.findLastIndex((one) => !one.pending) + 1, 0, ...found);
    const last = found.at(-1);
    if (last) this.folder = last.folder ?? "/";
    const recent = found.slice(-READ_AT_ONCE);
    for (const entry of found) {
      const { command } = entry;
      if (!command) continue;
      if (!FINAL.includes(command.action.status)) {
        this.accept(entry, command);
        continue;
      }
      entry.state = "ended";
      if (entry === last && command.command === "cd") {
        await this.goWhere(entry);
      } else if (command.by === "agent" && recent.includes(entry)) {
        void this.readResult(entry);
      }
    }
    this.ready = true;
    this.changed();
    void this.pump();
  }
  // Of a line whose answer did not come: its command is found by its key, and the page types into it.
  private takeTerminal(found: Entry): void {
    const at = this.entries.findIndex((one) => one.state === "unsent" && one.terminal?.line === found.command?.commandLine);
    found.terminal = this.entries[at]?.terminal;
    if (found.terminal) this.entries.splice(at, 1);
  }
  // Reads how the session stands.
  async look(): Promise<void> {
    const before = this.ended;
    this.session = await this.api.get<InteractiveSession>(sessionPath(this.session.id), this.stop.signal);
    if (this.ended && !before) this.say(endWords(this.session));
    this.changed();
  }
  async close(): Promise<void> {
    this.session = await this.api.send<InteractiveSession>("POST", `${sessionPath(this.session.id)}/close`, { body: {} });
    this.say(endWords(this.session));
    this.changed();
  }
  // Goes on in another session, at `/`: one that was just made has no folder yet, another has to be taken up.
  reopened(session: InteractiveSession, made: boolean): void {
    this.session = session;
    this.ready = made;
    this.folder = "/";
    this.say("A new session is open");
    this.changed();
  }
  // ms until it ends if nothing is typed; null while something runs, and when it has ended.
  idleLeft(now: Date): number | null {
    if (this.ended || this.running) return null;
    return new Date(this.session.lastUsed).getTime() + this.session.idleTimeoutSeconds * 1000 - now.getTime();
  }
}

function sessionPath(sessionId: string): string {
  return `/api/reachback/sessions/${encodeURIComponent(sessionId)}`;
}
