// Starts a live response on one machine. What is typed is kept until it has been accepted.
import { useEffect, useState } from "react";
import { useNavigate } from "react-router";
import { ApiError, explain } from "../api/client";
import type { LibraryFile, Machine, MachineAction, Page } from "../api/types";
import { useMay, useOutside } from "../app/context";
import { useLoad } from "../app/load";
import { drafts } from "../drafts";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";
import { Field } from "../ui/fields";
import { PlusIcon } from "../ui/icons";
import { Notice } from "../ui/states";
import { CommandEditor } from "./command_editor";
import {
  check, COMMANDS_MAX, draftName, type Draft, type DraftCommand, type FieldErrors, hasErrors, inOrder, isBlank, mayMove, moved,
  newCommand, newDraft, NO_ERRORS, placeError, toBody,
} from "./draft";

export default function Composer({ machine, online, active }: {
  machine: Machine;
  online: boolean | undefined;
  active: MachineAction | undefined; // what runs there now: one action of a machine at a time
}) {
  const { api, session } = useOutside();
  const navigate = useNavigate();
  const name = draftName(machine.id);
  const [draft, setDraft] = useState<Draft>(() => drafts.read(name, newDraft()));
  const [errors, setErrors] = useState<FieldErrors>(NO_ERRORS);
  const [failure, setFailure] = useState<{ title: string; detail: string } | null>(null);
  const [busy, setBusy] = useState(false);
  const mayRun = useMay("Machine.LiveResponse");
  const library = useLoad("library", async (calls, signal) => {
    const page = await calls.get<Page<LibraryFile>>("/api/libraryfiles", signal);
    return page.value;
  });
  useEffect(() => {
    if (isBlank(draft)) drafts.drop(name);
    else drafts.keep(name, draft);
  }, [name, draft]);

  const change = (next: Partial<Draft>) => setDraft((old) => ({ ...old, ...next }));
  const commands = (next: DraftCommand[]) => change({ commands: inOrder(next) });
  const edit = (id: string, part: Partial<DraftCommand>) => {
    setDraft((old) => ({ ...old, commands: inOrder(old.commands.map((one) => (one.id === id ? { ...one, ...part } : one))) }));
    setErrors((old) => {
      const { [id]: _, ...rest } = old.commands;
      return { ...old, commands: rest };
    });
  };

  const run = async () => {
    setFailure(null);
    const found = check(draft);
    setErrors(found);
    if (hasErrors(found)) {
      announce("Something is missing: see the marked fields.");
      return;
    }
    const body = toBody(draft);
    const text = JSON.stringify(body);
    const key = draft.sent === text && draft.key ? draft.key : crypto.randomUUID();
    drafts.keep(name, { ...draft, sent: text, key });
    change({ sent: text, key });
    setBusy(true);
    try {
      const action = await api.send<MachineAction>("POST", `/api/machines/${machine.id}/runliveresponse`, {
        body,
        headers: { "Idempotency-Key": key },
      });
      drafts.drop(name);
      announce("Accepted");
      void navigate(`/actions/${action.id}`);
    } catch (error) {
      if (error instanceof ApiError && error.status === 400 && error.code !== "ActiveRequestAlreadyExists") {
        setErrors(placeError(error.message, draft));
      } else if (error instanceof ApiError && error.code === "ActiveRequestAlreadyExists") {
        setFailure({ title: "Another action is under way on this machine.", detail: "It takes one at a time: wait for its end, or cancel it." });
      } else if (error instanceof ApiError && error.status === 403 && error.message.startsWith("Commands[")) {
        setErrors(placeError(error.message, draft));
      } else {
        setFailure(explain(error));
      }
      setBusy(false);
    }
  };

  if (!mayRun) {
    return (
      <section className="card">
        <header>
          <h2>Live response</h2>
        </header>
        <div className="body muted">
          Your account may look at machines and not run anything on them. Ask an administrator for the role live-response-basic or
          live-response-advanced.
        </div>
      </section>
    );
  }
  const last = draft.commands.at(-1);
  return (
    <section className="card" aria-labelledby="run-title">
      <header>
        <h2 id="run-title">Start a live response</h2>
        {!isBlank(draft) && (
          <Button
            small
            kind="quiet"
            onPress={() => {
              setDraft(newDraft());
              setErrors(NO_ERRORS);
              setFailure(null);
            }}
          >
            Start over
          </Button>
        )}
      </header>
      <div className="body form">
        <ol className="form commands">
          {draft.commands.map((command, index) => (
            <CommandEditor
              key={command.id}
              number={index + 1}
              command={command}
              errors={errors.commands[command.id] ?? {}}
              library={library}
              onChange={(part) => edit(command.id, part)}
              onRemove={draft.commands.length > 1 ? () => commands(draft.commands.filter((one) => one !== command)) : undefined}
              onUp={mayMove(draft.commands, index, -1) ? () => commands(moved(draft.commands, index, -1)) : undefined}
              onDown={mayMove(draft.commands, index, 1) ? () => commands(moved(draft.commands, index, 1)) : undefined}
            />
          ))}
        </ol>
        <div className="buttons">
          <Button
            small
            onPress={() => commands([...draft.commands, newCommand(last?.type ?? "RunScript")])}
            isDisabled={draft.commands.length >= COMMANDS_MAX}
          >
            <PlusIcon /> Add a command
          </Button>
          {draft.commands.length > 1 && (
            <span className="hint muted small">Files are put first, then scripts run, then files are fetched. The first failure ends it.</span>
          )}
        </div>
        <Field
          label="Comment"
          lines={2}
          value={draft.comment}
          onChange={(comment) => change({ comment })}
          error={errors.comment}
          placeholder="Why: an alert, a ticket"
          hint="Stands in the action and in the audit."
        />
        {errors.form && <Notice kind="bad" title="The server refused this." detail={errors.form} />}
        {failure && (
          <Notice kind="bad" {...failure}>
            {active && (
              <Button small onPress={() => void navigate(`/actions/${active.id}`)}>
                See that action
              </Button>
            )}
          </Notice>
        )}
        <div className="buttons">
          <Button kind="primary" onPress={() => void run()} isDisabled={busy}>
            {busy ? "Sending …" : `Run on ${machine.computerDnsName}`}
          </Button>
          {online === false && (
            <span className="muted small">
              It is offline: the action waits for it, {session.config.profile === "2026" ? "two hours" : "three days"} at most.
            </span>
          )}
        </div>
      </div>
    </section>
  );
}
