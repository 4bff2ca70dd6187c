// A window onto text of a machine: draws the rows that are seen, whatever the text's size.
import { type KeyboardEvent, useEffect, useLayoutEffect, useMemo, useRef, useState } from "react";
import type { Lines, Row } from "../text/lines";
import { segments } from "../text/visible";
import { CopyButton } from "../ui/button";
import { Marked } from "../ui/marked";

const ROW_PX = 18;
const SPARE_ROWS = 12;
const GUTTER_CHARS = 9;
// Browsers draw no taller element than some 33 million pixels.
const ROWS_MAX = 1_600_000;

export function OutputView(props: {
  label: string;
  lines: Lines;
  version: number; // of the lines: another version, another drawing
  follow?: boolean; // keeps the end in sight while it is in sight
  empty: string;
}) {
  const { lines } = props;
  const box = useRef<HTMLDivElement>(null);
  const probe = useRef<HTMLSpanElement>(null);
  const [view, setView] = useState({ top: 0, height: 400 });
  const [, setColumns] = useState(lines.columns);
  const [words, setWords] = useState("");
  const [hit, setHit] = useState(0);
  const atEnd = useRef(true);

  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const measure = () => {
      const char = (probe.current?.getBoundingClientRect().width ?? 75) / 10;
      const phone = window.innerWidth <= 640;
      const columns = Math.max(20, Math.floor((element.clientWidth - 14) / char) - (phone ? GUTTER_CHARS - 3 : GUTTER_CHARS));
      lines.setColumns(columns);
      setColumns(columns);
      setView({ top: element.scrollTop, height: element.clientHeight });
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, [lines, lines.empty]);

  useEffect(() => {
    const element = box.current;
    if (props.follow && atEnd.current && element) element.scrollTop = element.scrollHeight;
  }, [props.follow, props.version, lines]);

  const found = useMemo(() => lines.find(words), [lines, words, lines.version]);
  const current = found[hit % Math.max(1, found.length)];
  const seek = (index: number) => {
    setHit(index);
    const row = found[index];
    if (row !== undefined && box.current) box.current.scrollTop = Math.max(0, (row - 3) * ROW_PX);
  };
  const onFindKey = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || found.length === 0) return;
    event.preventDefault();
    seek((hit + (event.shiftKey ? found.length - 1 : 1)) % found.length);
  };

  const total = Math.min(lines.rowCount, ROWS_MAX);
  const first = Math.max(0, Math.floor(view.top / ROW_PX) - SPARE_ROWS);
  const last = Math.min(total, Math.ceil((view.top + view.height) / ROW_PX) + SPARE_ROWS);
  const rows: React.JSX.Element[] = [];
  for (let index = first; index < last; ++index) {
    const row = lines.row(index);
    if (row) rows.push(<RowView key={index} row={row} top={index * ROW_PX} found={index === current} />);
  }

  if (lines.empty) return <div className="output-empty">{props.empty}</div>;
  return (
    <div className="output">
      <div className="output-bar">
        <span className="number">
          {lines.lineCount.toLocaleString("en")} {lines.lineCount === 1 ? "line" : "lines"}
          {lines.droppedLines > 0 && `; the first ${lines.droppedLines.toLocaleString("en")} are not kept here`}
        </span>
        <div className="buttons">
          {words !== "" && (
            <span aria-live="polite" className="number">
              {found.length === 0 ? "not found" : `${(hit % found.length) + 1} of ${found.length}${found.length === 1000 ? "+" : ""}`}
            </span>
          )}
          <input
            className="input"
            type="search"
            placeholder="Find"
            aria-label={`Find in ${props.label}`}
            value={words}
            onChange={(event) => {
              setWords(event.target.value);
              setHit(0);
            }}
            onKeyDown={onFindKey}
          />
          <CopyButton small kind="quiet" label="Copy" text={() => lines.shown()} />
        </div>
      </div>
      <div
        className="output-window"
        ref={box}
        role="region"
        aria-label={props.label}
        tabIndex={0}
        onScroll={(event) => {
          const element = event.currentTarget;
          atEnd.current = element.scrollTop + element.clientHeight >= element.scrollHeight - ROW_PX;
          setView({ top: element.scrollTop, height: element.clientHeight });
        }}
      >
        <span ref={probe} className="probe" aria-hidden="true">0000000000</span>
        <div className="output-rows" style={{ height: total * ROW_PX }}>
          {rows}
        </div>
      </div>
    </div>
  );
}

function RowView({ row, top, found }: { row: Row; top: number; found: boolean }) {
  return (
    <div className={`output-row ${row.kind} ${found ? "found" : ""}`} style={{ top }}>
      <span className="gutter" aria-hidden="true">{row.first ? row.line : ""}</span>
      <Marked parts={segments(row.text, row.start, row.end)} />
    </div>
  );
}
