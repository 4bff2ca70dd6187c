// All machines that the account may see.
import { useDeferredValue, useEffect, useState } from "react";
import { Link } from "react-router";
import { useLoad } from "../app/load";
import { useQuery } from "../app/query";
import { useList } from "../app/use_list";
import { machineFilter } from "../api/odata";
import type { Machine } from "../api/types";
import { Button } from "../ui/button";
import { Choice } from "../ui/choice";
import { Field } from "../ui/fields";
import { Foreign, Presence, Tags, Time } from "../ui/show";
import { Empty, Failure, Loading, Notice } from "../ui/states";
import { useTitle } from "../ui/title";
import { explain } from "../api/client";

const HEALTH = [
  { id: "", label: "Any state" },
  { id: "Active", label: "Active" },
  { id: "Inactive", label: "Not seen for 7 days" },
  { id: "ImpairedCommunication", label: "In quarantine" },
];

export default function Machines() {
  useTitle("Machines");
  const { get, set, clear } = useQuery();
  const [words, setWords] = useState(get("q"));
  const search = useSettled(words, 250);
  const tag = get("tag");
  const health = get("state");
  useEffect(() => {
    if (search !== get("q")) set({ q: search });
  }, [search]);

  const filter = machineFilter({ words: search, tag, health });
  const list = useList<Machine>("/api/machines", { filter, orderby: "computerDnsName" }, (row) => row.id);
  const online = useOnline();
  const rows = useDeferredValue(list.rows);
  const filtered = filter !== "";

  return (
    <>
      <div className="page-head">
        <div className="titles">
          <h1>Machines</h1>
          <p className="muted" aria-live="polite">
            {list.total === undefined ? " " : `${list.total.toLocaleString("en")} ${filtered ? "found" : "enrolled"}`}
          </p>
        </div>
        <Link className="button" to="/settings/enrolment">
          Enrol a machine
        </Link>
      </div>
      <section className="card" aria-label="List of machines">
        <div className="filters" role="search">
          <Field className="grow" label="Search" value={words} onChange={setWords} placeholder="Name, address or tag" type="search" />
          <Choice label="State" options={HEALTH} value={health} onChange={(value) => set({ state: value })} className="half" />
          {tag && (
            <div className="field half">
              <span className="label">Tag</span>
              <Button onPress={() => set({ tag: "" })} aria-label={`${tag} ×: show every tag`}>
                {tag} ×
              </Button>
            </div>
          )}
        </div>
        {list.error !== undefined && rows && <Notice kind="bad" {...explain(list.error)} />}
        {!rows && list.error !== undefined && <Failure error={list.error} retry={list.reload} />}
        {!rows && list.error === undefined && <Loading what="machines" />}
        {rows && rows.length > 0 && (
          <div className="table-wrap">
            <table className="table cards">
              <thead>
                <tr>
                  <th scope="col">Machine</th>
                  <th scope="col" className="tight">State</th>
                  <th scope="col">System</th>
                  <th scope="col">Address</th>
                  <th scope="col">Tags</th>
                  <th scope="col" className="tight">Last seen</th>
                </tr>
              </thead>
              <tbody>
                {rows.map((machine) => (
                  <tr key={machine.id}>
                    <td className="head">
                      <Link className="main-link" to={`/machines/${machine.id}`}>
                        <Foreign text={machine.computerDnsName} />
                      </Link>
                    </td>
                    <td className="tight" data-label="State">
                      <Presence machine={machine} online={online?.has(machine.id)} />
                    </td>
                    <td data-label="System">
                      <Foreign text={[machine.osDistribution ?? machine.osPlatform, machine.version].filter(Boolean).join(" ")} />
                    </td>
                    <td data-label="Address" className="mono">{machine.lastIpAddress ?? "–"}</td>
                    <td data-label="Tags">
                      <TagLinks tags={machine.machineTags} onTag={(value) => set({ tag: value })} />
                    </td>
                    <td className="tight muted" data-label="Last seen">
                      <Time at={machine.lastSeen} how="ago" />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {rows?.length === 0 && !list.loading && (
          <Empty title={filtered ? "No machine fits" : "No machine is enrolled yet"}>
            {filtered ? (
              <>
                <p>Names and tags are found by any part, addresses by their beginning.</p>
                <Button
                  onPress={() => {
                    setWords("");
                    clear();
                  }}
                >
                  Show all machines
                </Button>
              </>
            ) : (
              <p>
                Make an enrolment token and run one command on the machine: <Link to="/settings/enrolment">enrol a machine</Link>.
              </p>
            )}
          </Empty>
        )}
        {list.more && rows && (
          <div className="more">
            <span>
              {rows.length} of {list.total ?? "more"}
            </span>
            <Button onPress={list.more} isDisabled={list.loading}>
              Show more
            </Button>
          </div>
        )}
      </section>
    </>
  );
}

function TagLinks({ tags, onTag }: { tags: readonly string[]; onTag: (tag: string) => void }) {
  if (tags.length === 0) return <Tags tags={tags} />;
  return (
    <span className="tags">
      {tags.map((tag) => (
        <button key={tag} type="button" className="tag as-button" onClick={() => onTag(tag)} title={`Only machines with ${tag}`}>
          <Foreign text={tag} />
        </button>
      ))}
    </span>
  );
}

// The machines that are connected; undefined where the server does not say.
function useOnline(): Set<string> | undefined {
  const { data } = useLoad("online", (api, signal) => api.get<{ value: string[] }>("/api/reachback/onlineMachines", signal), 30_000);
  return data && new Set(data.value);
}

function useSettled(value: string, milliseconds: number): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), milliseconds);
    return () => clearTimeout(timer);
  }, [value, milliseconds]);
  return settled;
}
