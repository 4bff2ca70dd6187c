// A secret that is shown once.
import { CopyButton } from "../ui/button";
import { Notice } from "../ui/states";

export interface Secret {
  name: string;
  value: string;
}

export function Secrets({ title, secrets }: { title: string; secrets: readonly Secret[] }) {
  return (
    <div className="stack tight-stack">
      <Notice kind="ok" title={title} detail="This is shown once: copy it now." />
      {secrets.map((secret) => (
        <div key={secret.name}>
          <h3>{secret.name}</h3>
          <div className="copy-box">
            <pre>{secret.value}</pre>
            <CopyButton small label="Copy" text={secret.value} />
          </div>
        </div>
      ))}
    </div>
  );
}
