// Says changes of status to screen readers: one polite region for the whole console.
import { useSyncExternalStore } from "react";

let text = "";
const listeners = new Set<() => void>();

export function announce(words: string): void {
  text = words === text ? `${words}\u00a0` : words; // the same words again are news again
  for (const listener of listeners) listener();
}

const subscribe = (listener: () => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

export function Announcer() {
  const words = useSyncExternalStore(subscribe, () => text);
  return (
    <div className="visually-hidden" role="status" aria-live="polite">
      {words}
    </div>
  );
}
