// A terminal that this page opened: its screen, the key that leads out of it, and how it is ended.
import { useEffect, useId, useRef, useState } from "react";
import { explain } from "../../api/client";
import { sentence } from "../../text/sentence";
import { Button } from "../../ui/button";
import { Notice } from "../../ui/states";
import type { RemoteTerminal } from "./remote_terminal";
import type { OpenScreen } from "./terminal_screen";

export function TerminalView(props: {
  terminal: RemoteTerminal;
  label: string;
  ending: boolean; // it was asked for
  onEnd: () => void;
  onDone: () => void; // it has ended, and the keyboard was here
}) {
  const { terminal, label } = props;
  const { ended, typist } = terminal;
  const host = useRef<HTMLDivElement>(null);
  const foot = useRef<HTMLDivElement>(null);
  const screen = useRef<OpenScreen>(null);
  const words = useId();
  const [tooMuch, setTooMuch] = useState(false);

  useEffect(() => {
    const element = host.current;
    if (!element) return;
    let gone = false;
    const open = async () => {
      const { openScreen } = await import("./terminal_screen");
      if (gone) return;
      screen.current = openScreen(element, {
        label,
        describedBy: words,
        onTyped: (bytes) => setTooMuch(!terminal.typist.type(bytes)),
        onSize: (size) => terminal.typist.resize(size),
        onLeave: () => foot.current?.focus(),
      });
      terminal.attach(screen.current);
      screen.current.focus();
      element.scrollIntoView({ block: "nearest" });
      if (terminal.ended) screen.current.freeze();
    };
    open().catch((error: unknown) => terminal.giveUp(error));
    return () => {
      gone = true;
      screen.current?.close();
      terminal.giveUp(new Error("The page was left."));
    };
  }, [terminal]);

  useEffect(() => {
    if (!ended) return;
    const here = host.current?.parentElement?.contains(document.activeElement) ?? false;
    screen.current?.freeze();
    if (here) props.onDone();
  }, [ended]);

  // Nobody else can type into it: the browser asks before the page goes.
  useEffect(() => {
    if (ended) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [ended]);

  return (
    <div className="terminal-box">
      {terminal.missing && <Notice kind="warn" title="A part of what was shown did not come." detail="The screen may be wrong; the recording has it." />}
      {!ended && typist.problem !== undefined && (
        <Notice kind="bad" title="What you type is not sent any more." detail={sentence(explain(typist.problem).detail)}>
          <Button small onPress={() => typist.again()}>Try again</Button>
        </Notice>
      )}
      {!ended && tooMuch && <Notice kind="bad" title="That is too much at once." detail="Nothing of it was typed." />}
      <div className="terminal-screen" ref={host} />
      <div className="terminal-foot" ref={foot} tabIndex={-1} role="group" aria-label={`About ${label}`}>
        <p id={words} className="hint muted small">
          {ended
            ? "It has ended. This is its last screen; what it showed is recorded below."
            : "Every key goes to the machine, and what is shown is recorded. Ctrl+Shift+Enter leads out of here; exit ends it. If this page is left, nobody can type into it any more."}
        </p>
        {!ended && (
          <Button small kind="danger" onPress={props.onEnd} isDisabled={props.ending}>{props.ending ? "Ending …" : "End terminal"}</Button>
        )}
      </div>
    </div>
  );
}
