// Programs that call the API: with permissions of their own, or for users who sign in through them.
import { useState } from "react";
import type { Application } from "../api/types";
import { useOutside } from "../app/context";
import { Button } from "../ui/button";
import { Check } from "../ui/choice";
import { Confirm, Dialog } from "../ui/dialog";
import { Field } from "../ui/fields";
import { Foreign, Tags, Time } from "../ui/show";
import { Notice } from "../ui/states";
import { Toggles } from "../ui/toggles";
import { Rows, useRows } from "./frame";
import { refused } from "./refused";
import { type Secret, Secrets } from "./secret";

const ADDRESS = "/api/reachback/applications";
const ROLES = ["Machine.Read.All", "Machine.ReadWrite.All", "Machine.LiveResponse", "Library.Manage"];
const SCOPES = ["Machine.Read", "Machine.ReadWrite", "Machine.LiveResponse", "Library.Manage"];

export default function Applications() {
  const { api } = useOutside();
  const loaded = useRows<Application>(ADDRESS);
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<Application | null>(null);
  const [rotating, setRotating] = useState<Application | null>(null);
  const [secrets, setSecrets] = useState<{ title: string; secrets: Secret[] } | null>(null);
  const keep = (name: string, made: { clientId?: string; clientSecret?: string } | null) => {
    if (made?.clientSecret) {
      setSecrets({ title: `${name} has a secret.`, secrets: [
        ...(made.clientId ? [{ name: "Client id", value: made.clientId }] : []),
        { name: "Client secret", value: made.clientSecret },
      ] });
    }
    loaded.reload();
  };
  const of = (application: Application | null) => `${ADDRESS}/${encodeURIComponent(application?.clientId ?? "")}`;
  return (
    <div className="stack">
      {secrets && <Secrets {...secrets} />}
      <Rows title="Applications" what="applications" address={ADDRESS} loaded={loaded} empty="No application"
        command="reachback-server app create --data DIR --name soar --role Machine.LiveResponse"
        button={<Button small kind="primary" onPress={() => setAdding(true)}>Add an application</Button>}>
        {(rows) => (
          <div className="table-wrap">
            <table className="table cards">
              <thead><tr><th scope="col">Name</th><th scope="col">Permissions</th><th scope="col">For its users</th><th scope="col">Created</th><th scope="col"><span className="visually-hidden">What can be done</span></th></tr></thead>
              <tbody>
                {rows.map((application) => (
                  <tr key={application.clientId}>
                    <td className="head">
                      <strong><Foreign text={application.name} /></strong> {application.publicClient && <span className="status idle">public client</span>}
                      <div><code className="muted">{application.clientId}</code></div>
                    </td>
                    <td data-label="Permissions"><Tags tags={application.roles} /></td>
                    <td data-label="For users"><Tags tags={application.scopes} /></td>
                    <td className="muted nowrap" data-label="Created"><Time at={application.created} /></td>
                    <td className="tight no-label">
                      <div className="buttons">
                        {!application.publicClient && <Button small kind="quiet" onPress={() => setRotating(application)} aria-label={`New secret for ${application.name}`}>New secret</Button>}
                        <Button small kind="quiet" onPress={() => setRemoving(application)} aria-label={`Delete ${application.name}`}>Delete</Button>
                      </div>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Rows>
      <Dialog title="Add an application" open={adding} onClose={() => setAdding(false)}>
        <ApplicationForm onClose={() => setAdding(false)} onSave={async (body) => {
          keep(body.name, await api.send("POST", ADDRESS, { body }));
          setAdding(false);
        }} />
      </Dialog>
      <Confirm title={`A new secret for ${rotating?.name ?? ""}?`} open={rotating !== null} action="Make a new secret" onClose={() => setRotating(null)}
        onConfirm={async () => keep(rotating?.name ?? "", await api.send("POST", `${of(rotating)}/rotate`))}>
        <p>The old secret stops counting. The program has to be given the new one.</p>
      </Confirm>
      <Confirm title={`Delete ${removing?.name ?? ""}?`} open={removing !== null} action="Delete the application" danger onClose={() => setRemoving(null)}
        onConfirm={async () => {
          await api.send("DELETE", of(removing));
          loaded.reload();
        }}>
        <p>Its tokens end, and so does what users let it do. What it did stays in the audit.</p>
      </Confirm>
    </div>
  );
}

interface Body {
  name: string;
  roles: string[];
  scopes: string[];
  redirectUris: string[];
  publicClient: boolean;
}

function ApplicationForm(props: { onClose: () => void; onSave: (body: Body) => Promise<void> }) {
  const [name, setName] = useState("");
  const [roles, setRoles] = useState<string[]>([]);
  const [scopes, setScopes] = useState<string[]>([]);
  const [forUsers, setForUsers] = useState(false);
  const [redirects, setRedirects] = useState("");
  const [errors, setErrors] = useState<{ name?: string; roles?: string; scopes?: string; redirectUris?: string; form?: string }>({});
  const save = async () => {
    if (name.trim() === "") return setErrors({ name: "Type a name by which people know it." });
    if ((forUsers ? scopes : roles).length === 0) return setErrors({ roles: "Choose what it may do." });
    setErrors({});
    try {
      await props.onSave(forUsers
        ? { name: name.trim(), roles: [], scopes, redirectUris: redirects.split(/\s+/u).filter(Boolean), publicClient: true }
        : { name: name.trim(), roles, scopes: [], redirectUris: [], publicClient: false });
    } catch (error) {
      setErrors(refused(error, "name", "roles", "scopes", "redirectUris"));
    }
  };
  return (
    <form className="form" onSubmit={(event) => { event.preventDefault(); void save(); }}>
      <Field label="Name" value={name} onChange={setName} error={errors.name} placeholder="soar-playbooks" autoFocus />
      <Check checked={forUsers} onChange={setForUsers}>Users sign in through it (a public client: no secret)</Check>
      <div className="field">
        <span className="label">{forUsers ? "What it may do for its users" : "What it may do by itself"}</span>
        {forUsers ? <Toggles label="Scopes" options={SCOPES.map((id) => ({ id, label: id }))} value={scopes} onChange={setScopes} />
          : <Toggles label="Permissions" options={ROLES.map((id) => ({ id, label: id }))} value={roles} onChange={setRoles} />}
        {(errors.roles ?? errors.scopes) && <span className="error" role="alert">{errors.roles ?? errors.scopes}</span>}
      </div>
      {forUsers && <Field label="Redirect addresses, one a line" lines={2} mono value={redirects} onChange={setRedirects} error={errors.redirectUris} placeholder="http://localhost" />}
      {errors.form && <Notice kind="bad" title="It was not saved." detail={errors.form} />}
      <div className="buttons">
        <Button kind="primary" type="submit">Add the application</Button>
        <Button kind="quiet" onPress={props.onClose}>Close</Button>
      </div>
    </form>
  );
}
