// Sends what is typed into a terminal: one call at a time, signed, each byte with its place, so that
// a call may be sent again. Knows nothing of screens.
import { type Api, ApiError, Unreachable } from "../../api/client";
import { toBase64 } from "../../text/bytes";
import { Keystrokes } from "./keystrokes";
import { statementOf } from "./statement";
import type { TypingKey } from "./typing_key";

export interface WindowSize {
  rows: number;
  columns: number;
}
export const FIRST_SIZE: WindowSize = { rows: 24, columns: 80 }; // until the window is known
const SIDE_MAX = 1000;

const CALL_MS = 50; // from one call to the next: the server takes 20 a second
const FULL_MS = 20; // its program does not read just now
const UNREADY_MS = [100, 200, 500, 1000]; // it has not begun, or has just ended
const OUTAGE_MS = 500;

export class Typist {
  private readonly api: Api;
  private readonly key: TypingKey;
  private readonly changed: () => void;
  private readonly keys = new Keystrokes();
  private readonly stop = new AbortController();
  private actionId: string | undefined;
  private size = FIRST_SIZE;
  private told: WindowSize | undefined; // the size that the machine knows of
  private working = false;
  private notBefore = 0; // the next call
  private unready = 0; // answers in a row that it has not begun
  problem: unknown; // nothing is sent any more

  constructor(parts: { api: Api; key: TypingKey; changed: () => void }) {
    this.api = parts.api;
    this.key = parts.key;
    this.changed = parts.changed;
  }

  // From now on, what is typed goes out.
  begin(actionId: string): void {
    this.actionId = actionId;
    void this.work();
  }
  end(): void {
    this.stop.abort();
  }
  // False: too much waits, and none of this is taken.
  type(bytes: Uint8Array): boolean {
    const fits = this.keys.add(bytes);
    void this.work();
    return fits;
  }
  resize(size: WindowSize): void {
    const bound = (side: number) => Math.min(SIDE_MAX, Math.max(1, Math.floor(side)));
    this.size = { rows: bound(size.rows), columns: bound(size.columns) };
    void this.work();
  }
  // After a problem, once more.
  again(): void {
    this.problem = undefined;
    this.changed();
    void this.work();
  }

  private get hasWork(): boolean {
    return !this.keys.empty || this.told?.rows !== this.size.rows || this.told.columns !== this.size.columns;
  }
  private async work(): Promise<void> {
    const { actionId } = this;
    if (this.working || actionId === undefined || this.problem !== undefined) return;
    this.working = true;
    try {
      while (this.hasWork && !this.stop.signal.aborted) {
        await pause(this.notBefore - Date.now(), this.stop.signal);
        if (!this.stop.signal.aborted) await this.send(actionId);
      }
    } catch (error) {
      if (!this.stop.signal.aborted) {
        this.problem = error;
        this.changed();
      }
    } finally {
      this.working = false;
    }
  }

  // One call. Throws what another call would not change.
  private async send(actionId: string): Promise<void> {
    const { from, next: typed } = this.keys;
    const { rows, columns } = this.size;
    this.notBefore = Date.now() + CALL_MS;
    const wait = (ms: number) => {
      this.notBefore = Math.max(this.notBefore, Date.now() + ms);
    };
    const signature = await this.key.sign(statementOf({ actionId, from, rows, columns, typed }));
    try {
      const { taken } = await this.api.send<{ taken: number }>("POST", `/api/reachback/terminals/${encodeURIComponent(actionId)}/input`, {
        body: { from, typed: toBase64(typed), rows, columns, signature },
        signal: this.stop.signal,
      });
      this.unready = 0;
      this.keys.taken(taken);
      this.told = { rows, columns };
      if (taken < from + typed.length) wait(FULL_MS);
    } catch (error) {
      const status = error instanceof ApiError ? error.status : error instanceof Unreachable ? 503 : 0;
      if (status === 409) wait(UNREADY_MS[Math.min(this.unready++, UNREADY_MS.length - 1)] ?? 1000);
      else if (status === 429) wait(Math.max(1, (error as ApiError).retryAfterS) * 1000);
      else if (status >= 500) wait(OUTAGE_MS);
      else throw error;
    }
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  if (milliseconds <= 0 || signal.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener("abort", done);
  });
}
