// Scripts and files that commands may name.
import { useState } from "react";
import { explain } from "../api/client";
import type { LibraryFile } from "../api/types";
import { useMay, useOutside } from "../app/context";
import { useList } from "../app/use_list";
import { literal } from "../api/odata";
import { UploadForm } from "../library/upload_form";
import { Button, CopyButton } from "../ui/button";
import { Confirm, Dialog } from "../ui/dialog";
import { Field } from "../ui/fields";
import { Foreign, Time } from "../ui/show";
import { Empty, Failure, isForbidden, Loading, Notice } from "../ui/states";
import { useTitle } from "../ui/title";

export default function Library() {
  useTitle("Library");
  const { api } = useOutside();
  const may = useMay("Library.Manage");
  const [words, setWords] = useState("");
  const [uploading, setUploading] = useState(false);
  const [shown, setShown] = useState<LibraryFile | null>(null);
  const [removing, setRemoving] = useState<LibraryFile | null>(null);
  const filter = words.trim() ? `contains(fileName,${literal(words.trim())}) or contains(description,${literal(words.trim())})` : "";
  const list = useList<LibraryFile>("/api/libraryfiles", { filter }, (row) => row.fileName);
  const { rows } = list;

  if (list.error !== undefined && isForbidden(list.error)) {
    return (
      <>
        <h1>Library</h1>
        <section className="card">
          <Empty title="Your account may not see the library">
            <p>The role <code>library</code> manages it. Scripts can be run without it: type a script's exact name on a machine's page.</p>
          </Empty>
        </section>
      </>
    );
  }
  return (
    <>
      <div className="page-head">
        <div className="titles">
          <h1>Library</h1>
          <p className="muted" aria-live="polite">
            {list.total === undefined ? " " : `${list.total} ${list.total === 1 ? "file" : "files"} that commands may name`}
          </p>
        </div>
        {may && <Button kind="primary" onPress={() => setUploading(true)}>Upload a file</Button>}
      </div>
      <section className="card" aria-label="Files of the library">
        <div className="filters" role="search">
          <Field className="grow" label="Search" value={words} onChange={setWords} placeholder="Part of a name or description" type="search" />
        </div>
        {list.error !== undefined && rows && <Notice kind="bad" {...explain(list.error)} />}
        {list.error !== undefined && !rows && <Failure error={list.error} retry={list.reload} />}
        {!rows && list.error === undefined && <Loading what="the library" />}
        {rows?.length === 0 && !list.loading && (
          <Empty title={filter ? "No file fits" : "The library is empty"}>
            <p>{filter ? "Names are found by any part, in the case they were given." : "Upload a script; then run it from a machine's page."}</p>
          </Empty>
        )}
        {rows && rows.length > 0 && (
          <div className="table-wrap">
            <table className="table cards">
              <thead>
                <tr>
                  <th scope="col">Name</th>
                  <th scope="col">Description</th>
                  <th scope="col">SHA-256</th>
                  <th scope="col" className="tight">Changed</th>
                  <th scope="col" className="tight"><span className="visually-hidden">What can be done</span></th>
                </tr>
              </thead>
              <tbody>
                {rows.map((file) => (
                  <tr key={file.fileName}>
                    <td className="head">
                      <button type="button" className="link main-link mono" onClick={() => setShown(file)}>
                        <Foreign text={file.fileName} />
                      </button>
                    </td>
                    <td data-label="Description">
                      {file.description ? <Foreign text={file.description} /> : <span className="muted">–</span>}
                      {file.hasParameters && <span className="muted small"> takes parameters</span>}
                    </td>
                    <td data-label="SHA-256"><code title={file.sha256}>{file.sha256.slice(0, 12)}…</code></td>
                    <td className="tight muted" data-label="Changed"><Time at={file.lastUpdatedTime} /></td>
                    <td className="tight no-label">
                      <div className="buttons">
                        {may && <Button small kind="quiet" onPress={() => setRemoving(file)} aria-label={`Delete ${file.fileName}`}>Delete</Button>}
                      </div>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
        {list.more && (
          <div className="more">
            <span>{rows?.length} of {list.total}</span>
            <Button onPress={list.more} isDisabled={list.loading}>Show more</Button>
          </div>
        )}
      </section>
      <Dialog title="Upload a file" open={uploading} onClose={() => setUploading(false)}>
        <UploadForm known={rows ?? []} onDone={() => { setUploading(false); list.reload(); }} onClose={() => setUploading(false)} />
      </Dialog>
      <Dialog title={shown?.fileName ?? ""} open={shown !== null} onClose={() => setShown(null)}>
        {shown && <FileDetails file={shown} onClose={() => setShown(null)} />}
      </Dialog>
      <Confirm title={`Delete ${removing?.fileName ?? ""}?`} open={removing !== null} action="Delete it" danger onClose={() => setRemoving(null)}
        onConfirm={async () => {
          await api.send("DELETE", `/api/libraryfiles/${encodeURIComponent(removing?.fileName ?? "")}`);
          list.reload();
        }}>
        <p>New actions cannot name it any more. Actions that were accepted before run the version that they were accepted with.</p>
      </Confirm>
    </>
  );
}

function FileDetails({ file, onClose }: { file: LibraryFile; onClose: () => void }) {
  return (
    <>
      <dl className="pairs">
        <dt>Description</dt><dd>{file.description ? <Foreign text={file.description} /> : "–"}</dd>
        <dt>Parameters</dt>
        <dd>{file.parametersDescription ? <Foreign text={file.parametersDescription} /> : file.hasParameters ? "takes some; not described" : "none"}</dd>
        <dt>This version</dt><dd><code>{file.sha256}</code></dd>
        <dt>Changed</dt><dd><Time at={file.lastUpdatedTime} how="both" /></dd>
        <dt>Created</dt><dd><Time at={file.creationTime} how="both" /> by <Foreign text={file.createdBy} /></dd>
      </dl>
      <p className="muted small">
        The version is the SHA-256 of its bytes: compare with <code>sha256sum {file.fileName}</code>. What ran when stands in each action's receipts.
      </p>
      <div className="buttons">
        <CopyButton label="Copy the SHA-256" text={file.sha256} />
        <Button kind="quiet" onPress={onClose}>Close</Button>
      </div>
    </>
  );
}
