// What stands where there is nothing yet, nothing at all, or something went wrong.
import type { ReactNode } from "react";
import { ApiError, explain } from "../api/client";
import { Button } from "./button";

export function Notice(props: {
  kind?: "run" | "bad" | "warn" | "ok";
  title: string;
  detail?: ReactNode;
  children?: ReactNode;
}) {
  return (
    <div className={`notice ${props.kind ?? "run"}`} role={props.kind === "bad" ? "alert" : undefined}>
      <div>
        <strong>{props.title}</strong>
        {props.detail && <> {props.detail}</>}
      </div>
      {props.children}
    </div>
  );
}

export function Empty(props: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{props.title}</h2>
      {props.children}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return <div className="loading">Loading {what} …</div>;
}

export function Failure({ error, retry }: { error: unknown; retry: () => void }) {
  const { title, detail } = explain(error);
  return (
    <div className="empty" role="alert">
      <h2>{title}</h2>
      <p>{detail}</p>
      <Button onPress={retry}>Try again</Button>
    </div>
  );
}

// An address that this server does not serve, or what the account may not see.
export function isMissing(error: unknown): boolean {
  return error instanceof ApiError && error.missing && error.code !== "ResourceNotFound";
}
export function isForbidden(error: unknown): boolean {
  return error instanceof ApiError && error.status === 403;
}

export function Missing({ what, address, children }: { what: string; address: string; children?: ReactNode }) {
  return (
    <Empty title={`This server does not serve ${what} yet`}>
      <p>
        It has nothing at <code>{address}</code>. A newer server fills this page; nothing needs to be set up here.
      </p>
      {children}
    </Empty>
  );
}
