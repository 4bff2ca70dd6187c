// The screen of a terminal, drawn by xterm.js. In a file of its own, for it is loaded when a terminal
// opens. What comes has passed the filter (screen_filter.ts).
import { Terminal } from "@xterm/xterm";
import "@xterm/xterm/css/xterm.css";
import type { Screen } from "./remote_terminal";
import "./strict_style";
import type { WindowSize } from "./typist";

const SCROLL_BAR_PX = 14;
const FONT_PX = 13;

// A screen is dark in both schemes, for programs choose their colours for one.
const THEME = {
  background: "#0b1016", foreground: "#e3e9f0", cursor: "#5fd0cd", cursorAccent: "#06282b", selectionBackground: "#2d4f66",
  black: "#1d2530", brightBlack: "#8a94a3",
};

export interface OpenScreen extends Screen {
  focus: () => void;
  freeze: () => void; // nothing is typed into it any more
  close: () => void;
}

export function openScreen(host: HTMLElement, parts: {
  label: string;
  describedBy: string; // the id of the words about its keys
  onTyped: (bytes: Uint8Array) => void;
  onSize: (size: WindowSize) => void;
  onLeave: () => void; // by the key for it
}): OpenScreen {
  const terminal = new Terminal({
    fontFamily: getComputedStyle(host).fontFamily,
    fontSize: FONT_PX,
    theme: THEME,
    minimumContrastRatio: 4.5,
    screenReaderMode: true,
    scrollback: 5000,
    linkHandler: { activate: () => undefined }, // a link that a machine shows leads nowhere
  });
  terminal.open(host);
  terminal.textarea?.setAttribute("aria-label", parts.label);
  terminal.textarea?.setAttribute("aria-describedby", parts.describedBy);
  terminal.attachCustomKeyEventHandler((event) => {
    if (terminal.options.disableStdin) return false; // the keyboard is the browser's again
    if (!isLeaveKey(event)) return true;
    event.preventDefault();
    if (event.type === "keydown") parts.onLeave();
    return false;
  });
  terminal.onData((text) => parts.onTyped(new TextEncoder().encode(text)));
  terminal.onBinary((text) => parts.onTyped(Uint8Array.from(text, (char) => char.charCodeAt(0))));

  const fit = () => {
    const size = sizeWithin(host, terminal);
    if (!size) return;
    terminal.resize(size.columns, size.rows);
    parts.onSize(size);
  };
  const observer = new ResizeObserver(fit);
  observer.observe(host);
  fit();
  return {
    write: (text, drawn) => terminal.write(text, drawn),
    clear: () => terminal.reset(),
    focus: () => terminal.focus(),
    freeze: () => {
      terminal.options.disableStdin = true;
      if (terminal.textarea) terminal.textarea.tabIndex = -1;
      terminal.write("\u001b[?25l"); // no cursor
    },
    close: () => {
      observer.disconnect();
      terminal.dispose();
    },
  };
}

// No program can tell it from Enter, and no browser uses it.
function isLeaveKey(event: KeyboardEvent): boolean {
  return event.key === "Enter" && event.ctrlKey && event.shiftKey;
}

// As many whole cells as the host has room for; undefined while it is not shown.
function sizeWithin(host: HTMLElement, terminal: Terminal): WindowSize | undefined {
  const screen = terminal.element?.querySelector(".xterm-screen")?.getBoundingClientRect();
  const style = getComputedStyle(host);
  const width = host.clientWidth - Number.parseFloat(style.paddingLeft) - Number.parseFloat(style.paddingRight) - SCROLL_BAR_PX;
  const height = host.clientHeight - Number.parseFloat(style.paddingTop) - Number.parseFloat(style.paddingBottom);
  if (!screen || screen.width === 0 || width <= 0 || height <= 0) return undefined;
  return {
    columns: Math.max(2, Math.floor(width / (screen.width / terminal.cols))),
    rows: Math.max(1, Math.floor(height / (screen.height / terminal.rows))),
  };
}
