// What the machine signed about each command, checked here.
import { checkReceipts, type CheckedReceipt, type Digest } from "../api/receipts";
import type { MachineAction, Receipts } from "../api/types";
import { useLoad } from "../app/load";
import { Foreign, Time } from "../ui/show";
import { Empty, Failure, isForbidden, isMissing, Loading, Missing } from "../ui/states";
import type { Results } from "./results";

export function ReceiptsView({ action, results }: { action: MachineAction; results: Results }) {
  const key = `receipts ${action.id} ${action.lastUpdateDateTimeUtc}`;
  const loaded = useLoad(key, async (api, signal) => {
    const answer = await api.get<Receipts>(`/api/machineactions/${action.id}/receipts`, signal);
    return checkReceipts(answer);
  });
  if (loaded.error !== undefined) {
    if (isMissing(loaded.error)) return <Missing what="receipts" address="…/receipts" />;
    if (isForbidden(loaded.error)) {
      return <Empty title="Not for this account"><p>Who may read results may read receipts: the role live-response-basic.</p></Empty>;
    }
    return <Failure error={loaded.error} retry={loaded.reload} />;
  }
  if (!loaded.data) return <Loading what="receipts" />;
  if (loaded.data.length === 0) {
    return <Empty title="No receipt yet"><p>A machine signs a receipt when a command has ended.</p></Empty>;
  }
  return (
    <div className="stack">
      {loaded.data.map((one) => (
        <ReceiptCard key={one.receipt.index} checked={one} resultSha256={results.entries.get(one.receipt.index)?.script?.sha256} />
      ))}
      <p className="muted small">
        Offline, against a downloaded file: <code>reachback result {action.id} -o FILE --receipts FILE.receipts</code>, then <code>reachback verify FILE</code>.
      </p>
    </div>
  );
}

function ReceiptCard({ checked, resultSha256 }: { checked: CheckedReceipt; resultSha256: string | undefined }) {
  const { receipt, verdict, reason } = checked;
  const look = { good: "ok", bad: "bad", unchecked: "warn" }[verdict];
  const words = { good: "Signature good", bad: "Signature bad", unchecked: "Not checked" }[verdict];
  const ms = (us: number) => (us > 0 ? new Date(us / 1000).toISOString() : null);
  return (
    <section className="card" aria-label={`Receipt of command ${receipt.index + 1}`}>
      <header>
        <h3>Command {receipt.index + 1}: receipt {receipt.number} of this machine's chain</h3>
        <span className={`status ${look}`}>{words}</span>
      </header>
      <div className="body stack tight-stack">
        <p className="muted small sentence">{reason}.</p>
        <dl className="pairs">
          {receipt.scriptName && <><dt>Script</dt><dd className="mono"><Foreign text={receipt.scriptName} /></dd></>}
          {receipt.scriptSha256 && <><dt>Script's SHA-256</dt><dd><code>{receipt.scriptSha256}</code></dd></>}
          {receipt.exitCode !== null && <><dt>Exit code</dt><dd>{receipt.exitCode}</dd></>}
          <dt>Machine's clock</dt>
          <dd><Time at={ms(receipt.startedUs)} /> to <Time at={ms(receipt.endedUs)} /></dd>
          <DigestRow name="Standard output" digest={receipt.stdout} />
          <DigestRow name="Standard error" digest={receipt.stderr} />
          <DigestRow name="Result file" digest={receipt.result} />
          {receipt.result && resultSha256 && (
            <><dt>As read here</dt><dd>{resultSha256 === receipt.result.sha256
              ? <span className="status ok">the same bytes</span>
              : <span className="status bad">other bytes: {resultSha256}</span>}</dd></>
          )}
          {receipt.file && <><dt>File</dt><dd className="mono"><Foreign text={receipt.file.path} /></dd></>}
          <DigestRow name="File's SHA-256" digest={receipt.file} />
          <dt>Order's SHA-256</dt>
          <dd><code>{receipt.orderSha256}</code></dd>
          {receipt.previous && <><dt>Receipt before</dt><dd><code>{receipt.previous}</code></dd></>}
        </dl>
      </div>
    </section>
  );
}

function DigestRow({ name, digest }: { name: string; digest: Digest | null }) {
  if (!digest) return null;
  return (
    <>
      <dt>{name}</dt>
      <dd><code>{digest.sha256}</code> <span className="muted">{digest.bytes.toLocaleString("en")} bytes</span></dd>
    </>
  );
}
