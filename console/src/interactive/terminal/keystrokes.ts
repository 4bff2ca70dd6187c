// What was typed into a terminal and the machine does not have yet. Pure.
export const TYPED_BYTES_MAX = 16 * 1024; // of one call
export const WAITING_BYTES_MAX = 1024 * 1024;

export class Keystrokes {
  from = 0; // so many bytes the machine has
  private waiting = new Uint8Array();

  get empty(): boolean {
    return this.waiting.length === 0;
  }
  // What goes out next. It stands behind `from` bytes.
  get next(): Uint8Array<ArrayBuffer> {
    return this.waiting.slice(0, TYPED_BYTES_MAX);
  }
  // False: it is too much to wait, and none of it is taken.
  add(bytes: Uint8Array): boolean {
    const { waiting } = this;
    if (waiting.length + bytes.length > WAITING_BYTES_MAX) return false;
    this.waiting = new Uint8Array(waiting.length + bytes.length);
    this.waiting.set(waiting);
    this.waiting.set(bytes, waiting.length);
    return true;
  }
  // The machine has so many bytes in all. Fewer than before, or more than there are: no effect.
  taken(bytes: number): void {
    const more = bytes - this.from;
    if (!(more > 0) || more > this.waiting.length) return;
    this.waiting = this.waiting.slice(more);
    this.from = bytes;
  }
}
