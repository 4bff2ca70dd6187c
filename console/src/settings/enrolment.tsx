// How machines join: a token, and a command to paste on the machine.
import { useState } from "react";
import { explain } from "../api/client";
import type { EnrolmentToken, NewEnrolmentToken } from "../api/types";
import { useOutside } from "../app/context";
import { Button, CopyButton } from "../ui/button";
import { Choice } from "../ui/choice";
import { Field } from "../ui/fields";
import { Tags, Time } from "../ui/show";
import { Notice } from "../ui/states";
import { enrolCommand } from "./enrol_command";
import { Rows, useRows } from "./frame";
import { refused } from "./refused";

const ADDRESS = "/api/reachback/enrollmentTokens";
const LIFETIMES = [
  { id: "1800", label: "30 minutes" },
  { id: "3600", label: "1 hour" },
  { id: "86400", label: "1 day" },
  { id: "604800", label: "7 days" },
];

export default function Enrolment() {
  const { api } = useOutside();
  const loaded = useRows<EnrolmentToken>(ADDRESS);
  const [made, setMade] = useState<NewEnrolmentToken | null>(null);
  const [error, setError] = useState<unknown>(null);
  const end = async (token: EnrolmentToken) => {
    setError(null);
    try {
      await api.send("DELETE", `${ADDRESS}/${encodeURIComponent(token.id)}`);
      loaded.reload();
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <div className="stack">
      {loaded.data && (
        <section className="card" aria-labelledby="enrol-title">
          <header><h2 id="enrol-title">Enrol Linux machines</h2></header>
          <div className="body stack">
            <NewToken onMade={(token) => { setMade(token); loaded.reload(); }} />
            {made && (
              <div className="stack tight-stack">
                <Notice kind="ok" title="Run this as root on the machine, with the agent's package installed." detail={<>The token is shown once and good until <Time at={made.expires} how="both" />.</>} />
                <div className="copy-box">
                  <pre>{enrolCommand(made)}</pre>
                  <CopyButton label="Copy the command" text={enrolCommand(made)} kind="primary" />
                </div>
                <p className="muted small">The machine makes a key of its own and shows up under Machines at once. Agents for other systems are not there yet.</p>
              </div>
            )}
          </div>
        </section>
      )}
      {error !== null && <Notice kind="bad" {...explain(error)} />}
      <Rows title="Tokens that are alive" what="enrolment tokens" address={ADDRESS} loaded={loaded} empty="No token is alive"
        command="reachback-server enrollment-token create --data DIR --ttl 1h --uses 1 --tag tier:web">
        {(rows) => (
          <div className="table-wrap">
            <table className="table cards">
              <thead><tr><th scope="col">Id</th><th scope="col">Good until</th><th scope="col">Uses left</th><th scope="col">Tags</th><th scope="col"><span className="visually-hidden">What can be done</span></th></tr></thead>
              <tbody>
                {rows.map((token) => (
                  <tr key={token.id}>
                    <td data-label="Id"><code>{token.id}</code></td>
                    <td data-label="Good until"><Time at={token.expires} how="both" /></td>
                    <td data-label="Uses left">{token.usesLeft}</td>
                    <td data-label="Tags"><Tags tags={token.tags} /></td>
                    <td className="tight no-label"><Button small kind="quiet" onPress={() => void end(token)} aria-label={`End it: token ${token.id}`}>End it</Button></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Rows>
    </div>
  );
}

function NewToken({ onMade }: { onMade: (token: NewEnrolmentToken) => void }) {
  const { api } = useOutside();
  const [lifetime, setLifetime] = useState("3600");
  const [uses, setUses] = useState("1");
  const [tags, setTags] = useState("");
  const [errors, setErrors] = useState<{ uses?: string; tags?: string; form?: string }>({});
  const make = async () => {
    const count = Number(uses);
    if (!Number.isInteger(count) || count < 1) {
      setErrors({ uses: "A whole number, 1 or more." });
      return;
    }
    setErrors({});
    try {
      onMade(await api.send<NewEnrolmentToken>("POST", ADDRESS, {
        body: { ttlSeconds: Number(lifetime), uses: count, tags: tags.split(/[\s,]+/u).filter(Boolean) },
      }));
    } catch (error) {
      setErrors(refused(error, "uses", "tags"));
    }
  };
  return (
    <form className="form" onSubmit={(event) => { event.preventDefault(); void make(); }}>
      <div className="inline-fields">
        <Choice label="Good for" options={LIFETIMES} value={lifetime} onChange={setLifetime} />
        <Field label="Machines" value={uses} onChange={setUses} error={errors.uses} inputMode="numeric" />
        <Field label="Tags for them" value={tags} onChange={setTags} error={errors.tags} placeholder="e.g. tier:web site:fra" className="grow" />
      </div>
      {errors.form && <Notice kind="bad" title="No token was made." detail={errors.form} />}
      <div><Button kind="primary" type="submit">Make a token and the command</Button></div>
    </form>
  );
}
