// All actions that the account may see. The filters stand in the address, so a list can be sent on.
import { useEffect, useState } from "react";
import { explain } from "../api/client";
import { actionFilter } from "../api/odata";
import { FINAL, type ActionStatus, type CommandType, type MachineAction } from "../api/types";
import { useQuery } from "../app/query";
import { useList } from "../app/use_list";
import { TYPE_WORDS } from "../run/draft";
import { odataTime } from "../text/time";
import { ActionTable } from "../ui/action_table";
import { Button, CopyButton } from "../ui/button";
import { Choice } from "../ui/choice";
import { Field } from "../ui/fields";
import { statusWords } from "../ui/show";
import { Empty, Failure, Loading, Notice } from "../ui/states";
import { useTitle } from "../ui/title";
import { Toggles } from "../ui/toggles";

const STATUSES: ActionStatus[] = ["Pending", "InProgress", "Succeeded", "Failed", "TimeOut", "Cancelled"];
const TYPES = [{ id: "", label: "Any kind" }, ...(Object.keys(TYPE_WORDS) as CommandType[]).map((id) => ({ id, label: TYPE_WORDS[id] }))];
const RANGES = [
  { id: "", label: "Any time" },
  { id: "1", label: "Last hour" },
  { id: "24", label: "Last 24 hours" },
  { id: "168", label: "Last 7 days" },
  { id: "720", label: "Last 30 days" },
  { id: "own", label: "From … to …" },
];
const TEXTS = ["machine", "who", "words"] as const;
const AGAIN_MS = 15_000;

export default function Actions() {
  useTitle("Actions");
  const { get, set, clear } = useQuery();
  const [unfolded, setUnfolded] = useState(false);
  const statuses = get("status").split(",").filter(Boolean);
  const range = get("range");
  const texts = useTexts(TEXTS, get, set);
  const span = useSpan(range, get("from"), get("to"));
  const filter = actionFilter({ statuses, machine: get("machine"), who: get("who"), words: get("words"), ...span });
  const list = useList<MachineAction>("/api/machineactions", { filter }, (row) => row.id);
  const type = get("type");
  // What kind of command an action has is no property that the API filters by.
  const rows = list.rows?.filter((action) => !type || action.commands.some((command) => command.command.type === type));
  const busy = list.rows?.some((action) => !FINAL.includes(action.status)) ?? false;
  useEffect(() => {
    if (!busy || (list.rows?.length ?? 0) > 50) return;
    const timer = setInterval(() => document.visibilityState === "visible" && list.reload(), AGAIN_MS);
    return () => clearInterval(timer);
  }, [busy, list]);
  const filtered = filter !== "" || type !== "";

  return (
    <>
      <div className="page-head">
        <div className="titles">
          <h1>Actions</h1>
          <p className="muted" aria-live="polite">
            {list.total === undefined ? " " : `${list.total.toLocaleString("en")} ${filter ? "found" : "in all"}`}
          </p>
        </div>
        <CopyButton label="Copy link to this list" text={() => location.href} />
      </div>
      <section className="card" aria-label="List of actions">
        <div className={`filters ${unfolded ? "open" : ""}`} role="search">
          <Field label="Machine" value={texts.machine} onChange={(value) => texts.set("machine", value)} placeholder="Name or id" type="search" />
          <Field className="half fold" label="By" value={texts.who} onChange={(value) => texts.set("who", value)} placeholder="Part of a name" type="search" />
          <Field className="fold" label="Comment" value={texts.words} onChange={(value) => texts.set("words", value)} placeholder="Part of it" type="search" />
          <Choice className="half fold" label="Kind" options={TYPES} value={type} onChange={(value) => set({ type: value })} />
          <Choice className="half fold" label="Created" options={RANGES} value={range} onChange={(value) => set({ range: value })} />
          {range === "own" && (
            <>
              <Field className="half fold" label="From (local)" type="datetime-local" value={get("from")} onChange={(value) => set({ from: value })} />
              <Field className="half fold" label="To (local)" type="datetime-local" value={get("to")} onChange={(value) => set({ to: value })} />
            </>
          )}
          <div className="whole">
            <Toggles label="Status" options={STATUSES.map((id) => ({ id, label: statusWords(id) }))} value={statuses} onChange={(value) => set({ status: value.join(",") })} />
            <span className="phone-only">
              <Button small kind="quiet" onPress={() => setUnfolded(!unfolded)} aria-expanded={unfolded}>
                {unfolded ? "Fewer filters" : "More filters"}
              </Button>
            </span>
            {filtered && (
              <Button small kind="quiet" onPress={() => { texts.clear(); clear(); }}>
                Clear the filters
              </Button>
            )}
          </div>
        </div>
        {list.error !== undefined && rows && <Notice kind="bad" {...explain(list.error)} />}
        {list.error !== undefined && !rows && <Failure error={list.error} retry={list.reload} />}
        {!rows && list.error === undefined && <Loading what="actions" />}
        {rows && rows.length > 0 && <ActionTable actions={rows} machine />}
        {rows?.length === 0 && !list.loading && (
          <Empty title={filtered ? "No action fits these filters" : "Nothing ran yet"}>
            <p>{filtered ? "Take a filter away, or look further back." : "Choose a machine and start a live response on it."}</p>
          </Empty>
        )}
        {list.more && (
          <div className="more">
            <span>{list.rows?.length} of {list.total ?? "more"} read</span>
            <Button onPress={list.more} isDisabled={list.loading}>Show more</Button>
          </div>
        )}
      </section>
    </>
  );
}

// Texts go into the address when typing pauses.
function useTexts<T extends string>(names: readonly T[], get: (name: string) => string, set: (changes: Record<string, string>) => void) {
  const [values, setValues] = useState(() => Object.fromEntries(names.map((name) => [name, get(name)])) as Record<T, string>);
  useEffect(() => {
    const timer = setTimeout(() => {
      if (names.some((name) => values[name] !== get(name))) set(values);
    }, 300);
    return () => clearTimeout(timer);
  }, [values]);
  return {
    ...values,
    set: (name: T, value: string) => setValues((old) => ({ ...old, [name]: value })),
    clear: () => setValues(Object.fromEntries(names.map((name) => [name, ""])) as Record<T, string>),
  };
}

// The beginning stays where it was when the filter was chosen: a list that reads again is the same list.
function useSpan(range: string, from: string, to: string): { since: string; until: string } {
  const iso = (local: string) => {
    const date = new Date(local);
    return local && !Number.isNaN(date.getTime()) ? odataTime(date) : "";
  };
  const [since, setSince] = useState(() => hoursAgo(range));
  useEffect(() => setSince(hoursAgo(range)), [range]);
  return range === "own" ? { since: iso(from), until: iso(to) } : { since, until: "" };
}
function hoursAgo(range: string): string {
  const hours = Number(range);
  return hours > 0 ? odataTime(new Date(Date.now() - hours * 3_600_000)) : "";
}
