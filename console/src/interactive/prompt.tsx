// Where a line is typed. Tab completes where there is something to complete, else it goes on, as does Escape.
import { type KeyboardEvent, useId, useRef, useState } from "react";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";
import { Foreign } from "../ui/show";
import type { Interactive } from "./interactive";
import { complete } from "./line";

export function Prompt(props: {
  desk: Interactive;
  machineName: string;
  text: string;
  onText: (text: string) => void;
  onEnter: () => void;
  input: React.RefObject<HTMLInputElement | null>;
}) {
  const { desk, text, onText, input } = props;
  const id = useId();
  const send = useRef<HTMLDivElement>(null);
  const [choices, setChoices] = useState<{ of: string; names: string[] } | null>(null);
  const { foreground } = desk;

  // Whether the key was used.
  const tab = (): boolean => {
    const element = input.current;
    if (!element || element.selectionStart !== text.length || element.selectionEnd !== text.length) return false;
    const found = complete(desk.table, text);
    if (!found || (found.line === text && choices?.of === text)) return false; // shown once: the next Tab goes on
    onText(found.line);
    setChoices(found.choices.length > 0 ? { of: found.line, names: found.choices } : null);
    announce(found.choices.length > 0 ? found.choices.join(", ") : found.line);
    return true;
  };
  const earlier = (by: -1 | 1): boolean => {
    const line = desk.history.move(by, text);
    if (line !== null) onText(line);
    return true;
  };
  const interrupt = (): boolean => {
    const element = input.current;
    const nothingToCopy = element?.selectionStart === element?.selectionEnd && (document.getSelection()?.isCollapsed ?? true);
    if (!foreground || !nothingToCopy) return false;
    void desk.cancel(foreground);
    return true;
  };
  const leave = (): boolean => {
    setChoices(null);
    send.current?.querySelector("button")?.focus();
    return true;
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>) => {
    if (event.nativeEvent.isComposing || event.altKey || event.metaKey) return;
    let used = false;
    if (event.ctrlKey) used = event.key.toLowerCase() === "c" && !event.shiftKey && interrupt();
    else if (event.key === "Tab") used = !event.shiftKey && tab();
    else if (event.key === "ArrowUp") used = earlier(-1);
    else if (event.key === "ArrowDown") used = earlier(1);
    else if (event.key === "Escape") used = leave();
    if (used) event.preventDefault();
  };

  return (
    <form
      className="prompt card"
      onSubmit={(event) => {
        event.preventDefault();
        setChoices(null);
        props.onEnter();
      }}
    >
      {choices && choices.of === text && (
        <div className="choices mono small">{choices.names.map((name) => <span key={name}>{name}</span>)}</div>
      )}
      <div className="prompt-line">
        <label htmlFor={id} className="mono">
          <span className="visually-hidden">Command line on </span>
          <Foreign text={props.machineName} /> <span className="folder"><Foreign text={desk.folder} /></span> &gt;
        </label>
        <input
          id={id}
          ref={input}
          className="input mono"
          value={text}
          onChange={(event) => onText(event.target.value)}
          onKeyDown={onKeyDown}
          autoComplete="off"
          autoCapitalize="off"
          autoCorrect="off"
          spellCheck={false}
          enterKeyHint="send"
          autoFocus
          aria-describedby={`${id}-keys`}
        />
        <div className="buttons" ref={send}>
          <Button type="submit" kind="primary">Send</Button>
          {foreground && (
            <Button kind="danger" onPress={() => void desk.cancel(foreground)} isDisabled={Boolean(foreground.action?.cancellationDateTimeUtc)}>
              Cancel {foreground.command?.number}
            </Button>
          )}
        </div>
      </div>
      <p id={`${id}-keys`} className="hint muted small">
        Type help for the commands. Enter sends, Tab completes, ↑ and ↓ bring earlier lines, Ctrl-C cancels what runs, &amp; at the end leaves it in the background.
      </p>
    </form>
  );
}
