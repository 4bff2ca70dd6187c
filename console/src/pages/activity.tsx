// The audit: who did what, newest first.
import { Fragment, useCallback, useEffect, useRef, useState } from "react";
import { Link, useSearchParams } from "react-router";
import { explain } from "../api/client";
import type { AuditRecord } from "../api/types";
import { useOutside } from "../app/context";
import { Button } from "../ui/button";
import { Field } from "../ui/fields";
import { Foreign, Time } from "../ui/show";
import { Empty, Failure, isForbidden, isMissing, Loading, Missing, Notice } from "../ui/states";
import { useTitle } from "../ui/title";

interface AuditPage {
  value: AuditRecord[];
  nextBefore: string | null;
}
const FILTERS = [
  { name: "who", label: "Who", placeholder: "ann@corp.example" },
  { name: "what", label: "What", placeholder: "accepted" },
  { name: "machineId", label: "Machine id", placeholder: "40 hex digits" },
  { name: "actionId", label: "Action id", placeholder: "its id" },
] as const;

export default function Activity() {
  useTitle("Activity");
  const { api } = useOutside();
  const [query, setQuery] = useSearchParams();
  const [typed, setTyped] = useState<Record<string, string>>(() => Object.fromEntries(FILTERS.map(({ name }) => [name, query.get(name) ?? ""])));
  const [rows, setRows] = useState<AuditRecord[]>();
  const [next, setNext] = useState<string | null>(null);
  const [error, setError] = useState<unknown>();
  const [loading, setLoading] = useState(true);
  const asked = query.toString();

  const turn = useRef(0); // an answer that is not to the last question is let go
  const read = useCallback(async (before: string | null, old: AuditRecord[]) => {
    const mine = (turn.current += 1);
    setLoading(true);
    const wanted = new URLSearchParams(asked);
    wanted.set("$top", "100");
    if (before !== null) wanted.set("before", before);
    try {
      const page = await api.get<AuditPage>(`/api/reachback/audit?${wanted}`);
      if (turn.current !== mine) return;
      setRows([...old, ...page.value]);
      setNext(page.nextBefore);
      setError(undefined);
    } catch (caught) {
      if (turn.current !== mine) return;
      setError(caught);
      if (before === null) {
        setRows(undefined);
        setNext(null);
      }
    }
    setLoading(false);
  }, [api, asked]);
  useEffect(() => void read(null, []), [read]);

  if (error !== undefined && isMissing(error)) {
    return (
      <Frame>
        <Missing what="the activity" address="/api/reachback/audit">
          <p>Until then: <code>reachback-server verify-audit</code> checks the audit where the server runs.</p>
        </Missing>
      </Frame>
    );
  }
  if (error !== undefined && isForbidden(error)) {
    return (
      <Frame>
        <Empty title="Your account may not read the audit"><p>It takes the permission <code>Audit.Read</code>. Ask an administrator.</p></Empty>
      </Frame>
    );
  }
  return (
    <Frame>
      <form className="filters" role="search" onSubmit={(event) => {
        event.preventDefault();
        setQuery(Object.entries(typed).filter(([, value]) => value.trim() !== ""), { replace: true });
      }}>
        {FILTERS.map((filter) => (
          <Field key={filter.name} className="half" label={filter.label} placeholder={filter.placeholder} value={typed[filter.name] ?? ""}
            onChange={(value) => setTyped((old) => ({ ...old, [filter.name]: value }))} />
        ))}
        <Button type="submit">Filter</Button>
      </form>
      {!rows && error !== undefined && <Failure error={error} retry={() => void read(null, [])} />}
      {rows && error !== undefined && <Notice kind="bad" {...explain(error)} />}
      {!rows && error === undefined && <Loading what="the activity" />}
      {rows?.length === 0 && !loading && error === undefined && (next === null
        ? <Empty title="No record fits"><p>Values are compared whole. Take one away to see more.</p></Empty>
        : <Empty title="None of the newest records fits"><p>A part of the audit was looked at: older ones may fit.</p></Empty>)}
      {rows && rows.length > 0 && <Records rows={rows} />}
      {next !== null && (
        <div className="more">
          <span>{rows?.length} records read</span>
          <Button onPress={() => void read(next, rows ?? [])} isDisabled={loading}>Show older ones</Button>
        </div>
      )}
    </Frame>
  );
}

function Frame({ children }: { children: React.ReactNode }) {
  return (
    <>
      <div className="page-head">
        <div className="titles">
          <h1>Activity</h1>
          <p className="muted">The audit: what was asked, by whom, and what came of it. Records are chained by hash and never changed.</p>
        </div>
      </div>
      <section className="card" aria-label="Records of the audit">{children}</section>
    </>
  );
}

function Records({ rows }: { rows: readonly AuditRecord[] }) {
  const [open, setOpen] = useState<number | null>(null);
  return (
    <div className="table-wrap">
      <table className="table cards">
        <thead>
          <tr>
            <th scope="col" className="tight">Time</th>
            <th scope="col">What</th>
            <th scope="col">Who</th>
            <th scope="col">On</th>
            <th scope="col">Outcome</th>
            <th scope="col" className="tight">Record</th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Fragment key={row.sequence}>
              <tr>
                <td className="tight" data-label="Time"><Time at={row.time} /></td>
                <td data-label="What">
                  <div>
                    <strong><Foreign text={row.what} /></strong>
                    {row.detail && <div className="muted small clip narrow"><Foreign text={row.detail} /></div>}
                  </div>
                </td>
                <td data-label="Who">{row.who === row.machineId ? <Link to={`/machines/${row.machineId}`}>the machine</Link> : <Foreign text={row.who} />}</td>
                <td data-label="On"><On row={row} /></td>
                <td className="nowrap" data-label="Outcome">{row.outcome ? <Foreign text={row.outcome} /> : <span className="muted">–</span>}</td>
                <td className="tight" data-label="Record">
                  <button type="button" className="link number" aria-expanded={open === row.sequence} onClick={() => setOpen(open === row.sequence ? null : row.sequence)}>
                    {row.sequence}
                  </button>
                </td>
              </tr>
              {open === row.sequence && (
                <tr>
                  <td colSpan={6} className="no-label"><RecordDetails row={row} /></td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function On({ row }: { row: AuditRecord }) {
  if (row.actionId) return <Link to={`/actions/${row.actionId}`}>action{row.commandIndex === null ? "" : `, command ${row.commandIndex + 1}`}</Link>;
  if (row.machineId) return <Link to={`/machines/${row.machineId}`}>machine</Link>;
  // An id says little here; it stands in the record.
  return row.object && !/[0-9a-f-]{32,}/iu.test(row.object) ? <Foreign text={row.object} /> : <span className="muted">–</span>;
}

function RecordDetails({ row }: { row: AuditRecord }) {
  return (
    <dl className="pairs">
      {Object.entries(row).filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => (
        <Fragment key={name}>
          <dt>{name}</dt>
          <dd><code><Foreign text={String(value)} /></code></dd>
        </Fragment>
      ))}
    </dl>
  );
}
