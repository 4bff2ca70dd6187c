// What a list shows stands in the address: it can be sent on, and a reload keeps it.
import { useCallback } from "react";
import { useSearchParams } from "react-router";

export interface Query {
  get: (name: string) => string;
  set: (changes: Record<string, string>) => void; // an empty text takes a name away
  clear: () => void;
}

export function useQuery(): Query {
  const [query, setQuery] = useSearchParams();
  // The address as it is now, not as it was when the page was drawn: changes may follow each other.
  const set = useCallback(
    (changes: Record<string, string>) => {
      const next = new URLSearchParams(window.location.search);
      for (const [name, value] of Object.entries(changes)) {
        if (value) next.set(name, value);
        else next.delete(name);
      }
      setQuery(next, { replace: true });
    },
    [setQuery],
  );
  return { get: (name) => query.get(name) ?? "", set, clear: () => setQuery({}, { replace: true }) };
}
