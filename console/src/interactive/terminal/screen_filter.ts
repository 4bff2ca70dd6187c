// What a machine's terminal shows, on its way to the screen. The machine may be hostile: what
// programs need to draw passes; what reaches beyond the screen does not. As the command line does it
// (src/cli/terminal_filter.h). Pure.
//
// Dropped: operating system commands (the title, the clipboard, links), device control strings and
// their kin, C1 controls, resets of the whole terminal, window operations, requests that a terminal
// would answer by typing, and marks of direction, which would show a row in another order.
const ESCAPE = "\u001b";
const SEQUENCE_CHARS_MAX = 128;
const FOCUS_REPORTS = "1004"; // of modes: the terminal would type when it is looked at

type State = "text" | "escape" | "intermediate" | "control" | "string" | "stringEscape";

const between = (c: string, from: string, to: string): boolean => c >= from && c <= to;

export class ScreenFilter {
  private state: State = "text";
  private sequence = ""; // the one that has begun

  // Pieces are cut anywhere between characters.
  feed(piece: string): string {
    let out = "";
    for (const c of piece) out += this.take(c);
    return out;
  }

  private take(c: string): string {
    // One that begins within another ends it, as in terminals; a string has its own end.
    if (c === ESCAPE && this.state !== "string") {
      this.begin();
      return "";
    }
    switch (this.state) {
      case "text":
        return isDrawn(c) ? c : "";
      case "escape":
        this.sequence += c;
        if (c === "[") this.state = "control";
        else if ("]PX^_".includes(c)) this.state = "string";
        else if (between(c, " ", "/")) this.state = "intermediate";
        else {
          this.state = "text";
          // Not ESC c (reset), ESC Z (who are you), and nothing that is no escape sequence.
          if (between(c, "0", "~") && !"cZ\\".includes(c)) return this.sequence;
        }
        return "";
      case "intermediate":
        this.sequence += c;
        if (between(c, " ", "/") && this.sequence.length <= SEQUENCE_CHARS_MAX) return "";
        this.state = "text";
        return between(c, "0", "~") ? this.sequence : "";
      case "control":
        this.sequence += c;
        if (between(c, "@", "~")) {
          this.state = "text";
          return controlOf(this.sequence);
        }
        if (!between(c, " ", "?") || this.sequence.length > SEQUENCE_CHARS_MAX) this.state = "text";
        return "";
      case "string":
        if (c === "\u0007") this.state = "text";
        else if (c === ESCAPE) this.state = "stringEscape";
        return "";
      case "stringEscape":
        if (c === "\\") {
          this.state = "text";
          return "";
        }
        this.begin();
        return this.take(c);
    }
  }
  private begin(): void {
    this.state = "escape";
    this.sequence = ESCAPE;
  }
}

function isDrawn(c: string): boolean {
  if (c < " ") return between(c, "\u0007", "\r") || c === "\u000e" || c === "\u000f";
  return !between(c, "\u007f", "\u009f") && !/[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u.test(c);
}

// A control sequence, or what may pass of it.
function controlOf(sequence: string): string {
  const last = sequence.at(-1) ?? "";
  const body = sequence.slice(2, -1);
  // c, n, x: the terminal would answer. t: windows. The others: resets, reports, keyboards.
  if ("cnxtpuwy".includes(last) || (last === "q" && /[!"$>=]/u.test(body))) return "";
  if (last !== "h" || !body.startsWith("?")) return sequence;
  const modes = body.slice(1).split(";").filter((mode) => mode !== "" && Number(mode) !== Number(FOCUS_REPORTS));
  return modes.length > 0 ? `${ESCAPE}[?${modes.join(";")}h` : "";
}
