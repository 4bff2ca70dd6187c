// A terminal on a machine that this page opened: what it shows goes to a screen, what is typed there
// goes to the machine. Knows nothing of how the screen draws.
import type { Api } from "../../api/client";
import type { StreamName } from "../../live/follow";
import { ScreenFilter } from "./screen_filter";
import { FIRST_SIZE, Typist } from "./typist";
import { makeTypingKey } from "./typing_key";

export interface Screen {
  write: (text: string, drawn: () => void) => void;
  clear: () => void;
}

// So much may have come that the screen has not drawn.
const UNDRAWN_CHARS_MAX = 256 * 1024;

export class RemoteTerminal {
  readonly line: string; // that opens it
  readonly typist: Typist;
  private readonly changed: () => void;
  private filter = new ScreenFilter();
  private screen: Screen | undefined;
  private early = ""; // shown before there is a screen
  private undrawn = 0;
  private round = 0; // of being shown from its beginning
  private waiting: (() => void)[] = [];
  failed: unknown; // there will be no screen
  missing = false; // something that was shown did not come
  begun = false;
  ended = false;
  heard = false; // it has shown something

  // Undefined: this browser cannot sign.
  static async make(api: Api, changed: () => void): Promise<RemoteTerminal | undefined> {
    const key = await makeTypingKey();
    return key && new RemoteTerminal(key.spki, new Typist({ api, key, changed }), changed);
  }
  constructor(spki: string, typist: Typist, changed: () => void) {
    this.line = `terminal -key ${spki} -rows ${FIRST_SIZE.rows} -columns ${FIRST_SIZE.columns}`;
    this.typist = typist;
    this.changed = changed;
  }

  get hasScreen(): boolean {
    return this.begun && this.failed === undefined && (this.heard || !this.ended);
  }

  // It runs on the machine.
  begin(actionId: string): void {
    if (this.begun || this.ended) return;
    this.begun = true;
    this.typist.begin(actionId);
  }
  end(): void {
    this.ended = true;
    this.typist.end();
    this.release();
  }

  // Of what it shows, as the machine wrote it.
  readonly listener = {
    heardOutput: (name: StreamName, text: string): void => {
      if (name === "stdout") this.hear(text); // the other is its timing
    },
    heardGap: (): void => {
      this.missing = true;
    },
    // More is read when the screen has drawn what came.
    ready: (): Promise<void> | undefined => {
      if (this.undrawn < UNDRAWN_CHARS_MAX || this.ended || this.failed !== undefined) return undefined;
      return new Promise((resolve) => this.waiting.push(resolve));
    },
  };
  private hear(text: string): void {
    const shown = this.filter.feed(text);
    this.heard = true;
    if (shown === "" || this.failed !== undefined) return;
    this.undrawn += shown.length;
    if (this.screen) this.draw(shown);
    else this.early += shown;
  }
  // It is told from its beginning again.
  restart(): void {
    this.filter = new ScreenFilter();
    this.early = "";
    this.undrawn = 0;
    this.round += 1;
    this.missing = false;
    this.screen?.clear();
    this.release();
  }

  attach(screen: Screen): void {
    this.screen = screen;
    const { early } = this;
    this.early = "";
    if (early !== "") this.draw(early);
  }
  // The screen is gone, or could not be loaded: what is shown is text.
  giveUp(why: unknown): void {
    this.failed = why;
    this.screen = undefined;
    this.early = "";
    this.release();
    this.changed();
  }

  private draw(text: string): void {
    const { round } = this;
    this.screen?.write(text, () => {
      if (round !== this.round) return;
      this.undrawn -= text.length;
      if (this.undrawn < UNDRAWN_CHARS_MAX) this.release();
    });
  }
  private release(): void {
    const { waiting } = this;
    this.waiting = [];
    for (const resolve of waiting) resolve();
  }
}
