// One line of the transcript: what was typed, how it stands, what it left.
import { useEffect, useRef, useState } from "react";
import { Link } from "react-router";
import { explain } from "../api/client";
import { ResultLink } from "../api/links";
import { CommandBody, ResultButtons } from "../live/command_card";
import { OutputView } from "../live/output_view";
import { useResults } from "../live/results";
import { byteCount } from "../text/bytes";
import { Lines } from "../text/lines";
import { visibleText } from "../text/visible";
import { Button } from "../ui/button";
import { CheckIcon, ClockIcon, CrossIcon, DownloadIcon, SpinIcon, StopIcon } from "../ui/icons";
import { save } from "../ui/save";
import { Foreign } from "../ui/show";
import { Notice } from "../ui/states";
import type { Entry } from "./entry";
import type { Interactive } from "./interactive";
import { rowCount } from "./rows";
import { Pairs, RowsView } from "./rows_view";
import { asText, saveName, whyNotSaved } from "./saved";
import { TerminalView } from "./terminal/terminal_view";

interface EntryProps {
  desk: Interactive;
  entry: Entry;
  onEdit: (line: string) => void;
  onDone: () => void; // the keyboard is to go back to the prompt
}

// `looked`: another number, another time that somebody asked to look at it.
export function EntryView({ desk, entry, onEdit, onDone, looked }: EntryProps & { looked: number }) {
  const box = useRef<HTMLElement>(null);
  const [folded, setFolded] = useState(false);
  useEffect(() => {
    if (looked === 0) return;
    setFolded(false);
    box.current?.scrollIntoView({ block: "nearest" });
    box.current?.focus({ preventScroll: true });
  }, [looked]);
  const number = entry.command?.number;
  const { state, action } = entry;
  const hasScreen = entry.terminal?.hasScreen ?? false;
  const hasBody = entry.problem !== undefined || entry.command !== undefined || entry.answer !== undefined;
  return (
    <li className="line" data-state={state}>
      <section className="card" ref={box} tabIndex={-1} aria-label={`${number === undefined ? "Line" : `Command ${number}`}: ${visibleText(entry.line)}`}>
        <header>
          <div className="typed">
            {number !== undefined && <span className="line-number number">{number}</span>}
            {entry.folder !== undefined && <span className="muted mono"><Foreign text={entry.folder} /></span>}
            <span className="command-line"><Foreign text={entry.line} /></span>
          </div>
          <div className="buttons">
            <Standing desk={desk} entry={entry} />
            {state === "running" && !hasScreen && (
              <Button small kind="danger" onPress={() => void desk.cancel(entry)} isDisabled={Boolean(action?.cancellationDateTimeUtc)}
                aria-label={`Cancel command ${number}`}>
                {action?.cancellationDateTimeUtc ? "Cancelling …" : "Cancel"}
              </Button>
            )}
            {state === "unsent" && !desk.ended && <Button small onPress={() => void desk.retry(entry)}>Send</Button>}
            {(state === "unsent" || state === "refused" || state === "withdrawn") && (
              <Button small onPress={() => {
                onEdit(entry.line);
                desk.withdraw(entry);
              }}>Edit</Button>
            )}
            {(state === "waiting" || state === "unsent") && <Button small onPress={() => desk.withdraw(entry)}>Withdraw</Button>}
            {action && <Link className="small" to={`/actions/${action.id}`} aria-label={`The action of command ${number}`}>Action</Link>}
            {entry.command && hasBody && (
              <Button small kind="quiet" aria-expanded={!folded} aria-label={`${folded ? "Show" : "Hide"} what command ${number} left`} onPress={() => setFolded(!folded)}>
                {folded ? "Show" : "Hide"}
              </Button>
            )}
          </div>
        </header>
        {hasBody && (!folded || hasScreen) && (
          <div className="body stack tight-stack" hidden={folded}>
            {entry.problem && (
              <Notice kind={state === "unsent" ? "warn" : "bad"} title={entry.problem.title} detail={<Foreign text={entry.problem.detail} />}>
                {state === "running" && entry.follower && !entry.follower.final && <Button small onPress={() => desk.follow(entry)}>Follow it again</Button>}
              </Notice>
            )}
            {entry.command?.by === "agent" && <BuiltIn desk={desk} entry={entry} />}
            {entry.command?.by === "action" && action && <Acted desk={desk} entry={entry} actionId={action.id} onDone={onDone} />}
            {entry.answer && <Answered entry={entry} />}
          </div>
        )}
      </section>
    </li>
  );
}

function Standing({ desk, entry }: { desk: Interactive; entry: Entry }) {
  const chip = (look: string, icon: React.JSX.Element, words: string) => <span className={`status ${look}`}>{icon}{words}</span>;
  switch (entry.state) {
    case "waiting":
      return chip("idle", <ClockIcon />, desk.waitsFor(entry));
    case "sending":
      return chip("run", <SpinIcon />, "Sending");
    case "unsent":
      return chip("warn", <StopIcon />, entry.wentOut ? "No answer" : "Not sent");
    case "refused":
      return chip("bad", <CrossIcon />, "Refused");
    case "withdrawn":
      return chip("idle", <StopIcon />, entry.wentOut ? "Withdrawn; it may have run" : "Withdrawn");
    case "running":
      if (entry.action?.status === "Pending") return chip("idle", <ClockIcon />, "Waits for the machine");
      return chip("run", <SpinIcon />, entry.background ? "Runs in the background" : "Running");
    case "ended":
      if (!entry.command) return null;
      if (entry.action?.status === "TimeOut") return chip("warn", <ClockIcon />, "Timed out");
      if (entry.phase === "skipped") return chip("idle", <StopIcon />, "Not run");
      if (entry.phase === "failed") return chip("bad", <CrossIcon />, entry.action?.status === "Cancelled" ? "Cancelled" : "Failed");
      return entry.exitCode !== undefined && entry.exitCode !== 0
        ? chip("warn", <CrossIcon />, `exit code ${entry.exitCode}`)
        : chip("ok", <CheckIcon />, "Completed");
  }
}

const NO_LINES = new Lines();

function BuiltIn({ desk, entry }: { desk: Interactive; entry: Entry }) {
  const { command, script, rows } = entry;
  const number = command?.number ?? 0;
  const [json, setJson] = useState(command?.output === "json");
  const file = command?.file ?? "";
  const [shown, setShown] = useState(file === "");
  const [link] = useState(() => new ResultLink(desk.api, entry.action?.id ?? "", 0));
  const live = entry.follower?.streams.get(0);
  const lines = script?.stdout ?? live?.stdout ?? NO_LINES;
  const running = entry.state === "running";
  const errors = script?.stderr ?? live?.stderr;
  const some = rows.rows.length > 0;
  return (
    <>
      {entry.result?.errors.map((error, at) => (
        <Notice key={at} kind={entry.phase === "skipped" ? "warn" : "bad"} title="" detail={<Foreign text={error} />} />
      ))}
      {entry.ledTo !== undefined && <p>Now in <span className="mono"><Foreign text={entry.ledTo} /></span></p>}
      {errors && !errors.empty && (
        <OutputView label={`Command ${number}, errors`} lines={errors} version={errors.version} empty="" />
      )}
      {file !== "" && <SaveRows desk={desk} entry={entry} file={file} />}
      {entry.ledTo === undefined && some && (
        <div className="buttons">
          <span className="muted small number">{rowCount(rows.rows)}{running ? " so far" : ""}</span>
          {shown && <Button small kind="quiet" onPress={() => setJson(!json)}>{json ? "As a table" : "As JSON"}</Button>}
          {file !== "" && <Button small kind="quiet" onPress={() => setShown(!shown)}>{shown ? "Show nothing of it" : "Show it here too"}</Button>}
        </div>
      )}
      {entry.ledTo === undefined && some && shown && (
        json
          ? <OutputView label={`Command ${number}, JSON`} lines={lines} version={lines.version} follow={running} empty="" />
          : <RowsView label={`Rows of command ${number}`} columns={command?.columns ?? []} rows={rows.rows} count={rows.rows.length} />
      )}
      {script && !some && script.stderr.empty && <p className="muted">Nothing was found.</p>}
      {!running && entry.reading && !script && <p className="muted">Reading the result …</p>}
      {script && !script.whole && (
        <Notice kind="run" title={`The first ${byteCount(script.bytesRead)} of ${byteCount(script.size)} are read.`}>
          <Button small onPress={() => void desk.readMore(entry)} isDisabled={entry.reading}>{entry.reading ? "Reading …" : "Read on"}</Button>
        </Notice>
      )}
      {rows.strange > 0 && <Notice kind="warn" title={`${rows.strange} of its lines are no rows.`} detail="The machine wrote them. As JSON they are shown as they are." />}
      {rows.left > 0 && <Notice kind="warn" title={`${rows.left.toLocaleString("en")} rows more are not kept here.`} detail="The result file has all of them." />}
      {entry.resultError !== undefined && !entry.result?.errors.length && (
        <Notice kind="bad" {...explain(entry.resultError)}><Button small onPress={() => void desk.readResult(entry)}>Try again</Button></Notice>
      )}
      {!running && !script && !entry.reading && entry.resultError === undefined && (entry.phase === "completed" || entry.phase === "failed") && (
        <div><Button small onPress={() => void desk.readResult(entry)}>Show what it left</Button></div>
      )}
      {script && entry.ledTo === undefined && <ResultButtons index={0} results={{ linkOf: () => link }} size={script.size} what="result file" />}
    </>
  );
}

// `> FILE`: all of it, or none.
function SaveRows({ desk, entry, file }: { desk: Interactive; entry: Entry; file: string }) {
  const { script, command } = entry;
  const name = saveName(file);
  if (!script || !command) return null;
  const lack = whyNotSaved(name, script, entry.rows);
  if (lack) return <NotSaved title={lack} />;
  const go = async () => {
    for (let read = -1; !script.whole && script.bytesRead > read && entry.resultError === undefined; ) {
      read = script.bytesRead;
      await desk.readMore(entry);
    }
    if (script.whole && !whyNotSaved(name, script, entry.rows)) save(name, asText(entry.rows.rows, command.columns, command.output));
  };
  return (
    <div><Button small onPress={() => void go()} isDisabled={entry.reading}><DownloadIcon /> Save {name}</Button></div>
  );
}

function NotSaved({ title }: { title: string }) {
  return <Notice kind="warn" title={title} detail="Download the result file: it has all of it." />;
}

// getfile, putfile, run and collect: as on the page of an action. terminal: as a screen, where this page opened it.
function Acted({ desk, entry, actionId, onDone }: { desk: Interactive; entry: Entry; actionId: string; onDone: () => void }) {
  const results = useResults(actionId);
  const { result, follower, command, terminal } = entry;
  const script = results.entries.get(0)?.script;
  const exitCode = script?.exitCode;
  useEffect(() => {
    if (exitCode === undefined) return;
    entry.ranTo = exitCode;
    desk.changed();
  }, [desk, entry, exitCode]);
  const file = command?.file;
  const lack = file && script ? whyNotSaved(saveName(file), script) : "";
  if (!result) return null;
  const running = entry.state === "running";
  return (
    <>
      {terminal?.hasScreen && (
        <TerminalView terminal={terminal} label={`Terminal of command ${command?.number ?? ""}`} ending={Boolean(entry.action?.cancellationDateTimeUtc)}
          onEnd={() => void desk.cancel(entry)} onDone={onDone} />
      )}
      {running && terminal?.failed !== undefined && <Notice kind="warn" title="The screen of the terminal could not be loaded." detail="What it shows stands here as text." />}
      {running && !terminal && command?.command === "terminal" && (
        <Notice kind="run" title="Only the page that opened this terminal types into it." detail="What it shows stands here as text." />
      )}
      {lack && <NotSaved title={lack} />}
      {file && script?.whole && !lack && (
        <div><Button small onPress={() => save(saveName(file), `${script.stdout.shown()}\n`)}><DownloadIcon /> Save {saveName(file)}</Button></div>
      )}
      {(!running || !terminal?.hasScreen) && <CommandBody
        actionId={actionId}
        command={{ ...result, index: 0 }}
        final={follower?.final ?? false}
        live={follower?.mode === "live" || follower?.mode === "reconnecting"}
        stream={follower?.streams.get(0)}
        results={results}
        mayRead
        openAtOnce
        title={`Command ${command?.number ?? ""}`}
        putWords="The file is on the machine, until the machine restarts."
      />}
    </>
  );
}

function Answered({ entry }: { entry: Entry }) {
  const { answer, client } = entry;
  if (!answer) return null;
  const file = client?.file;
  const rows = answer.kind === "table" ? answer.rows : answer.kind === "pairs" ? [Object.fromEntries(answer.pairs)] : [];
  const columns = answer.kind === "table" ? answer.columns : answer.kind === "pairs" ? answer.pairs.map(([name]) => name) : [];
  const text = () => (answer.kind === "text" ? `${answer.text}\n` : asText(rows, columns, client?.output ?? "table"));
  return (
    <>
      {file && <div><Button small onPress={() => save(saveName(file), text())}><DownloadIcon /> Save {saveName(file)}</Button></div>}
      {answer.kind === "text" && <p><Foreign text={answer.text} /></p>}
      {answer.kind === "pairs" && <Pairs pairs={answer.pairs} />}
      {answer.kind === "table" && (answer.rows.length === 0
        ? <p className="muted">Nothing.</p>
        : client?.output === "json"
          ? <Json id={entry.id} text={text()} />
          : <RowsView label={`What line ${entry.id} shows`} columns={answer.columns} rows={answer.rows} count={answer.rows.length} opens={client?.command === "library"} />)}
    </>
  );
}

function Json({ id, text }: { id: number; text: string }) {
  const [lines] = useState(() => {
    const made = new Lines();
    made.append(text);
    return made;
  });
  return <OutputView label={`What line ${id} shows, JSON`} lines={lines} version={lines.version} empty="" />;
}
