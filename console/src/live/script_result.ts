// The result of a RunScript, read only as far as somebody looks at it. A result may have gigabytes.
import { ResultReader } from "../api/result_reader";
import type { ResultLink } from "../api/links";
import { sha256 } from "../text/bytes";
import { Lines } from "../text/lines";

export const FIRST_BYTES = 1024 * 1024;
export const MORE_BYTES = 4 * 1024 * 1024;
const TAIL_BYTES = 512 * 1024;

export class ScriptResult {
  private readonly link: ResultLink;
  private readonly reader: ResultReader;
  readonly stdout = new Lines();
  readonly stderr = new Lines();
  exitCode: number | undefined;
  size = 0;
  bytesRead = 0;
  sha256: string | undefined; // of the whole file, where all of it came at once
  stderrFromEnd = false; // read before what is between it and the first part

  // `heard` gets standard output as the machine wrote it, in pieces.
  constructor(link: ResultLink, heard?: (piece: string) => void) {
    this.link = link;
    this.reader = new ResultReader({
      text: (key, piece) => {
        if (key === "script_output") {
          this.stdout.append(piece);
          heard?.(piece);
        } else if (key === "script_errors" && !this.stderrFromEnd) this.stderr.append(piece);
      },
      number: (key, value) => {
        if (key === "exit_code") this.exitCode = value;
      },
    });
  }

  get whole(): boolean {
    return this.size > 0 && (this.bytesRead >= this.size || this.reader.done);
  }
  get broken(): boolean {
    return this.reader.broken;
  }
  get stdoutWhole(): boolean {
    return this.reader.complete.has("script_output");
  }
  get stderrWhole(): boolean {
    return this.stderrFromEnd || this.reader.complete.has("script_errors");
  }

  async readFirst(signal?: AbortSignal): Promise<void> {
    const part = await this.link.read(0, FIRST_BYTES, signal);
    this.size = part.size;
    this.bytesRead = part.bytes.length;
    this.reader.feed(part.bytes);
    if (this.bytesRead >= this.size) this.sha256 = await sha256(part.bytes);
    else if (!this.stderrWhole) await this.readErrorsFromEnd(signal);
  }

  async readMore(signal?: AbortSignal): Promise<void> {
    const part = await this.link.read(this.bytesRead, MORE_BYTES, signal);
    this.bytesRead += part.bytes.length;
    this.reader.feed(part.bytes);
  }

  // Standard error stands twice at the end of the file. An unescaped quote, as in these marks, cannot
  // be part of a text, so the marks are where they seem to be.
  private async readErrorsFromEnd(signal?: AbortSignal): Promise<void> {
    const { bytes } = await this.link.read(-TAIL_BYTES, TAIL_BYTES, signal);
    const text = new TextDecoder().decode(bytes);
    const found = /(?<!\\)","script_errors?":"/u.exec(text);
    if (!found) return;
    const tail = new ResultReader({
      text: (key, piece) => {
        if (key === "stderr") this.stderr.append(piece);
      },
      number: () => undefined,
    });
    tail.startWithin("stderr");
    tail.feedText(text.slice(found.index + found[0].length));
    this.stderrFromEnd = true;
  }
}
