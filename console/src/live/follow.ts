// Follows one action until it is final: by server-sent events, which bring the output while it is
// written; by asking again where the server has none.
import { type Api, ApiError } from "../api/client";
import { EventParser, type ServerEvent } from "../api/sse";
import { FINAL, type ActionStatus, type MachineAction } from "../api/types";
import { commandLine, TYPE_WORDS } from "../run/draft";
import { Lines } from "../text/lines";

export type Mode = "reading" | "live" | "asking" | "reconnecting" | "done";

// What came while it ran, of one command.
export class Stream {
  readonly stdout = new Lines();
  readonly stderr = new Lines();
  readonly bytes = { stdout: 0, stderr: 0 };
}

export type StreamName = "stdout" | "stderr";
interface OutputEvent {
  index: number;
  stream: StreamName;
  offset: number;
  length: number;
  text: string;
}
interface GapEvent {
  index: number;
  stream: StreamName;
  from: number; // how much there is from here on, only the result knows
}

// Who wants output as the machine wrote it.
interface Listener {
  heardOutput?: (name: StreamName, text: string) => void;
  heardGap?: () => void; // something of it did not come
  ready?: () => Promise<void> | undefined; // for more: nothing is read before
}

const DRAW_MS = 50;
const RETRY_MS = [500, 1000, 2000, 5000, 10_000];

export class Follower {
  private readonly api: Api;
  private readonly path: string;
  private readonly stop = new AbortController();
  private readonly listeners = new Set<() => void>();
  private lastId = "";
  private heard = 0; // events
  private pending: ReturnType<typeof setTimeout> | undefined;
  readonly streams = new Map<number, Stream>();
  readonly transcript = new Lines();
  action: MachineAction | undefined;
  error: unknown;
  mode: Mode = "reading";
  version = 0;

  private readonly listener: Listener;

  // `action`: where it was just read.
  constructor(api: Api, id: string, known: { action?: MachineAction } & Listener = {}) {
    this.api = api;
    this.path = `/api/machineactions/${encodeURIComponent(id)}`;
    this.action = known.action;
    this.listener = known;
  }

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  snapshot = (): number => this.version;

  async run(): Promise<void> {
    try {
      if (!this.action) await this.read();
      if (!this.final) await this.events();
      this.mode = "done";
    } catch (error) {
      if (this.stop.signal.aborted) return;
      this.error = error;
    }
    this.changed();
  }
  end(): void {
    this.stop.abort();
  }

  // The action as it is now: after a cancel, say.
  async read(): Promise<void> {
    this.take(await this.api.get<MachineAction>(this.path, this.stop.signal));
  }
  take(action: MachineAction): void {
    this.action = action;
    this.changed();
  }
  get final(): boolean {
    return this.action !== undefined && FINAL.includes(this.action.status);
  }

  private async events(): Promise<void> {
    for (let failures = 0; ; ) {
      try {
        const answer = await this.api.call("GET", `${this.path}/events`, {
          headers: { Accept: "text/event-stream", ...(this.lastId ? { "Last-Event-ID": this.lastId } : {}) },
          signal: this.stop.signal,
        });
        this.mode = "live";
        this.changed();
        const before = this.heard;
        const ended = await this.listen(answer);
        if (this.heard > before) failures = 0; // a stream that tells nothing is no better than none
        if (ended) {
          await this.read();
          return;
        }
      } catch (error) {
        if (this.stop.signal.aborted) throw error;
        if (error instanceof ApiError && error.missing) return this.ask();
        if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error;
        if (error instanceof Error && error.name === "SessionEnded") throw error;
      }
      this.mode = "reconnecting";
      this.changed();
      await this.pause(RETRY_MS[Math.min(failures++, RETRY_MS.length - 1)] ?? 1000);
    }
  }

  // Whether the stream told the end. A connection that broke did not.
  private async listen(answer: Response): Promise<boolean> {
    const reader = answer.body?.getReader();
    if (!reader) return false;
    const decoder = new TextDecoder();
    const parser = new EventParser();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return false;
      for (const event of parser.feed(decoder.decode(value, { stream: true }))) {
        if (event.id) this.lastId = event.id;
        this.heard += 1;
        if (event.event === "end") {
          await reader.cancel();
          return true;
        }
        this.hear(event);
      }
      this.changed();
      await this.listener.ready?.();
    }
  }

  private hear(event: ServerEvent): void {
    const action = this.action;
    if (!action) return;
    if (event.event === "status") {
      const said = JSON.parse(event.data) as { status: ActionStatus; lastUpdateDateTimeUtc: string };
      this.action = { ...action, ...said };
    } else if (event.event === "command") {
      const { index, ...said } = JSON.parse(event.data) as { index: number; commandStatus: string };
      const before = action.commands[index];
      if (before && before.commandStatus !== said.commandStatus && said.commandStatus === "Started") {
        this.transcript.note(`${index + 1} ▸ ${TYPE_WORDS[before.command.type]} ${commandLine(before.command)}`);
      }
      this.action = {
        ...action,
        commands: action.commands.map((command) => (command.index === index ? { ...command, ...said } : command)),
      };
    } else if (event.event === "output") {
      this.output(JSON.parse(event.data) as OutputEvent);
    } else if (event.event === "gap") {
      const gap = JSON.parse(event.data) as GapEvent;
      this.gap(gap.index, gap.stream);
    }
  }

  private stream(index: number): Stream {
    let stream = this.streams.get(index);
    if (!stream) this.streams.set(index, (stream = new Stream()));
    return stream;
  }
  private output(piece: OutputEvent): void {
    const stream = this.stream(piece.index);
    const have = stream.bytes[piece.stream];
    if (piece.offset + piece.length <= have) return; // it came before the connection broke
    if (piece.offset > have) this.gap(piece.index, piece.stream, piece.offset - have);
    stream[piece.stream].append(piece.text);
    this.listener.heardOutput?.(piece.stream, piece.text);
    stream.bytes[piece.stream] = piece.offset + piece.length;
    const isTiming = piece.stream === "stderr" && this.action?.commands[piece.index]?.command.type === "Terminal";
    if (!isTiming) this.transcript.append(piece.text, piece.stream === "stdout" ? "out" : "error");
  }
  private gap(index: number, name: StreamName, bytes?: number): void {
    const what = bytes === undefined ? "what follows" : `${bytes.toLocaleString("en")} bytes of it`;
    const words = `… ${what}: not in the live view, the result has it`;
    this.stream(index)[name].note(words);
    this.listener.heardGap?.();
    this.transcript.note(words);
  }

  private async ask(): Promise<void> {
    this.mode = "asking";
    this.changed();
    let round = 0;
    while (!this.final) {
      try {
        // Short waits at first, to see commands end; then few calls.
        const seconds = round++ < 10 ? 3 : 20;
        this.take(await this.api.get<MachineAction>(`${this.path}?waitFor=final&timeout=${seconds}s`, this.stop.signal));
      } catch (error) {
        if (this.stop.signal.aborted) throw error;
        if (error instanceof ApiError && error.status < 500 && error.status !== 429) throw error;
        if (error instanceof Error && error.name === "SessionEnded") throw error;
        await this.pause(error instanceof ApiError && error.retryAfterS ? error.retryAfterS * 1000 : 5000);
      }
    }
  }

  private pause(milliseconds: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, milliseconds);
      this.stop.signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(new DOMException("stopped", "AbortError"));
      });
    });
  }
  // However fast output comes, it is drawn some times a second.
  private changed(): void {
    this.pending ??= setTimeout(() => {
      this.pending = undefined;
      this.version += 1;
      for (const listener of this.listeners) listener();
    }, DRAW_MS);
  }
}
