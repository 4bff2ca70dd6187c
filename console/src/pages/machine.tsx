// One machine: what it is, what ran on it, and a new live response.
import { lazy, Suspense, useState } from "react";
import { Link, useParams } from "react-router";
import { explain } from "../api/client";
import { FINAL, type Machine, type MachineAction, type MachineState } from "../api/types";
import { useMay, useOutside } from "../app/context";
import { type Loaded, useLoad } from "../app/load";
import { useList } from "../app/use_list";
import { ActionTable } from "../ui/action_table";
import { Button, CopyButton } from "../ui/button";
import { Field } from "../ui/fields";
import { ActionsIcon } from "../ui/icons";
import { Foreign, Presence, Tags, Time } from "../ui/show";
import { Empty, Failure, Loading, Notice } from "../ui/states";
import { useTitle } from "../ui/title";

// The form is larger than the rest of the page, and comes after it.
const Composer = lazy(() => import("../run/composer"));

export default function MachinePage() {
  const { id = "" } = useParams();
  const machine = useLoad(`machine ${id}`, (api, signal) => api.get<Machine>(`/api/machines/${encodeURIComponent(id)}`, signal));
  useTitle(machine.data?.computerDnsName ?? "Machine");
  if (machine.error !== undefined && !machine.data) return <Failure error={machine.error} retry={machine.reload} />;
  if (!machine.data) return <Loading what="the machine" />;
  return <Shown loaded={machine} machine={machine.data} />;
}

function Shown({ loaded, machine }: { loaded: Loaded<Machine>; machine: Machine }) {
  const state = useLoad(
    `state ${machine.id}`,
    (api, signal) => api.get<MachineState>(`/api/reachback/machines/${machine.id}/state`, signal),
    20_000,
  );
  const actions = useList<MachineAction>(`/api/machines/${machine.id}/machineActions`, {}, (row) => row.id);
  const active = actions.rows?.find((action) => !FINAL.includes(action.status));
  const online = state.data?.online;
  const mayRun = useMay("Machine.LiveResponse");
  return (
    <>
      <div className="page-head">
        <div className="titles">
          <Link to="/machines" className="crumb">
            Machines
          </Link>
          <div className="title-row">
            <h1>
              <Foreign text={machine.computerDnsName} />
            </h1>
            <Presence machine={machine} online={online} />
          </div>
          <div className="facts">
            <span>
              <Foreign text={[machine.osDistribution ?? machine.osPlatform, machine.version].filter(Boolean).join(" ")} />
            </span>
            {machine.lastIpAddress && <span className="mono">{machine.lastIpAddress}</span>}
            <span>
              last seen <Time at={machine.lastSeen} how="ago" />
            </span>
          </div>
        </div>
        <div className="buttons">
          {mayRun
            ? <Link className="button" to={`/machines/${machine.id}/session`}><ActionsIcon /> Interactive session</Link>
            : <Button isDisabled><ActionsIcon /> Interactive session</Button>}
          <CopyButton text={location.href} label="Copy link" />
        </div>
      </div>
      {machine.quarantine && (
        <Notice kind="warn" title="This machine is in quarantine."
          detail={<><Foreign text={machine.quarantine.reason} /> It reports and gets nothing until an operator clears it: <code>reachback-server machine</code>.</>} />
      )}
      <div className="columns">
        <div className="stack">
          <Suspense fallback={<div className="card"><Loading what="the form" /></div>}>
            <Composer key={machine.id} machine={machine} online={online} active={active} />
          </Suspense>
          <section className="card" aria-labelledby="actions-title">
            <header>
              <h2 id="actions-title">Actions</h2>
              <Button small kind="quiet" onPress={actions.reload}>
                Read again
              </Button>
            </header>
            {actions.rows === undefined && actions.error === undefined && <Loading what="actions" />}
            {actions.error !== undefined && <Failure error={actions.error} retry={actions.reload} />}
            {actions.rows?.length === 0 && <Empty title="Nothing ran here yet"><p>The first live response shows up here.</p></Empty>}
            {actions.rows && actions.rows.length > 0 && <ActionTable actions={actions.rows} machine={false} />}
            {actions.more && (
              <div className="more">
                <span>{actions.rows?.length} of {actions.total}</span>
                <Button small onPress={actions.more} isDisabled={actions.loading}>Show more</Button>
              </div>
            )}
          </section>
        </div>
        <Inventory machine={machine} state={state.data} reload={loaded.reload} />
      </div>
    </>
  );
}

function Inventory({ machine, state, reload }: { machine: Machine; state: MachineState | undefined; reload: () => void }) {
  const addresses = machine.ipAddresses.filter((one) => one.ipAddress);
  return (
    <section className="card" aria-labelledby="inventory-title">
      <header>
        <h2 id="inventory-title">Inventory</h2>
      </header>
      <div className="body stack">
        <dl className="pairs">
          <dt>System</dt>
          <dd>
            <Foreign text={[machine.osDistribution ?? machine.osPlatform, machine.version].filter(Boolean).join(" ")} />
            <span className="muted">{machine.osArchitecture && `, ${machine.osArchitecture}`}</span>
          </dd>
          <dt>Processor</dt>
          <dd>{machine.osProcessor ? <Foreign text={machine.osProcessor} /> : "–"}</dd>
          <dt>Agent</dt>
          <dd>{state?.agentVersion ?? machine.agentVersion ?? "–"}</dd>
          <dt>Last seen</dt>
          <dd><Time at={machine.lastSeen} how="both" /></dd>
          <dt>First seen</dt>
          <dd><Time at={machine.firstSeen} how="both" /></dd>
          {state?.since && (
            <>
              <dt>{state.online ? "Online since" : "Offline since"}</dt>
              <dd><Time at={state.since} how="both" /></dd>
            </>
          )}
          <dt>Outside address</dt>
          <dd className="mono">{machine.lastExternalIpAddress ?? "–"}</dd>
          <dt>Addresses</dt>
          <dd>
            {addresses.length === 0 && "–"}
            {addresses.map((one) => (
              <div key={one.ipAddress} className="mono">
                {one.ipAddress} <span className="muted">{one.macAddress?.replace(/(..)(?=.)/gu, "$1:")}</span>
              </div>
            ))}
          </dd>
          <dt>Value</dt>
          <dd>{machine.deviceValue}</dd>
          <dt>Device group</dt>
          <dd>{machine.rbacGroupName ?? "–"}</dd>
          <dt>Id</dt>
          <dd><code>{machine.id}</code></dd>
        </dl>
        <TagEditor machine={machine} reload={reload} />
      </div>
    </section>
  );
}

function TagEditor({ machine, reload }: { machine: Machine; reload: () => void }) {
  const { api } = useOutside();
  const may = useMay("Machine.ReadWrite");
  const [value, setValue] = useState("");
  const [error, setError] = useState("");
  const send = async (tag: string, action: "Add" | "Remove") => {
    setError("");
    try {
      await api.send("POST", `/api/machines/${machine.id}/tags`, { body: { Value: tag, Action: action } });
      if (action === "Add") setValue("");
      reload();
    } catch (caught) {
      setError(explain(caught).detail);
    }
  };
  if (!may) return <div><h3>Tags</h3><Tags tags={machine.machineTags} /></div>;
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (value.trim() === "") setError("Type the tag to add.");
        else void send(value.trim(), "Add");
      }}
    >
      <h3>Tags</h3>
      {machine.machineTags.length > 0 && (
        <span className="tags">
          {machine.machineTags.map((tag) => (
            <span key={tag} className="tag">
              <Foreign text={tag} />
              <button type="button" aria-label={`Remove the tag ${tag}`} onClick={() => void send(tag, "Remove")}>×</button>
            </span>
          ))}
        </span>
      )}
      <div className="inline-add">
        <Field label="Add a tag" value={value} onChange={setValue} error={error} placeholder="e.g. tier:web" />
        <Button type="submit">Add</Button>
      </div>
    </form>
  );
}
