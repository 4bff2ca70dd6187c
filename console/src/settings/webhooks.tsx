// Where the server tells what has happened: the settings file says so, here is how it went.
import { useState } from "react";
import { explain } from "../api/client";
import type { Webhook, WebhookDelivery } from "../api/types";
import { useOutside } from "../app/context";
import { useLoad } from "../app/load";
import { Button } from "../ui/button";
import { Foreign, Tags, Time } from "../ui/show";
import { Failure, Loading, Notice } from "../ui/states";
import { Rows, useRows } from "./frame";

const ADDRESS = "/api/reachback/webhooks";
const LOOK_AGAIN_MS = 2000;

export default function Webhooks() {
  const { api } = useOutside();
  const loaded = useRows<Webhook>(ADDRESS);
  const [chosen, setChosen] = useState<string | null>(null);
  const [told, setTold] = useState<{ name: string; problem?: string } | null>(null);
  const test = async (name: string) => {
    try {
      await api.send("POST", `${ADDRESS}/${encodeURIComponent(name)}/test`);
      setTold({ name });
      setChosen(name);
    } catch (error) {
      setTold({ name, problem: explain(error).detail });
    }
  };
  return (
    <div className="stack">
      {told && (told.problem
        ? <Notice kind="bad" title={`No test was sent to ${told.name}.`} detail={told.problem} />
        : <Notice kind="ok" title={`A test goes to ${told.name}.`} detail="Its deliveries say how it went." />)}
      <Rows title="Webhooks" what="webhooks" address={ADDRESS} loaded={loaded} empty="No webhook: [[webhooks]] in the server's settings file names them"
        command="reachback-server serve --config FILE">
        {(rows) => (
          <div className="table-wrap">
            <table className="table cards">
              <thead><tr><th scope="col">Name</th><th scope="col">Events</th><th scope="col">Waiting</th><th scope="col">Last attempt</th><th scope="col"><span className="visually-hidden">What can be done</span></th></tr></thead>
              <tbody>
                {rows.map((hook) => (
                  <tr key={hook.name}>
                    <td className="head"><strong>{hook.name}</strong><div><code className="muted"><Foreign text={hook.url} /></code></div></td>
                    <td data-label="Events"><Tags tags={hook.events} /></td>
                    <td data-label="Waiting">{hook.waiting}</td>
                    <td data-label="Last attempt">{hook.last ? <Time at={hook.last.lastAttempt} how="ago" /> : <span className="muted">none</span>}</td>
                    <td className="tight no-label">
                      <div className="buttons">
                        <Button small onPress={() => void test(hook.name)} aria-label={`Send a test to ${hook.name}`}>Send a test</Button>
                        <Button small kind="quiet" onPress={() => setChosen(hook.name)} aria-label={`Deliveries to ${hook.name}`}>Deliveries</Button>
                      </div>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Rows>
      {chosen && <Deliveries key={chosen} name={chosen} />}
    </div>
  );
}

const STATES = { waiting: ["waiting", "idle"], delivered: ["delivered", "ok"], givenUp: ["given up", "bad"] } as const;

function Deliveries({ name }: { name: string }) {
  const loaded = useLoad(name, async (api, signal) =>
    (await api.get<{ value: WebhookDelivery[] }>(`${ADDRESS}/${encodeURIComponent(name)}/deliveries?$top=50`, signal)).value, LOOK_AGAIN_MS);
  return (
    <section className="card" aria-label={`Deliveries to ${name}`}>
      <header><h2>Deliveries to {name}</h2></header>
      {loaded.error !== undefined ? <Failure error={loaded.error} retry={loaded.reload} /> : !loaded.data ? <Loading what="the deliveries" /> : (
        <div className="table-wrap">
          <table className="table cards">
            <thead><tr><th scope="col">Happened</th><th scope="col">Event</th><th scope="col">State</th><th scope="col">Attempts</th><th scope="col">Answer</th></tr></thead>
            <tbody>
              {loaded.data.map((one) => (
                <tr key={one.id}>
                  <td className="nowrap" data-label="Happened"><Time at={one.happened} /></td>
                  <td data-label="Event">{one.type}<div><code className="muted"><Foreign text={one.object} /></code></div></td>
                  <td data-label="State"><span className={`status ${STATES[one.state][1]}`}>{STATES[one.state][0]}</span></td>
                  <td data-label="Attempts">{one.attempts}{one.nextAttempt && one.attempts > 0 && <> (next <Time at={one.nextAttempt} />)</>}</td>
                  <td data-label="Answer">{one.status ?? ""} {one.error && <Foreign text={one.error} />}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}
