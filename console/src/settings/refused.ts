// What the server refused of a form, beside the field that its message names first ("name: …"). Pure.
import { ApiError, explain } from "../api/client";
import { sentence } from "../text/sentence";

export function refused<F extends string>(error: unknown, ...fields: F[]): Partial<Record<F | "form", string>> {
  const message = error instanceof ApiError && [400, 409].includes(error.status) ? error.message : "";
  const named = /^(?<field>\w+)(?:\[\d+\])?(?:: (?<rest>.*))?/su.exec(message)?.groups;
  const field = fields.find((one) => one === named?.field);
  const out: Partial<Record<F | "form", string>> = {};
  out[field ?? "form"] = field ? sentence(named?.rest ?? message) : explain(error).detail;
  return out;
}
