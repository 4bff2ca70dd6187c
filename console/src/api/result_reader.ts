// Reads the result file of a RunScript as its bytes come: one JSON object of texts and numbers. The
// file may have gigabytes, and its end may never be read, so nothing waits for the end: each piece
// of a text is told as it is decoded. Standing in the middle is told by `done`.

export interface ResultSink {
  text(key: string, piece: string): void;
  number(key: string, value: number): void;
}

type State = "start" | "key" | "colon" | "value" | "text" | "number" | "next" | "done" | "broken";

const ESCAPES: Record<string, string> = {
  n: "\n", r: "\r", t: "\t", b: "\b", f: "\f", '"': '"', "\\": "\\", "/": "/",
};

export class ResultReader {
  private state: State = "start";
  private key = "";
  private inKey = false;
  private digits = "";
  private pieces = ""; // decoded, and not told yet
  private escape = ""; // of an escape that is not complete: "\", "\u", "\u0", …
  private readonly decoder = new TextDecoder();
  readonly complete = new Set<string>(); // keys whose values have been read to their end

  private readonly sink: ResultSink;

  constructor(sink: ResultSink) {
    this.sink = sink;
  }

  get done(): boolean {
    return this.state === "done";
  }
  get broken(): boolean {
    return this.state === "broken";
  }
  // The text that is being read.
  get within(): string | null {
    return this.state === "text" ? this.key : null;
  }

  // Begins inside the text of `key`: for the last part of a file.
  startWithin(key: string): void {
    this.state = "text";
    this.key = key;
  }

  feed(bytes: Uint8Array): void {
    this.feedText(this.decoder.decode(bytes, { stream: true }));
  }

  feedText(text: string): void {
    let at = 0;
    while (at < text.length && this.state !== "broken" && this.state !== "done") {
      at = this.inKey || this.state === "text" ? this.string(text, at) : this.between(text, at);
    }
    this.flush();
  }

  private between(text: string, at: number): number {
    const c = text[at] as string;
    if (this.state === "number") {
      if (/[-+0-9.eE]/u.test(c)) {
        this.digits += c;
        return at + 1;
      }
      this.sink.number(this.key, Number(this.digits));
      this.complete.add(this.key);
      this.state = "next";
      return at;
    }
    if (/\s/u.test(c)) return at + 1;
    if (this.state === "start" && c === "{") this.state = "key";
    else if (this.state === "key" && c === '"') {
      this.key = "";
      this.inKey = true;
    } else if (this.state === "colon" && c === ":") this.state = "value";
    else if (this.state === "value" && c === '"') this.state = "text";
    else if (this.state === "value" && /[-0-9]/u.test(c)) {
      this.state = "number";
      this.digits = c;
    } else if (this.state === "next" && c === ",") this.state = "key";
    else if ((this.state === "next" || this.state === "key") && c === "}") this.state = "done";
    else this.state = "broken";
    return at + 1;
  }

  // Reads on in a string until its end or that of `text`.
  private string(text: string, at: number): number {
    if (this.escape !== "") return this.inEscape(text, at);
    let end = at;
    while (end < text.length && text[end] !== '"' && text[end] !== "\\") end += 1;
    if (end > at) this.piece(text.slice(at, end));
    if (end === text.length) return end;
    if (text[end] === "\\") this.escape = "\\";
    else this.closed();
    return end + 1;
  }

  private inEscape(text: string, at: number): number {
    this.escape += text[at] as string;
    if (this.escape[1] !== "u") {
      const character = ESCAPES[this.escape[1] as string];
      this.escape = "";
      if (character === undefined) this.state = "broken";
      else this.piece(character);
    } else if (this.escape.length === 6) {
      const code = Number.parseInt(this.escape.slice(2), 16);
      this.escape = "";
      if (Number.isNaN(code)) this.state = "broken";
      else this.piece(String.fromCharCode(code));
    }
    return at + 1;
  }

  private piece(text: string): void {
    if (this.inKey) this.key += text;
    else this.pieces += text;
  }
  private flush(): void {
    if (this.pieces !== "") this.sink.text(this.key, this.pieces);
    this.pieces = "";
  }
  private closed(): void {
    this.flush();
    if (this.inKey) {
      this.inKey = false;
      this.state = "colon";
    } else {
      this.complete.add(this.key);
      this.state = "next";
    }
  }
}
