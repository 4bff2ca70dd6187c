// Uploads a file with what people should know of it. Texts are kept; so is the file, if it is small.
import { useEffect, useState } from "react";
import { ApiError, explain } from "../api/client";
import type { LibraryFile } from "../api/types";
import { useOutside } from "../app/context";
import { drafts } from "../drafts";
import { byteCount, fromBase64, sha256 } from "../text/bytes";
import { announce } from "../ui/announce";
import { Button } from "../ui/button";
import { Check } from "../ui/choice";
import { Drop } from "../ui/drop";
import { Field } from "../ui/fields";
import { Notice } from "../ui/states";
import { tooLarge, upload } from "./upload";

interface Draft {
  name: string;
  description: string;
  takes: boolean;
  parameters: string;
  content: string; // base64, of a small file
}
const NAME = "upload";
const KEPT_BYTES_MAX = 512 * 1024;
const NONE: Draft = { name: "", description: "", takes: false, parameters: "", content: "" };

export function UploadForm(props: { known: readonly LibraryFile[]; onDone: () => void; onClose: () => void }) {
  const { api } = useOutside();
  const [draft, setDraft] = useState<Draft>(() => drafts.read(NAME, NONE));
  const [file, setFile] = useState<File | null>(() => (draft.content ? new File([fromBase64(draft.content)], draft.name) : null));
  const [hash, setHash] = useState("");
  const [errors, setErrors] = useState<{ file?: string; name?: string; form?: string }>({});
  const [override, setOverride] = useState(false);
  const [busy, setBusy] = useState(false);
  const there = props.known.find((one) => one.fileName === draft.name);
  const change = (part: Partial<Draft>) => setDraft((old) => ({ ...old, ...part }));
  useEffect(() => {
    if (!drafts.keep(NAME, draft)) drafts.keep(NAME, { ...draft, content: "" });
  }, [draft]);
  useEffect(() => {
    if (file) void file.arrayBuffer().then(async (bytes) => setHash(await sha256(new Uint8Array(bytes))));
  }, [file]);

  const take = async (chosen: File) => {
    const large = tooLarge(chosen);
    if (large) {
      setErrors({ file: large });
      return;
    }
    setErrors({});
    setFile(chosen);
    change({ name: chosen.name, content: chosen.size <= KEPT_BYTES_MAX ? await base64(chosen) : "" });
  };
  const send = async () => {
    if (!file) {
      setErrors({ file: "Choose a file, or drop one." });
      return;
    }
    if (draft.name.trim() === "") {
      setErrors({ name: "It needs a name, by which commands call it." });
      return;
    }
    setBusy(true);
    setErrors({});
    try {
      await upload(api, {
        file, name: draft.name.trim(), description: draft.description, override,
        ...(draft.takes ? { parametersDescription: draft.parameters || "parameters" } : {}),
      });
      drafts.drop(NAME);
      announce(`${draft.name} is in the library`);
      props.onDone();
    } catch (error) {
      const words = explain(error);
      const aboutName = error instanceof ApiError && error.status === 400 && /name|exist/iu.test(error.message);
      setErrors(aboutName ? { name: words.detail } : { form: words.detail });
      setBusy(false);
    }
  };

  return (
    <form className="form" onSubmit={(event) => { event.preventDefault(); void send(); }}>
      <div className="field" data-invalid={errors.file ? true : undefined}>
        <Drop label={file ? "Choose another …" : "Choose a file …"} onFile={(chosen) => void take(chosen)}>
          {file ? `${draft.name}, ${byteCount(file.size)}` : "or drop it here; 20 MiB at most"}
        </Drop>
        {errors.file && <span className="error" role="alert">{errors.file}</span>}
        {hash && file && <span className="hint">SHA-256 <code>{hash}</code></span>}
      </div>
      <Field label="Name in the library" mono value={draft.name} onChange={(name) => change({ name })} error={errors.name} placeholder="triage.sh" />
      <Field label="Description" value={draft.description} onChange={(description) => change({ description })} lines={2} placeholder="What it does, what it changes" />
      <Check checked={draft.takes} onChange={(takes) => change({ takes })}>It takes parameters</Check>
      {draft.takes && (
        <Field label="Parameters" value={draft.parameters} onChange={(parameters) => change({ parameters })} lines={2} mono placeholder="--days N: how far back to look" />
      )}
      {there && (
        <Notice kind="warn" title={there.sha256 === hash ? "The same file is there already." : "A file of this name is there, with other content."}>
          <Check checked={override} onChange={setOverride}>Replace it</Check>
        </Notice>
      )}
      {errors.form && <Notice kind="bad" title="It was not uploaded." detail={errors.form} />}
      <div className="buttons">
        <Button kind="primary" type="submit" isDisabled={busy}>{busy ? "Uploading …" : "Upload"}</Button>
        <Button kind="quiet" onPress={props.onClose}>Close; keep what I typed</Button>
      </div>
    </form>
  );
}

async function base64(file: File): Promise<string> {
  const bytes = new Uint8Array(await file.arrayBuffer());
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}
