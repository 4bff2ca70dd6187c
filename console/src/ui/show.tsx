// Small things that are shown everywhere: times, statuses, presence, texts that others wrote.
import { useSyncExternalStore } from "react";
import type { ActionStatus, Machine } from "../api/types";
import { localTime, parseTime, relativeTime, utcTime } from "../text/time";
import { segments, visible } from "../text/visible";
import { Marked } from "./marked";
import { CheckIcon, ClockIcon, CrossIcon, SpinIcon, StopIcon } from "./icons";

// A clock for "3 min ago": ticks once for the whole page.
let now = new Date();
const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;
const subscribe = (listener: () => void) => {
  listeners.add(listener);
  timer ??= setInterval(() => {
    now = new Date();
    for (const one of listeners) one();
  }, 10_000);
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      clearInterval(timer);
      timer = undefined;
    }
  };
};
export function useNow(): Date {
  return useSyncExternalStore(subscribe, () => now);
}

export function Time({ at, how = "local" }: { at: string | null | undefined; how?: "local" | "ago" | "both" }) {
  const present = useNow();
  const date = parseTime(at);
  if (!date) return <span className="muted">–</span>;
  const utc = utcTime(date);
  if (how === "ago") {
    const later = date > present && date.getTime() - present.getTime() < 15_000 ? date : present;
    return (
      <time className="nowrap" dateTime={date.toISOString()} title={`${localTime(date)} local, ${utc}`}>
        {relativeTime(date, later)}
      </time>
    );
  }
  return (
    <time className="number" dateTime={date.toISOString()} title={utc}>
      {localTime(date)}
      {how === "both" && <span className="muted small utc"> ({utc.slice(11)})</span>}
    </time>
  );
}

const STATUS: Record<ActionStatus, { kind: string; words: string; icon: (props: { className?: string }) => React.JSX.Element }> = {
  Pending: { kind: "idle", words: "Pending", icon: ClockIcon },
  InProgress: { kind: "run", words: "Running", icon: SpinIcon },
  Succeeded: { kind: "ok", words: "Succeeded", icon: CheckIcon },
  Failed: { kind: "bad", words: "Failed", icon: CrossIcon },
  TimeOut: { kind: "warn", words: "Timed out", icon: ClockIcon },
  Cancelled: { kind: "idle", words: "Cancelled", icon: StopIcon },
};

export function statusWords(status: ActionStatus): string {
  return STATUS[status]?.words ?? status;
}

export function Status({ status }: { status: ActionStatus }) {
  const shown = STATUS[status] ?? STATUS.Pending;
  return (
    <span className={`status ${shown.kind}`}>
      <shown.icon />
      {shown.words}
    </span>
  );
}

const HEALTH: Record<string, string> = {
  Inactive: "Not seen for 7 days",
  ImpairedCommunication: "In quarantine",
  NoSensorData: "No data",
  NoSensorDataImpairedCommunication: "No data",
  Unknown: "Unknown",
};

// `online`: whether the server says that the machine is connected; undefined where it does not say.
export function Presence({ machine, online }: { machine: Machine; online?: boolean | undefined }) {
  if (machine.quarantine || machine.healthStatus === "ImpairedCommunication") {
    return <span className="presence doubtful">In quarantine</span>;
  }
  if (online === true) return <span className="presence online">Online</span>;
  if (online === false) return <span className="presence">Offline</span>;
  return machine.healthStatus === "Active" ? (
    <span className="presence online">Active</span>
  ) : (
    <span className="presence">{HEALTH[machine.healthStatus] ?? machine.healthStatus}</span>
  );
}

// A text that a machine or another person wrote: as text, with what is invisible made visible.
export function Foreign({ text }: { text: string }) {
  return (
    <bdi>
      <Marked parts={segments(visible(text))} />
    </bdi>
  );
}

export function Tags({ tags }: { tags: readonly string[] }) {
  if (tags.length === 0) return <span className="muted">–</span>;
  return (
    <span className="tags">
      {tags.map((tag) => (
        <span key={tag} className="tag">
          <Foreign text={tag} />
        </span>
      ))}
    </span>
  );
}
