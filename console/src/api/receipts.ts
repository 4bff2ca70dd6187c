// Receipts: what a machine signed about its commands. Read (protocol buffers, message Receipt of
// api/agent.proto) and checked in the browser, as `reachback verify` does it.
import { fromBase64, hex, sha256 } from "../text/bytes";
import type { Receipts } from "./types";

export interface Receipt {
  index: number;
  number: number;
  previous: string;
  orderSha256: string;
  scriptSha256: string;
  scriptName: string;
  startedUs: number;
  endedUs: number;
  exitCode: number | null;
  stdout: Digest | null;
  stderr: Digest | null;
  result: Digest | null;
  file: (Digest & { path: string }) | null;
}
export interface Digest {
  sha256: string;
  bytes: number;
}
export type Verdict = "good" | "bad" | "unchecked";
export interface CheckedReceipt {
  receipt: Receipt;
  verdict: Verdict;
  reason: string;
}

type Field = number | Uint8Array;

// Numbers of fields to their last values; nested messages stay bytes. Throws on what is none.
export function readFields(bytes: Uint8Array): Map<number, Field> {
  const fields = new Map<number, Field>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) break;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new Error("the receipt is cut off");
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new Error("the receipt is cut off");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const key = Number(varint());
    const number = Math.floor(key / 8);
    const kind = key % 8;
    if (kind === 0) fields.set(number, Number(BigInt.asIntN(64, varint())));
    else if (kind === 2) fields.set(number, take(Number(varint())));
    else if (kind === 1) take(8);
    else if (kind === 5) take(4);
    else throw new Error("the receipt is no protocol buffer");
  }
  return fields;
}

export function readReceipt(bytes: Uint8Array): Receipt {
  const fields = readFields(bytes);
  const number = (field: number) => {
    const value = fields.get(field);
    return typeof value === "number" ? value : 0;
  };
  const raw = (field: number) => {
    const value = fields.get(field);
    return value instanceof Uint8Array ? value : new Uint8Array();
  };
  const digest = (of: number, length: number): Digest | null =>
    raw(of).length > 0 ? { sha256: hex(raw(of)), bytes: number(length) } : null;
  const file = digest(24, 23);
  return {
    index: number(7),
    number: number(2),
    previous: hex(raw(3)),
    orderSha256: hex(raw(8)),
    scriptSha256: hex(raw(9)),
    scriptName: new TextDecoder().decode(raw(10)),
    startedUs: number(12),
    endedUs: number(13),
    exitCode: number(14) === 1 ? number(15) : null,
    stdout: digest(16, 17),
    stderr: digest(18, 19),
    result: digest(20, 21),
    file: file && { ...file, path: new TextDecoder().decode(raw(22)) },
  };
}

const SIGNED_FOR = new TextEncoder().encode("reachback receipt v1\0");

// The machine's id is made from its key, so the answer needs no other witness.
export async function checkReceipts(answer: Receipts): Promise<CheckedReceipt[]> {
  const key = fromBase64(answer.publicKey);
  const idFits = (await sha256(key)).slice(0, 40) === answer.machineId;
  let imported: CryptoKey | null = null;
  try {
    imported = await crypto.subtle.importKey("spki", key, "Ed25519", false, ["verify"]);
  } catch {
    // An older browser: shown, and said to be unchecked.
  }
  return Promise.all(
    answer.value.map(async ({ receipt, signature }) => {
      const bytes = fromBase64(receipt);
      const read = readReceipt(bytes);
      if (!idFits) {
        return { receipt: read, verdict: "bad", reason: "the key is not this machine's" } as const;
      }
      if (!imported) {
        return {
          receipt: read,
          verdict: "unchecked",
          reason: "this browser cannot check Ed25519 signatures; `reachback verify` can",
        } as const;
      }
      const signed = new Uint8Array(SIGNED_FOR.length + bytes.length);
      signed.set(SIGNED_FOR);
      signed.set(bytes, SIGNED_FOR.length);
      return (await crypto.subtle.verify("Ed25519", imported, fromBase64(signature), signed))
        ? ({ receipt: read, verdict: "good", reason: "signed by this machine's key" } as const)
        : ({ receipt: read, verdict: "bad", reason: "the signature does not fit" } as const);
    }),
  );
}
