// One command of an action: what it was, how it went, what it left.
import { useEffect, useState } from "react";
import { explain } from "../api/client";
import type { CommandResult } from "../api/types";
import { commandLine, TYPE_WORDS } from "../run/draft";
import { byteCount } from "../text/bytes";
import { Lines } from "../text/lines";
import { announce } from "../ui/announce";
import { Button, CopyButton } from "../ui/button";
import { CheckIcon, ClockIcon, CrossIcon, DownloadIcon, SpinIcon, StopIcon } from "../ui/icons";
import { Foreign, Time } from "../ui/show";
import { Notice } from "../ui/states";
import type { Stream } from "./follow";
import { type Phase, phaseOf, streamNames, writes } from "./phase";
import { OutputView } from "./output_view";
import type { Results } from "./results";
import { took } from "./transcript";

const PHASES: Record<Phase, { words: string; look: string; status: string; icon: () => React.JSX.Element }> = {
  waiting: { words: "Waiting", look: "", status: "idle", icon: ClockIcon },
  running: { words: "Running", look: "run", status: "run", icon: SpinIcon },
  completed: { words: "Completed", look: "ok", status: "ok", icon: () => <CheckIcon /> },
  failed: { words: "Failed", look: "bad", status: "bad", icon: CrossIcon },
  skipped: { words: "Not run", look: "", status: "idle", icon: StopIcon },
};

interface CardProps {
  actionId: string;
  command: CommandResult;
  final: boolean;
  live: boolean;
  stream: Stream | undefined;
  results: Results;
  mayRead: boolean;
  openAtOnce: boolean;
  title?: string; // of the command, where it is not its place in the action
}

function titleOf({ title, command }: Pick<CardProps, "title" | "command">): string {
  return title ?? `Command ${command.index + 1}`;
}

export function CommandCard(props: CardProps) {
  const { command, results } = props;
  const { index } = command;
  const phase = phaseOf(command, props.final);
  const shown = PHASES[phase];
  const entry = results.entries.get(index);
  const exitCode = entry?.script?.exitCode;
  return (
    <li className={`step ${shown.look}`}>
      <span className="dot" aria-hidden="true">{index + 1}</span>
      <section className="card" aria-label={`Command ${index + 1}`}>
        <header>
          <div>
            <span className="muted">{TYPE_WORDS[command.command.type]} </span>
            <span className="command-line"><Foreign text={commandLine(command.command)} /></span>
          </div>
          <div className="buttons">
            {exitCode !== undefined && (
              <span className={`status ${exitCode === 0 ? "ok" : "warn"}`}>exit code {exitCode}</span>
            )}
            <span className={`status ${shown.status}`}><shown.icon />{shown.words}</span>
          </div>
        </header>
        <div className="body stack tight-stack">
          {(command.startTime || command.endTime) && (
            <div className="facts">
              {command.startTime && <span>started <Time at={command.startTime} how="both" /></span>}
              {command.endTime && <span>ended <Time at={command.endTime} how="both" /></span>}
              {command.startTime && command.endTime && <span>took {took(command.startTime, command.endTime).slice(2)}</span>}
            </div>
          )}
          <CommandBody {...props} putWords="Scripts of the action find it in their working folder." />
        </div>
      </section>
    </li>
  );
}

// What it leaves, while it runs and afterwards.
export function CommandBody(props: CardProps & { putWords: string }) {
  const { command } = props;
  const { type } = command.command;
  const phase = phaseOf(command, props.final);
  const ended = phase === "completed" || phase === "failed";
  return (
    <>
      {command.errors.map((error, at) => (
        <Notice key={at} kind={phase === "skipped" ? "warn" : "bad"} title="" detail={<Foreign text={error} />} />
      ))}
      {phase === "waiting" && <p className="muted">It has not begun.</p>}
      {phase === "running" && <Running {...props} />}
      {ended && !props.mayRead && <p className="muted">Your account may see that it ran, and not what it left. The role live-response-basic reads results.</p>}
      {ended && props.mayRead && writes(type) && <Script {...props} />}
      {ended && props.mayRead && type === "GetFile" && <Fetched {...props} phase={phase} />}
      {phase === "completed" && props.mayRead && type === "Collect" && <Package {...props} />}
      {phase === "completed" && type === "PutFile" && <p className="muted">{command.file && <>Placed at <Foreign text={command.file.path} />. </>}{props.putWords}</p>}
    </>
  );
}

function Running(props: CardProps) {
  const { command, live, stream } = props;
  const title = titleOf(props);
  const names = streamNames(command.command.type);
  if (!writes(command.command.type)) return <p className="muted">Under way.</p>;
  if (!live && !stream) {
    return <p className="muted">This server shows output when the command has ended; this page waits for that.</p>;
  }
  return (
    <>
      <OutputView label={`${title}, ${names.stdout.toLowerCase()}`} lines={(stream ?? EMPTY).stdout} version={stream?.stdout.version ?? 0} follow
        empty="Nothing written yet." />
      {stream && !stream.stderr.empty && command.command.type !== "Terminal" && (
        <>
          <h3>Standard error</h3>
          <OutputView label={`${title}, standard error`} lines={stream.stderr} version={stream.stderr.version} follow empty="" />
        </>
      )}
    </>
  );
}

const EMPTY = { stdout: new Lines() };

function Script(props: CardProps) {
  const { command, results, stream, openAtOnce } = props;
  const { index } = command;
  const title = titleOf(props);
  const entry = results.entries.get(index);
  useEffect(() => {
    if (openAtOnce && !results.entries.has(index)) results.readScript(index);
  }, [openAtOnce, index, results]);
  const script = entry?.script;
  const names = streamNames(command.command.type);
  if (!script) {
    return (
      <>
        {entry?.error !== undefined && (
          <Notice kind="bad" {...explain(entry.error)}><Button small onPress={() => results.readScript(index)}>Try again</Button></Notice>
        )}
        {stream && !stream.stdout.empty ? (
          <OutputView label={`${title}, ${names.stdout.toLowerCase()}`} lines={stream.stdout} version={stream.stdout.version} empty="" />
        ) : entry?.loading ? (
          <p className="muted">Reading the result …</p>
        ) : entry?.error === undefined ? (
          <div><Button onPress={() => results.readScript(index)}>Show the output</Button></div>
        ) : null}
      </>
    );
  }
  return (
    <>
      <h3>{names.stdout}</h3>
      <OutputView label={`${title}, ${names.stdout.toLowerCase()}`} lines={script.stdout} version={script.stdout.version} empty="Nothing was written." />
      {!script.whole && (
        <Notice kind="run" title={`The first ${byteCount(script.bytesRead)} of ${byteCount(script.size)} are shown.`}
          detail={`${names.stderr} ${script.stderrFromEnd ? "was read from the file's end." : "comes after them in the file."}`}>
          <Button small onPress={() => results.readMore(index)} isDisabled={entry.loading}>
            {entry.loading ? "Reading …" : "Read on"}
          </Button>
        </Notice>
      )}
      {script.broken && <Notice kind="warn" title="The result is not what a result looks like." detail="The machine wrote it. Download it to look at its bytes." />}
      {entry.error !== undefined && <Notice kind="bad" {...explain(entry.error)} />}
      {(!script.stderr.empty || script.stderrWhole) && (
        <>
          <h3>{names.stderr}</h3>
          <OutputView label={`${title}, ${names.stderr.toLowerCase()}`} lines={script.stderr} version={script.stderr.version} empty="Nothing was written." />
        </>
      )}
      <ResultButtons index={index} results={results} size={script.size} what="result file" />
    </>
  );
}

function Fetched(props: CardProps & { phase: Phase }) {
  const { command, results, phase, openAtOnce, live } = props;
  const { index, file } = command;
  const entry = results.entries.get(index);
  useEffect(() => {
    // Its size comes when following ends: without it, the beginning could not be told from the whole.
    if (openAtOnce && phase === "completed" && (file || !live) && !results.entries.has(index)) results.readFile(index, file?.size);
  }, [openAtOnce, phase, index, results, file, live]);
  if (phase === "failed") return null;
  const start = entry?.file;
  return (
    <>
      <FileFacts file={file} nameWord="Path" />
      {entry?.error !== undefined && <Notice kind="bad" {...explain(entry.error)} />}
      {start ? (
        <>
          <OutputView label={`${titleOf(props)}, beginning of the file`} lines={start.lines} version={start.lines.version} empty="The file is empty." />
          {!start.whole && start.shown > 0 && <p className="muted small">The first {byteCount(start.shown)} are shown. Download the file for the rest.</p>}
        </>
      ) : entry?.loading ? (
        <p className="muted">Reading the file's beginning …</p>
      ) : (
        <div><Button onPress={() => results.readFile(index, file?.size)}>Show the beginning</Button></div>
      )}
      <ResultButtons index={index} results={results} size={start?.size} what="file" />
    </>
  );
}

// The forensic package: a zip, of which nothing can be shown as text.
function Package({ command, results }: CardProps) {
  const { index, file } = command;
  return (
    <>
      <FileFacts file={file} nameWord="Name" />
      <ResultButtons index={index} results={results} size={file?.size} what="forensic package" />
    </>
  );
}

function FileFacts({ file, nameWord }: { file: CommandResult["file"]; nameWord: string }) {
  if (!file) return null;
  return (
    <dl className="pairs">
      <dt>{nameWord}</dt>
      <dd className="mono"><Foreign text={file.path} /></dd>
      <dt>Size</dt>
      <dd>{byteCount(file.size)} <span className="muted">({file.size.toLocaleString("en")} bytes)</span></dd>
      <dt>SHA-256</dt>
      <dd><code>{file.sha256}</code></dd>
    </dl>
  );
}

export function ResultButtons({ index, results, size, what }: { index: number; results: Pick<Results, "linkOf">; size: number | undefined; what: string }) {
  const [error, setError] = useState<unknown>(null);
  const download = async () => {
    setError(null);
    try {
      const link = await results.linkOf(index).mint();
      const anchor = document.createElement("a");
      anchor.href = link;
      anchor.download = "";
      anchor.rel = "noreferrer";
      document.body.append(anchor);
      anchor.click();
      anchor.remove();
      announce("The download begins");
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <>
      <div className="buttons">
        <Button small onPress={() => void download()}>
          <DownloadIcon /> Download the {what}{size ? ` (${byteCount(size)})` : ""}
        </Button>
        <CopyButton small label="Copy a link, good for 30 min" text={() => results.linkOf(index).mint()} />
      </div>
      {error !== null && <Notice kind="bad" {...explain(error)} />}
    </>
  );
}
