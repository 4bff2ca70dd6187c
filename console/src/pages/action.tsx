// One action, from its acceptance to what it left; output as it is written.
import { useEffect, useMemo, useState, useSyncExternalStore } from "react";
import { Link, useNavigate, useParams } from "react-router";
import { explain } from "../api/client";
import type { Command, MachineAction } from "../api/types";
import { useMay, useOutside } from "../app/context";
import { drafts } from "../drafts";
import { CommandCard } from "../live/command_card";
import { Follower, type Mode } from "../live/follow";
import { OutputView } from "../live/output_view";
import { writes } from "../live/phase";
import { ReceiptsView } from "../live/receipts_view";
import { type Results, useResults } from "../live/results";
import { transcriptOf } from "../live/transcript";
import { COMPOSED, commandLine, draftName, fromCommands } from "../run/draft";
import { announce } from "../ui/announce";
import { Button, CopyButton } from "../ui/button";
import { Confirm, FieldProblem } from "../ui/dialog";
import { Field } from "../ui/fields";
import { AgainIcon, StopIcon } from "../ui/icons";
import { Foreign, Status, statusWords, Time } from "../ui/show";
import { Failure, Loading, Notice } from "../ui/states";
import { save } from "../ui/save";
import { Tabs } from "../ui/tabs";
import { useTitle } from "../ui/title";

const OPEN_AT_ONCE = 3;

export default function ActionPage() {
  const { id = "" } = useParams();
  return <Followed key={id} id={id} />;
}

function Followed({ id }: { id: string }) {
  const { api } = useOutside();
  const [round, setRound] = useState(0);
  const follower = useMemo(() => new Follower(api, id), [api, id, round]);
  useSyncExternalStore(follower.subscribe, follower.snapshot);
  useEffect(() => {
    void follower.run();
    return () => follower.end();
  }, [follower]);
  const { action } = follower;
  const status = action?.status;
  useEffect(() => {
    if (status) announce(`The action is now: ${statusWords(status)}`);
  }, [status]);
  const first = action?.commands[0]?.command;
  useTitle(action ? `${statusWords(action.status)}: ${first ? titleOf(first) : "action"} on ${action.computerDnsName}` : "Action");
  if (!action) {
    return follower.error === undefined ? <Loading what="the action" /> : <Failure error={follower.error} retry={() => setRound((n) => n + 1)} />;
  }
  return <Shown follower={follower} action={action} retry={() => setRound((n) => n + 1)} />;
}

function titleOf(command: Command): string {
  return COMPOSED.includes(command.type) ? (command.params[0]?.value ?? "action") : commandLine(command);
}

function Shown({ follower, action, retry }: { follower: Follower; action: MachineAction; retry: () => void }) {
  const results = useResults(action.id);
  const navigate = useNavigate();
  const mayRun = useMay("Machine.LiveResponse");
  const [cancelling, setCancelling] = useState(false);
  const mayRepeat = action.commands.every((one) => COMPOSED.includes(one.command.type));
  const again = () => {
    drafts.keep(draftName(action.machineId), fromCommands(action.commands.map((one) => one.command), action.requestorComment));
    void navigate(`/machines/${action.machineId}`);
  };
  return (
    <>
      <div className="page-head">
        <div className="titles">
          <Link to="/actions" className="crumb">Actions</Link>
          <div className="title-row">
            <h1>
              Live response on{" "}
              <Link to={`/machines/${action.machineId}`}><Foreign text={action.computerDnsName} /></Link>
            </h1>
            <Status status={action.status} />
            <ModeSign mode={follower.mode} />
          </div>
          <div className="facts">
            <span>by <Foreign text={action.requestor} /></span>
            <span>created <Time at={action.creationDateTimeUtc} how="both" /></span>
            {follower.final && <span>ended <Time at={action.lastUpdateDateTimeUtc} how="both" /></span>}
          </div>
          {action.requestorComment && <p><Foreign text={action.requestorComment} /></p>}
        </div>
        <div className="buttons">
          <CopyButton text={`${location.origin}/console/actions/${action.id}`} label="Copy link" />
          {mayRun && mayRepeat && <Button onPress={again}><AgainIcon /> Run again</Button>}
          {mayRun && !follower.final && (
            <Button kind="danger" onPress={() => setCancelling(true)} isDisabled={Boolean(action.cancellationDateTimeUtc)}>
              <StopIcon /> {action.cancellationDateTimeUtc ? "Cancelling …" : "Cancel"}
            </Button>
          )}
        </div>
      </div>
      {follower.error !== undefined && <Notice kind="bad" {...explain(follower.error)}><Button small onPress={retry}>Try again</Button></Notice>}
      {action.status === "Pending" && (
        <Notice kind="run" title="It waits for the machine." detail="It starts as soon as the agent is connected, and ends as timed out when the queue time is over." />
      )}
      {action.status === "TimeOut" && <Notice kind="warn" title="The machine did not come in time." detail="Nothing ran. Run it again when the machine is online." />}
      {action.cancellationRequestor && (
        <Notice kind="warn" title={`Cancelled by ${action.cancellationRequestor}.`} detail={action.cancellationComment ? <Foreign text={action.cancellationComment} /> : undefined} />
      )}
      <Tabs
        label="Parts of the action"
        parts={[
          { id: "commands", label: `Commands (${action.commands.length})`, content: <Commands follower={follower} action={action} results={results} /> },
          { id: "transcript", label: "Transcript", content: <Transcript follower={follower} action={action} results={results} /> },
          { id: "receipts", label: "Hashes and receipts", content: <ReceiptsView action={action} results={results} /> },
          { id: "details", label: "Details", content: <Details action={action} /> },
        ]}
      />
      <CancelDialog open={cancelling} follower={follower} action={action} onClose={() => setCancelling(false)} />
    </>
  );
}

function ModeSign({ mode }: { mode: Mode }) {
  if (mode === "live") return <span className="live small">Live</span>;
  if (mode === "reconnecting") return <span className="status warn">Reconnecting …</span>;
  if (mode === "asking") return <span className="muted small">Asking every few seconds</span>;
  return null;
}

function Commands({ follower, action, results }: { follower: Follower; action: MachineAction; results: Results }) {
  const mayRead = useMay("Machine.LiveResponse");
  return (
    <ol className={`timeline ${action.commands.length > 1 ? "compact" : ""}`}>
      {action.commands.map((command) => (
        <CommandCard
          key={command.index}
          actionId={action.id}
          command={command}
          final={follower.final}
          live={follower.mode === "live" || follower.mode === "reconnecting"}
          stream={follower.streams.get(command.index)}
          results={results}
          mayRead={mayRead}
          openAtOnce={command.index < OPEN_AT_ONCE}
        />
      ))}
    </ol>
  );
}

// While it runs, in the order in which it came; afterwards, command by command.
function Transcript({ follower, action, results }: { follower: Follower; action: MachineAction; results: Results }) {
  const made = useMemo(() => {
    const scripts = new Map([...results.entries].flatMap(([index, entry]) => (entry.script ? [[index, entry.script] as const] : [])));
    return transcriptOf(action, scripts);
  }, [action, results.version, results.entries]);
  const live = !follower.final && !follower.transcript.empty;
  const lines = live ? follower.transcript : made;
  const unread = action.commands.filter((command) => writes(command.command.type) && command.endTime && !results.entries.get(command.index)?.script);
  return (
    <div className="stack tight-stack">
      {follower.final && unread.length > 0 && (
        <Notice title={`${unread.length} of the results ${unread.length === 1 ? "is" : "are"} not read yet.`}>
          <Button small onPress={() => unread.forEach((command) => results.readScript(command.index))}>Read them</Button>
        </Notice>
      )}
      <OutputView label="Transcript" lines={lines} version={lines.version} follow={live} empty="Nothing happened yet." />
      <div>
        <Button small onPress={() => save(`action-${action.id}.txt`, `${lines.shown()}\n`)}>Download the transcript</Button>
      </div>
    </div>
  );
}

function Details({ action }: { action: MachineAction }) {
  return (
    <section className="card" aria-label="Details">
      <div className="body">
        <dl className="pairs">
          <dt>Id</dt><dd><code>{action.id}</code></dd>
          <dt>Machine</dt><dd><Foreign text={action.computerDnsName} /> <code>{action.machineId}</code></dd>
          <dt>Asked for by</dt><dd><Foreign text={action.requestor} /></dd>
          <dt>Comment</dt><dd>{action.requestorComment ? <Foreign text={action.requestorComment} /> : "–"}</dd>
          <dt>Title</dt><dd>{action.title ? <Foreign text={action.title} /> : "–"}</dd>
          <dt>External id</dt><dd>{action.externalId ? <Foreign text={action.externalId} /> : "–"}</dd>
          <dt>Created</dt><dd><Time at={action.creationDateTimeUtc} how="both" /></dd>
          <dt>Last change</dt><dd><Time at={action.lastUpdateDateTimeUtc} how="both" /></dd>
          <dt>Cancelled</dt>
          <dd>{action.cancellationDateTimeUtc ? <><Time at={action.cancellationDateTimeUtc} how="both" /> by <Foreign text={action.cancellationRequestor ?? ""} /></> : "–"}</dd>
        </dl>
      </div>
    </section>
  );
}

function CancelDialog({ open, follower, action, onClose }: { open: boolean; follower: Follower; action: MachineAction; onClose: () => void }) {
  const { api } = useOutside();
  const [comment, setComment] = useState("");
  const [error, setError] = useState("");
  const cancel = async () => {
    if (comment.trim() === "") {
      setError("Say why: the comment stands in the audit.");
      throw new FieldProblem();
    }
    const after = await api.send<MachineAction>("POST", `/api/machineactions/${action.id}/cancel`, { body: { Comment: comment.trim() } });
    follower.take(after);
  };
  return (
    <Confirm title="Cancel this action?" open={open} action="Cancel the action" danger onClose={onClose} onConfirm={cancel}>
      <p className="muted">A command that runs is ended with everything that it started. Commands after it are not run. Output up to then is kept.</p>
      <Field label="Why" value={comment} error={error} autoFocus onChange={(value) => { setComment(value); setError(""); }} required />
    </Confirm>
  );
}
