// Opens a session on a machine; where somebody has one, says whose, and offers to end it.
import { useEffect, useState } from "react";
import { ApiError, explain } from "../api/client";
import type { InteractiveSession } from "../api/types";
import { useOutside } from "../app/context";
import { drafts } from "../drafts";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";
import { Field } from "../ui/fields";
import { Foreign, Time } from "../ui/show";
import { Notice } from "../ui/states";

// The open session that stands in the way: all of it, or what a refusal told.
export interface InTheWay {
  id: string;
  session: InteractiveSession | undefined;
}

export function Opener(props: {
  machineId: string;
  other: InTheWay | undefined;
  isMine: (session: InteractiveSession) => boolean;
  onOpen: (session: InteractiveSession, made: boolean) => void;
  label: string;
}) {
  const { api } = useOutside();
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
  const open = () => work(async () => {
    try {
      const session = await api.send<InteractiveSession>("POST", `/api/reachback/machines/${encodeURIComponent(props.machineId)}/sessions`, {
        body: comment.trim() ? { comment: comment.trim() } : {},
      });
      drafts.drop(draft);
      props.onOpen(session, true);
    } catch (caught) {
      if (!(caught instanceof ApiError) || caught.status !== 409) throw caught;
      const found = await openOn(api.get<{ value: InteractiveSession[] }>("/api/reachback/sessions"), props.machineId);
      if (found && props.isMine(found)) return props.onOpen(found, false);
      const id = found?.id ?? /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/iu.exec(caught.message)?.[0];
      if (id) setOther({ id, session: found });
      throw caught;
    }
  });
  const endOther = (of: InTheWay) => work(async () => {
    await api.send("POST", `/api/reachback/sessions/${encodeURIComponent(of.id)}/close`, { body: {} });
    setOther(undefined);
    announce("That session is ended. Open one now.");
  });

  const session = other?.session;
  return (
    <div className="form session-opener">
      {other && session && (
        <Notice kind="warn" title={`${session.creator} has a session on this machine.`}
          detail={<>
            Opened <Time at={session.created} how="both" />, last used <Time at={session.lastUsed} how="ago" />
            {session.comment && <>, comment: <Foreign text={session.comment} /></>}. There is one at a time.
          </>}>
          <Button small kind="danger" onPress={() => void endOther(other)} isDisabled={busy}>End that session</Button>
        </Notice>
      )}
      {error !== null && (
        <Notice kind="bad" {...why(error)}>
          {other && !session && <Button small kind="danger" onPress={() => void endOther(other)} isDisabled={busy}>End that session</Button>}
        </Notice>
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
