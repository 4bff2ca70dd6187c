// Device groups: machines by tag, for users who may not see all.
import { useState } from "react";
import type { DeviceGroup } from "../api/types";
import { useOutside } from "../app/context";
import { Button } from "../ui/button";
import { Confirm, Dialog } from "../ui/dialog";
import { Field } from "../ui/fields";
import { Foreign, Tags } from "../ui/show";
import { Notice } from "../ui/states";
import { Rows, useRows } from "./frame";
import { refused } from "./refused";

const ADDRESS = "/api/reachback/deviceGroups";

export default function Groups() {
  const { api } = useOutside();
  const loaded = useRows<DeviceGroup>(ADDRESS);
  const [adding, setAdding] = useState(false);
  const [removing, setRemoving] = useState<DeviceGroup | null>(null);
  return (
    <>
      <Rows title="Device groups" what="device groups" address={ADDRESS} loaded={loaded} empty="No device group: every user sees every machine"
        command="reachback-server group create --data DIR web --tag tier:web"
        button={<Button small kind="primary" onPress={() => setAdding(true)}>Add a group</Button>}>
        {(rows) => (
          <div className="table-wrap">
            <table className="table cards">
              <thead><tr><th scope="col">Name</th><th scope="col">Machines with the tag</th><th scope="col"><span className="visually-hidden">What can be done</span></th></tr></thead>
              <tbody>
                {rows.map((group) => (
                  <tr key={group.name}>
                    <td className="head"><strong><Foreign text={group.name} /></strong></td>
                    <td data-label="Tag"><Tags tags={group.tags} /></td>
                    <td className="tight no-label"><Button small kind="quiet" onPress={() => setRemoving(group)} aria-label={`Delete ${group.name}`}>Delete</Button></td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Rows>
      <Dialog title="Add a device group" open={adding} onClose={() => setAdding(false)}>
        <GroupForm onClose={() => setAdding(false)} onSave={async (body) => {
          await api.send("POST", ADDRESS, { body });
          setAdding(false);
          loaded.reload();
        }} />
      </Dialog>
      <Confirm title={`Delete ${removing?.name ?? ""}?`} open={removing !== null} action="Delete the group" danger onClose={() => setRemoving(null)}
        onConfirm={async () => {
          await api.send("DELETE", `${ADDRESS}/${encodeURIComponent(removing?.name ?? "")}`);
          loaded.reload();
        }}>
        <p>The machines stay. A group that somebody is assigned to has to be taken from them first.</p>
      </Confirm>
    </>
  );
}

function GroupForm(props: { onClose: () => void; onSave: (body: { name: string; tags: string[] }) => Promise<void> }) {
  const [name, setName] = useState("");
  const [tag, setTag] = useState("");
  const [errors, setErrors] = useState<{ name?: string; tags?: string; form?: string }>({});
  const save = async () => {
    if (name.trim() === "") return setErrors({ name: "Type a name." });
    if (tag.trim() === "") return setErrors({ tags: "Type the tag whose machines belong to it." });
    setErrors({});
    try {
      await props.onSave({ name: name.trim(), tags: [tag.trim()] });
    } catch (error) {
      setErrors(refused(error, "name", "tags"));
    }
  };
  return (
    <form className="form" onSubmit={(event) => { event.preventDefault(); void save(); }}>
      <Field label="Name" value={name} onChange={setName} error={errors.name} autoFocus />
      <Field label="Tag" value={tag} onChange={setTag} error={errors.tags} placeholder="e.g. tier:web" />
      {errors.form && <Notice kind="bad" title="It was not saved." detail={errors.form} />}
      <div className="buttons">
        <Button kind="primary" type="submit">Add the group</Button>
        <Button kind="quiet" onPress={props.onClose}>Close</Button>
      </div>
    </form>
  );
}
