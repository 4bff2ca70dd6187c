// People who may sign in.
import { useState } from "react";
import { explain } from "../api/client";
import type { DeviceGroup, User } from "../api/types";
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

const ADDRESS = "/api/reachback/users";
const ROLES = ["viewer", "live-response-basic", "live-response-advanced", "library", "approver", "admin"];

type Act = "password" | "totp" | "endTokens";
interface Made {
  password?: string;
  totpUri?: string;
}
function secretsOf(made: Made | null): Secret[] {
  return [
    ...(made?.password ? [{ name: "Password", value: made.password }] : []),
    ...(made?.totpUri ? [{ name: "Key for an authenticator app", value: made.totpUri }] : []),
  ];
}

export default function Users() {
  const { api } = useOutside();
  const loaded = useRows<User>(ADDRESS);
  const groups = useRows<DeviceGroup>("/api/reachback/deviceGroups");
  const [edited, setEdited] = useState<User | "new" | null>(null);
  const [removing, setRemoving] = useState<User | null>(null);
  const [secrets, setSecrets] = useState<{ title: string; secrets: Secret[] } | null>(null);
  const [error, setError] = useState<unknown>(null);
  const of = (user: User) => `${ADDRESS}/${encodeURIComponent(user.name)}`;
  const act = async (user: User, what: Act) => {
    setError(null);
    try {
      const made = await api.send<Made | null>("POST", `${of(user)}/${what}`);
      const found = secretsOf(made);
      if (found.length > 0) setSecrets({ title: `New for ${user.name}.`, secrets: found });
      loaded.reload();
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <div className="stack">
      {secrets && <Secrets {...secrets} />}
      {error !== null && <Notice kind="bad" {...explain(error)} />}
      <Rows title="Users" what="users" address={ADDRESS} loaded={loaded} empty="No user yet"
        command="reachback-server user create --data DIR NAME --role live-response-advanced"
        button={<Button small kind="primary" onPress={() => setEdited("new")}>Add a user</Button>}>
        {(rows) => (
          <div className="table-wrap">
            <table className="table cards">
              <thead><tr><th scope="col">Name</th><th scope="col">Roles</th><th scope="col">Device groups</th><th scope="col">One-time codes</th><th scope="col">Created</th><th scope="col"><span className="visually-hidden">What can be done</span></th></tr></thead>
              <tbody>
                {rows.map((user) => (
                  <tr key={user.name}>
                    <td className="head"><strong><Foreign text={user.name} /></strong> {user.disabled && <span className="status idle">Disabled</span>}</td>
                    <td data-label="Roles"><Tags tags={user.roles} /></td>
                    <td data-label="Groups">{user.groups.length === 0 ? <span className="muted">every machine</span> : <Tags tags={user.groups} />}</td>
                    <td data-label="Codes">{user.oneTimeCode ? "yes" : <span className="status warn">password only</span>}</td>
                    <td className="muted nowrap" data-label="Created"><Time at={user.created} /></td>
                    <td className="tight no-label">
                      <div className="buttons">
                        <Button small kind="quiet" onPress={() => setEdited(user)} aria-label={`Change ${user.name}`}>Change</Button>
                        <Button small kind="quiet" onPress={() => setRemoving(user)} aria-label={`Delete ${user.name}`}>Delete</Button>
                      </div>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Rows>
      <Dialog title={edited === "new" ? "Add a user" : `Change ${edited?.name ?? ""}`} open={edited !== null} onClose={() => setEdited(null)}>
        {edited !== null && (
          <UserForm user={edited === "new" ? null : edited} onAct={(what) => { if (edited !== "new") void act(edited, what); setEdited(null); }} groups={groups.data ?? []} onClose={() => setEdited(null)}
            onSave={async (body) => {
              const made = edited === "new" ? await api.send<Made>("POST", ADDRESS, { body }) : await api.send<Made | null>("PATCH", of(edited), { body });
              const found = secretsOf(made);
              if (found.length > 0) setSecrets({ title: `${String(body.name ?? "")} may sign in now.`, secrets: found });
              setEdited(null);
              loaded.reload();
            }} />
        )}
      </Dialog>
      <Confirm title={`Delete ${removing?.name ?? ""}?`} open={removing !== null} action="Delete the user" danger onClose={() => setRemoving(null)}
        onConfirm={async () => {
          if (removing) await api.send("DELETE", of(removing));
          loaded.reload();
        }}>
        <p>What the user did stays in the audit. Their tokens end at once.</p>
      </Confirm>
    </div>
  );
}

type Body = { name?: string; roles: string[]; groups: string[]; disabled?: boolean; oneTimeCode?: boolean };

function UserForm(props: { user: User | null; onAct: (what: Act) => void; groups: readonly DeviceGroup[]; onClose: () => void; onSave: (body: Body) => Promise<void> }) {
  const { user } = props;
  const [name, setName] = useState(user?.name ?? "");
  const [roles, setRoles] = useState<string[]>(user?.roles ?? ["viewer"]);
  const [groups, setGroups] = useState<string[]>(user?.groups ?? []);
  const [disabled, setDisabled] = useState(user?.disabled ?? false);
  const [codes, setCodes] = useState(true);
  const [errors, setErrors] = useState<{ name?: string; roles?: string; form?: string }>({});
  const save = async () => {
    if (name.trim() === "") return setErrors({ name: "Type the name that the user signs in with." });
    if (roles.length === 0) return setErrors({ roles: "Choose at least one role." });
    setErrors({});
    try {
      await props.onSave(user ? { roles, groups, disabled } : { name: name.trim(), roles, groups, oneTimeCode: codes });
    } catch (error) {
      setErrors(refused(error, "name", "roles"));
    }
  };
  return (
    <form className="form" onSubmit={(event) => { event.preventDefault(); void save(); }}>
      {!user && <Field label="Name" value={name} onChange={setName} error={errors.name} placeholder="ann@corp.example" autoFocus />}
      <div className="field">
        <span className="label">Roles</span>
        <Toggles label="Roles" options={ROLES.map((id) => ({ id, label: id }))} value={roles} onChange={setRoles} />
        {errors.roles && <span className="error" role="alert">{errors.roles}</span>}
      </div>
      {props.groups.length > 0 && (
        <div className="field">
          <span className="label">Device groups (none: every machine)</span>
          <Toggles label="Device groups" options={props.groups.map((group) => ({ id: group.name, label: group.name }))} value={groups} onChange={setGroups} />
        </div>
      )}
      {user ? <Check checked={disabled} onChange={setDisabled}>Disabled: may not sign in, tokens end at once</Check>
        : <Check checked={codes} onChange={setCodes}>Signs in with a one-time code, too</Check>}
      {errors.form && <Notice kind="bad" title="It was not saved." detail={errors.form} />}
      <div className="buttons">
        <Button kind="primary" type="submit">{user ? "Save" : "Add the user"}</Button>
        <Button kind="quiet" onPress={props.onClose}>Close</Button>
      </div>
      {user && (
        <div className="receipt buttons">
          <Button small onPress={() => props.onAct("password")}>New password</Button>
          <Button small onPress={() => props.onAct("totp")}>New key for codes</Button>
          <Button small onPress={() => props.onAct("endTokens")}>Sign out everywhere</Button>
        </div>
      )}
    </form>
  );
}
