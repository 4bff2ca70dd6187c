// An open session: its lines, what they left, and where the next one is typed.
import { useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import { explain } from "../api/client";
import type { CommandTable, InteractiveSession, Machine } from "../api/types";
import { useOutside } from "../app/context";
import { drafts } from "../drafts";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";
import { Foreign, Time, useNow } from "../ui/show";
import { Notice } from "../ui/states";
import { EntryView } from "./entry_view";
import type { KeptLine } from "./entry";
import { Interactive } from "./interactive";
import { Opener } from "./opener";
import { Prompt } from "./prompt";
import { TracedApi } from "./traced_api";
import { endWords } from "./words";

const AWAY_MS = 30_000;

export function Work(props: {
  machine: Machine;
  table: CommandTable;
  session: InteractiveSession; // with which it begins
  made: boolean; // just now: nothing was done in it
  advanced: boolean;
  head: (session: InteractiveSession, buttons: React.ReactNode) => React.ReactNode;
}) {
  const { machine } = props;
  const outside = useOutside();
  const name = `interactive.${machine.id}`;
  const desk = useMemo(() => {
    const { table, session, made, advanced } = props;
    const begun = new Interactive({ api: new TracedApi(outside.session), table, session, made, advanced, say: announce });
    begun.keep(drafts.read<{ lines: KeptLine[] }>(name, { lines: [] }).lines);
    return begun;
  }, []);
  useSyncExternalStore(desk.subscribe, desk.snapshot);
  desk.advanced = props.advanced;
  const [text, setText] = useState(() => drafts.read(name, { text: "" }).text);
  const [error, setError] = useState<unknown>(null);
  const input = useRef<HTMLInputElement>(null);
  const atEnd = useRef(true);

  const takeUp = async () => {
    setError(null);
    try {
      await desk.resume();
    } catch (caught) {
      setError(caught);
    }
  };
  useEffect(() => {
    if (!props.made) void takeUp();
    return () => desk.end();
  }, [desk]);

  // Kept until the server has it: what is typed, and what waits.
  const lines = desk.entries.filter((entry) => entry.pending).map((entry) => entry.kept);
  const kept = JSON.stringify({ text, lines });
  useEffect(() => {
    if (text === "" && lines.length === 0) drafts.drop(name);
    else drafts.keep(name, { text, lines });
  }, [name, kept]);

  // A line that the server refused comes back to be corrected, unless another is being typed.
  const returned = useRef(0);
  const refused = desk.entries.findLast((entry) => entry.state === "refused");
  useEffect(() => {
    if (!refused || refused.id <= returned.current) return;
    returned.current = refused.id;
    setText((old) => (old === "" ? refused.line : old));
  }, [refused]);

  useIdle(desk);
  useEffect(() => {
    const onScroll = () => {
      atEnd.current = window.innerHeight + window.scrollY >= document.documentElement.scrollHeight - 40;
    };
    window.addEventListener("scroll", onScroll, { passive: true });
    return () => window.removeEventListener("scroll", onScroll);
  }, []);
  // The end stays in sight while it is, until somebody turns to a line.
  const list = useRef<HTMLOListElement>(null);
  useLayoutEffect(() => {
    const keepEnd = () => {
      if (atEnd.current) window.scrollTo(0, document.documentElement.scrollHeight);
    };
    const observer = new ResizeObserver(keepEnd);
    if (list.current) observer.observe(list.current);
    return () => observer.disconnect();
  }, []);
  const turnToLine = () => {
    atEnd.current = false;
  };

  const enter = () => {
    if (!desk.enter(text)) {
      announce("The session has ended. Open a new one to go on; the line is kept.");
      return;
    }
    atEnd.current = true;
    setText("");
  };
  const endedBox = useRef<HTMLElement>(null);
  const end = async () => {
    setError(null);
    try {
      await desk.close();
      setTimeout(() => endedBox.current?.focus(), 0); // its button is gone
    } catch (caught) {
      setError(caught);
    }
  };
  const { session, unsent, looked } = desk;
  const shown = desk.entries.filter((entry) => !entry.cleared);
  return (
    <>
      {props.head(session, session.status === "Open" && <Button kind="danger" onPress={() => void end()}>End session</Button>)}
      <Facts desk={desk} session={session} />
      {error !== null && (
        <Notice kind="bad" {...explain(error)}>{!desk.ready && <Button small onPress={() => void takeUp()}>Try again</Button>}</Notice>
      )}
      <ol className="session-lines" aria-label="Lines of the session" ref={list} onPointerDown={turnToLine} onFocus={turnToLine}>
        {shown.map((entry) => (
          <EntryView
            key={entry.id}
            desk={desk}
            entry={entry}
            looked={looked?.entry === entry ? looked.round : 0}
            onEdit={(line) => {
              setText(line);
              input.current?.focus();
            }}
            onDone={() => input.current?.focus()}
          />
        ))}
      </ol>
      {desk.tracing && (
        <section className="card" aria-label="What is asked of the server">
          <ol className="trace mono small" tabIndex={0}>
            {desk.trace.map((line, at) => <li key={at}><Foreign text={line} /></li>)}
          </ol>
        </section>
      )}
      {desk.ended && (
        <section className="card" aria-label="Another session is needed" ref={endedBox} tabIndex={-1}>
          <div className="body stack">
            <Notice kind="warn" title={endWords(session)} detail="What was done in it stays here while this page is open, and in the machine's actions." />
            <Opener
              key={session.id}
              machineId={machine.id}
              other={undefined}
              label="Open a new session"
              onOpen={(opened, made) => {
                desk.reopened(opened, made);
                if (!made) void takeUp();
                input.current?.focus();
              }}
            />
          </div>
        </section>
      )}
      {!desk.ended && unsent.length > 1 && (
        <Notice kind="warn" title={`${unsent.length} lines are kept back.`}>
          <div className="buttons">
            <Button small onPress={() => void desk.retry()}>Send them in order</Button>
            <Button small kind="quiet" onPress={() => unsent.forEach((entry) => desk.withdraw(entry))}>Withdraw them</Button>
          </div>
        </Notice>
      )}
      <Prompt desk={desk} machineName={machine.computerDnsName} text={text} onText={setText} onEnter={enter} input={input} />
    </>
  );
}

function Facts({ desk, session }: { desk: Interactive; session: InteractiveSession }) {
  const now = useNow();
  const left = desk.idleLeft(now);
  const allowed = Math.round(session.idleTimeoutSeconds / 60);
  return (
    <div className="facts">
      <span>by <Foreign text={session.creator} /></span>
      <span>opened <Time at={session.created} how="both" /></span>
      {session.comment && <span><Foreign text={session.comment} /></span>}
      {desk.ended
        ? <span>ended</span>
        : <span>{left === null ? `ends after ${allowed} min without a command; one runs` : `ends in ${Math.min(allowed, Math.max(1, Math.ceil(left / 60_000)))} min unless a command is sent`}</span>}
    </div>
  );
}

// Looks whether the session still stands when its time is up, and when somebody comes back to the page.
function useIdle(desk: Interactive): void {
  const { lastUsed } = desk.session;
  const left = desk.idleLeft(new Date());
  const open = left !== null;
  useEffect(() => {
    if (left === null) return;
    const timer = setTimeout(() => void desk.look().catch(() => undefined), Math.min(Math.max(left, 1000) + 1500, 2_000_000_000));
    return () => clearTimeout(timer);
  }, [desk, lastUsed, open]);
  useEffect(() => {
    let hidden = 0;
    const onChange = () => {
      if (document.visibilityState === "hidden") hidden = Date.now();
      else if (!desk.ended && Date.now() - hidden > AWAY_MS) void desk.look().catch(() => undefined);
    };
    document.addEventListener("visibilitychange", onChange);
    return () => document.removeEventListener("visibilitychange", onChange);
  }, [desk]);
}
