// One list of the settings: reading it, and what to say where it cannot be read.
import type { ReactNode } from "react";
import { useLoad, type Loaded } from "../app/load";
import { Empty, Failure, isForbidden, isMissing, Loading, Missing } from "../ui/states";

export function useRows<T>(address: string): Loaded<T[]> {
  return useLoad(address, async (api, signal) => (await api.get<{ value: T[] }>(address, signal)).value);
}

export function Rows<T>(props: {
  title: string;
  what: string;
  address: string;
  command: string; // that does the same where the server runs
  loaded: Loaded<T[]>;
  button?: ReactNode;
  empty: string;
  children: (rows: T[]) => ReactNode;
}) {
  const { loaded } = props;
  return (
    <section className="card" aria-label={props.title}>
      <header>
        <h2>{props.title}</h2>
        {loaded.data && props.button}
      </header>
      {loaded.error !== undefined ? (
        isMissing(loaded.error) ? (
          <Missing what={props.what} address={props.address}>
            <p>Until then, where the server runs: <code>{props.command}</code></p>
          </Missing>
        ) : isForbidden(loaded.error) ? (
          <Empty title="For administrators"><p>It takes the permission <code>Reachback.Manage</code>. Ask an administrator.</p></Empty>
        ) : (
          <Failure error={loaded.error} retry={loaded.reload} />
        )
      ) : !loaded.data ? (
        <Loading what={props.what} />
      ) : loaded.data.length === 0 ? (
        <Empty title={props.empty} />
      ) : (
        props.children(loaded.data)
      )}
    </section>
  );
}
