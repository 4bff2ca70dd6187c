// The results of an action's commands, each read when it is first looked at.
import { useCallback, useRef, useState } from "react";
import { ResultLink } from "../api/links";
import { useOutside } from "../app/context";
import { type FileStart, readFileStart } from "./file_result";
import { ScriptResult } from "./script_result";

export interface Entry {
  link: ResultLink;
  script?: ScriptResult;
  file?: FileStart;
  error?: unknown;
  loading: boolean;
}

export interface Results {
  entries: ReadonlyMap<number, Entry>;
  version: number;
  readScript: (index: number) => void;
  readMore: (index: number) => void;
  readFile: (index: number, fileBytes: number | undefined) => void;
  linkOf: (index: number) => ResultLink;
}

export function useResults(actionId: string): Results {
  const { api } = useOutside();
  const entries = useRef(new Map<number, Entry>()).current;
  const [version, setVersion] = useState(0);

  const entry = (index: number): Entry => {
    let found = entries.get(index);
    if (!found) entries.set(index, (found = { link: new ResultLink(api, actionId, index), loading: false }));
    return found;
  };
  const work = (index: number, job: (of: Entry) => Promise<void>) => {
    const of = entry(index);
    if (of.loading) return;
    of.loading = true;
    delete of.error;
    setVersion((n) => n + 1);
    job(of)
      .catch((error: unknown) => {
        of.error = error;
      })
      .finally(() => {
        of.loading = false;
        setVersion((n) => n + 1);
      });
  };
  const readScript = useCallback((index: number) => work(index, async (of) => {
    const script = new ScriptResult(of.link);
    await script.readFirst();
    of.script = script;
  }), []);
  const readMore = useCallback((index: number) => work(index, async (of) => of.script?.readMore()), []);
  const readFile = useCallback((index: number, fileBytes: number | undefined) => work(index, async (of) => {
    of.file = await readFileStart(of.link, fileBytes);
  }), []);
  return { entries, version, readScript, readMore, readFile, linkOf: (index) => entry(index).link };
}
