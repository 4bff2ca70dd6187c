// A list of the API, page after page: by $skip, and by the next link where the server ends early.
import { useCallback, useEffect, useRef, useState } from "react";
import { pathOf } from "../api/client";
import { type ListOptions, listQuery } from "../api/odata";
import type { Page } from "../api/types";
import { useOutside } from "./context";

export const PAGE_ROWS = 50;

export interface List<T> {
  rows: T[] | undefined;
  total: number | undefined;
  error: unknown;
  loading: boolean;
  more: (() => void) | undefined; // undefined: the list is whole
  reload: () => void;
}

export function useList<T>(path: string, options: ListOptions, idOf: (row: T) => string): List<T> {
  const { api } = useOutside();
  const key = path + listQuery(options);
  const [state, setState] = useState<{ key: string; rows?: T[]; total?: number; next?: string; error?: unknown; loading: boolean }>({ key, loading: true });
  const [round, setRound] = useState(0);
  const id = useRef(idOf);
  id.current = idOf;

  const read = useCallback(
    async (address: string, before: T[], signal?: AbortSignal) => {
      try {
        const page = await api.get<Page<T>>(address, signal);
        const known = new Set(before.map(id.current));
        const rows = [...before, ...page.value.filter((row) => !known.has(id.current(row)))];
        const total = page["@odata.count"];
        const link = page["@odata.nextLink"];
        const next = link
          ? pathOf(link)
          : page.value.length > 0 && total !== undefined && rows.length < total
            ? path + listQuery({ ...options, skip: rows.length, top: PAGE_ROWS, count: true })
            : undefined;
        setState({ key, rows, loading: false, ...(total !== undefined ? { total } : {}), ...(next ? { next } : {}) });
      } catch (error) {
        if (!signal?.aborted) setState((old) => ({ ...old, key, error, loading: false }));
      }
    },
    [api, key],
  );

  useEffect(() => {
    const stop = new AbortController();
    setState((old) => (old.key === key ? { ...old, loading: true } : { key, loading: true, ...(old.rows ? { rows: old.rows } : {}) }));
    void read(path + listQuery({ ...options, top: PAGE_ROWS, count: true }), [], stop.signal);
    return () => stop.abort();
  }, [read, round]);

  const { next, rows } = state;
  const more =
    next && rows
      ? () => {
          setState((old) => ({ ...old, loading: true }));
          void read(next, rows);
        }
      : undefined;
  return { rows, total: state.total, error: state.error, loading: state.loading, more, reload: () => setRound((n) => n + 1) };
}
