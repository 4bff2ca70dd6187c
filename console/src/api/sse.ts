// Server-sent events out of a stream of text (WHATWG HTML, "server-sent events"). Pure.

export interface ServerEvent {
  id: string;
  event: string;
  data: string;
}

export class EventParser {
  private rest = "";
  private id = "";
  private event = "";
  private data: string[] = [];
  private first = true;

  // The events that `text` completes. What is not complete waits for the next text.
  feed(text: string): ServerEvent[] {
    if (this.first && text !== "") {
      this.first = false;
      if (text.startsWith("\ufeff")) text = text.slice(1);
    }
    const out: ServerEvent[] = [];
    this.rest += text;
    for (;;) {
      const end = this.rest.search(/[\r\n]/u);
      // A carriage return at the very end may be the first half of a CRLF.
      if (end < 0 || (this.rest[end] === "\r" && end === this.rest.length - 1)) return out;
      const line = this.rest.slice(0, end);
      this.rest = this.rest.slice(end + (this.rest.startsWith("\r\n", end) ? 2 : 1));
      const event = this.line(line);
      if (event) out.push(event);
    }
  }

  private line(line: string): ServerEvent | null {
    if (line === "") {
      const { event, data } = this;
      this.event = "";
      this.data = [];
      if (data.length === 0) return null;
      return { id: this.id, event: event || "message", data: data.join("\n") };
    }
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /u, "");
    if (field === "event") this.event = value;
    else if (field === "data") this.data.push(value);
    else if (field === "id" && !value.includes("\0")) this.id = value;
    return null;
  }
}
