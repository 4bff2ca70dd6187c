// Opens a session on a machine; where somebody has one, says whose, and offers to end it.
import { useContext, useEffect, useState } from "react";
import { ApiError, explain } from "../api/client";
import type { InteractiveSession } from "../api/types";
import { MeContext, useOutside } from "../app/context";
import { drafts } from "../drafts";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";
import { Field } from "../ui/fields";
import { Foreign, Time } from "../ui/show";
import { Notice } from "../ui/states";

export function Opener(props: {
  machineId: string;
  other: InteractiveSession | undefined; // that stands in the way
  onOpen: (session: InteractiveSession, made: boolean) => void;
  label: string;
}) {
  const { api } = useOutside();
  const me = useContext(MeContext);
  const draft = `interactive.open.${props.machineId}`;
  const [comment, setComment] = useState(() => drafts.read(draft, { comment: "" }).comment);
  const [other, setOther] = useState(props.other);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (comment) drafts.keep(draft, { comment });
    else drafts.drop(draft);
  }, [draft, comment]);

  const work = async (job: () => Promise<void>) => {
    setBusy(true);
    setError(null);
    try {
      await job();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };
  const attempt = async (again: boolean): Promise<void> => {
    try {
      const session = await api.send<InteractiveSession>("POST", `/api/reachback/machines/${encodeURIComponent(props.machineId)}/sessions`, {
        body: comment.trim() ? { comment: comment.trim() } : {},
      });
      drafts.drop(draft);
      props.onOpen(session, true);
    } catch (caught) {
      if (!(caught instanceof ApiError) || caught.status !== 409) throw caught;
      const found = await openOn(api.get<{ value: InteractiveSession[] }>("/api/reachback/sessions"), props.machineId);
      if (found?.mine) return props.onOpen(found, false);
      setOther(found);
      if (!found && !again) return attempt(true); // it has just ended
      throw caught;
    }
  };
  const open = () => work(() => attempt(false));
  const endOther = (of: InteractiveSession) => work(async () => {
    await api.send("POST", `/api/reachback/sessions/${encodeURIComponent(of.id)}/close`, { body: {} });
    setOther(undefined);
    announce("That session is ended. Open one now.");
  });

  const isMyOther = other !== undefined && other.creator === me?.name;
  return (
    <div className="form session-opener">
      {other && (
        <Notice kind="warn" title={isMyOther ? "You have a session on this machine, opened with another program." : `${other.creator} has a session on this machine.`}
          detail={<>
            Opened <Time at={other.created} how="both" />, last used <Time at={other.lastUsed} how="ago" />
            {other.comment && <>, comment: <Foreign text={other.comment} /></>}. {isMyOther ? "It takes lines from there only: end it to open one here." : "There is one at a time."}
          </>}>
          <Button small kind="danger" onPress={() => void endOther(other)} isDisabled={busy}>End that session</Button>
        </Notice>
      )}
      {error !== null && (
        <Notice kind="bad" {...why(error)} />
      )}
      <Field label="Comment" value={comment} onChange={setComment} placeholder="Why: an alert, a ticket" hint="Stands in the session and in the audit." />
      <div className="buttons">
        <Button kind="primary" onPress={() => void open()} isDisabled={busy}>{busy ? "Opening …" : props.label}</Button>
      </div>
    </div>
  );
}

// 429 is about sessions here, as the message says: nobody has to wait for a rate.
function why(error: unknown): { title: string; detail: string } {
  return error instanceof ApiError && error.status === 429 ? { title: "Not opened:", detail: `${error.message}.` } : explain(error);
}

export async function openOn(list: Promise<{ value: InteractiveSession[] }>, machineId: string): Promise<InteractiveSession | undefined> {
  return (await list).value.find((one) => one.machineId === machineId && one.status === "Open");
}
