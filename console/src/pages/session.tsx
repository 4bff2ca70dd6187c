// An interactive session on one machine: opened here, or gone on with.
import { useContext, useState } from "react";
import { Link, useParams } from "react-router";
import type { CommandTable, InteractiveSession, Machine, MachineState } from "../api/types";
import { MeContext, useMay } from "../app/context";
import { useLoad } from "../app/load";
import { openOn, Opener } from "../interactive/opener";
import { Work } from "../interactive/work";
import { Foreign, Presence } from "../ui/show";
import { Empty, Failure, isMissing, Loading, Missing } from "../ui/states";
import { useTitle } from "../ui/title";

export default function SessionPage() {
  const { id = "" } = useParams();
  const me = useContext(MeContext);
  const mayRun = useMay("Machine.LiveResponse");
  const machine = useLoad(`machine ${id}`, (api, signal) => api.get<Machine>(`/api/machines/${encodeURIComponent(id)}`, signal));
  const table = useLoad(mayRun ? "interactive" : "", (api, signal) => api.get<CommandTable>("/api/reachback/interactive", signal));
  const open = useLoad(mayRun ? `sessions ${id}` : "", async (api, signal) => ({
    session: await openOn(api.get<{ value: InteractiveSession[] }>("/api/reachback/sessions", signal), id),
  }));
  const state = useLoad(`state ${id}`, (api, signal) => api.get<MachineState>(`/api/reachback/machines/${encodeURIComponent(id)}/state`, signal), 20_000);
  const [begun, setBegun] = useState<{ session: InteractiveSession; made: boolean }>();
  useTitle(machine.data ? `Session on ${machine.data.computerDnsName}` : "Session");

  if (machine.error !== undefined && !machine.data) return <Failure error={machine.error} retry={machine.reload} />;
  if (!machine.data || !me) return <Loading what="the machine" />;
  const { computerDnsName } = machine.data;
  const head = (_: InteractiveSession | undefined, buttons: React.ReactNode) => (
    <div className="page-head">
      <div className="titles">
        <Link to={`/machines/${id}`} className="crumb"><Foreign text={computerDnsName} /></Link>
        <div className="title-row">
          <h1>Session on <Foreign text={computerDnsName} /></h1>
          <Presence machine={machine.data as Machine} online={state.data?.online} />
        </div>
      </div>
      <div className="buttons">{buttons}</div>
    </div>
  );
  if (!mayRun) {
    return (
      <>
        {head(undefined, null)}
        <Empty title="Your account may not run anything on machines">
          <p>Ask an administrator for the role live-response-basic or live-response-advanced.</p>
        </Empty>
      </>
    );
  }
  const missing = [table.error, open.error].find((error) => error !== undefined);
  if (missing !== undefined && (!table.data || !open.data) && !begun) {
    return (
      <>
        {head(undefined, null)}
        {isMissing(missing)
          ? <Missing what="interactive sessions" address="/api/reachback/interactive"><p>Scripts run from <Link to={`/machines/${id}`}>the machine's page</Link>.</p></Missing>
          : <Failure error={missing} retry={() => { table.reload(); open.reload(); }} />}
      </>
    );
  }
  if (!table.data || !open.data) return <>{head(undefined, null)}<Loading what="the session" /></>;
  const found = open.data.session;
  const session = begun?.session ?? (found?.mine ? found : undefined);
  if (session) {
    return <Work machine={machine.data} table={table.data} session={session} made={begun?.made ?? false} advanced={me.liveResponseAdvanced} head={head} />;
  }
  return (
    <>
      {head(undefined, null)}
      <section className="card" aria-labelledby="open-title">
        <header><h2 id="open-title">Open a session</h2></header>
        <div className="body stack">
          <p className="muted">
            Work on this machine line by line: look around, find and fetch files, run scripts of the library. Every line is an action of its own, with a receipt and a record
            in the audit.{state.data?.online === false && " The machine is offline: a line waits for it."}
          </p>
          <Opener machineId={id} other={found} label="Open a session" onOpen={(opened, made) => setBegun({ session: opened, made })} />
        </div>
      </section>
    </>
  );
}
