// Rows of a built-in command as a table; each row opens to every property it has.
import { memo, useState } from "react";
import { Button } from "../ui/button";
import { Foreign } from "../ui/show";
import { cell, cellText, columnsOf, type Row } from "./rows";

const SHOWN_AT_ONCE = 1000;

export const RowsView = memo(function RowsView(props: {
  label: string;
  columns: readonly string[];
  rows: readonly Row[];
  count: number; // of the rows: another count, another drawing
  opens?: boolean; // to every property of a row; true unless said otherwise
}) {
  const opens = props.opens ?? true;
  const [limit, setLimit] = useState(SHOWN_AT_ONCE);
  const columns = columnsOf(props.columns, props.rows);
  const shown = props.rows.slice(0, limit);
  return (
    <div className="rows">
      <div className="table-wrap" role="region" aria-label={props.label} tabIndex={0}>
        <table className="table rows-table">
          <thead>
            <tr>
              {opens && <th scope="col"><span className="visually-hidden">Every property</span></th>}
              {columns.map((column) => (
                <th key={column} scope="col"><Foreign text={column} /></th>
              ))}
            </tr>
          </thead>
          <tbody>
            {shown.map((row, index) => (
              <RowLine key={index} number={index + 1} row={row} columns={columns} opens={opens} />
            ))}
          </tbody>
        </table>
      </div>
      {props.rows.length > limit && (
        <div className="more">
          <span>{limit.toLocaleString("en")} of {props.rows.length.toLocaleString("en")} rows are shown.</span>
          <Button small onPress={() => setLimit(limit + SHOWN_AT_ONCE)}>Show more</Button>
        </div>
      )}
    </div>
  );
});

const RowLine = memo(function RowLine({ number, row, columns, opens }: { number: number; row: Row; columns: readonly string[]; opens: boolean }) {
  const [open, setOpen] = useState(false);
  return (
    <>
      <tr>
        {opens && (
          <td className="opener">
            <button type="button" aria-expanded={open} aria-label={`Row ${number}: every property`} onClick={() => setOpen(!open)}>
              {open ? "▾" : "▸"}
            </button>
          </td>
        )}
        {columns.map((column) => {
          const value = cell(row, column);
          return (
            <td key={column} className={typeof value === "number" ? "amount" : undefined}>
              <div><Foreign text={cellText(value)} /></div>
            </td>
          );
        })}
      </tr>
      {open && (
        <tr className="properties">
          <td colSpan={columns.length + 1}><Pairs pairs={Object.entries(row).map(([name, value]) => [name, cellText(value)] as const)} /></td>
        </tr>
      )}
    </>
  );
});

export function Pairs({ pairs }: { pairs: readonly (readonly [string, string])[] }) {
  return (
    <dl className="pairs">
      {pairs.map(([name, value], index) => (
        <div key={index} className="pair">
          <dt><Foreign text={name} /></dt>
          <dd className="mono"><Foreign text={value} /></dd>
        </div>
      ))}
    </dl>
  );
}
