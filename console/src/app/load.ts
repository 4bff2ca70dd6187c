// Reads something of the API for a page, and keeps what it read while it reads again.
import { useCallback, useEffect, useRef, useState } from "react";
import { type Api, ApiError } from "../api/client";
import { useOutside } from "./context";

export interface Loaded<T> {
  data: T | undefined;
  error: unknown; // undefined: none
  loading: boolean;
  reload: () => void;
}

// `key` names what is read: another key, another reading. An empty key reads nothing.
export function useLoad<T>(key: string, read: (api: Api, signal: AbortSignal) => Promise<T>, everyMs = 0): Loaded<T> {
  const { api } = useOutside();
  const [state, setState] = useState<{ key: string; data?: T; error?: unknown; loading: boolean }>({ key, loading: true });
  const [round, setRound] = useState(0);
  const reader = useRef(read);
  reader.current = read;

  useEffect(() => {
    if (key === "") return;
    const stop = new AbortController();
    setState((old) => (old.key === key ? { ...old, loading: true } : { key, loading: true }));
    reader.current(api, stop.signal).then(
      (data) => setState({ key, data, loading: false }),
      (error: unknown) => {
        if (stop.signal.aborted) return;
        setState((old) => ({ ...old, key, error, loading: false }));
      },
    );
    return () => stop.abort();
  }, [api, key, round]);

  const missing = state.key === key && state.error instanceof ApiError && state.error.missing;
  // Only a page that is looked at reads again: calls are counted.
  useEffect(() => {
    if (everyMs === 0 || key === "" || missing) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") setRound((n) => n + 1);
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs, key, missing]);

  const reload = useCallback(() => setRound((n) => n + 1), []);
  const current = state.key === key ? state : { key, loading: true, data: undefined, error: undefined };
  return { data: current.data, error: current.error, loading: current.loading, reload };
}
