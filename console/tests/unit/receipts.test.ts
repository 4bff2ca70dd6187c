import { expect, test } from "vitest";
import { checkReceipts, readReceipt } from "../../src/api/receipts.ts";
import { sha256 } from "../../src/text/bytes.ts";

function varint(value: number): number[] {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  do {
    const byte = Number(rest & 0x7fn);
    rest >>= 7n;
    out.push(rest > 0n ? byte | 0x80 : byte);
  } while (rest > 0n);
  return out;
}
const number = (field: number, value: number) => [...varint(field * 8), ...varint(value)];
const bytes = (field: number, value: Uint8Array | number[]) => [...varint(field * 8 + 2), ...varint(value.length), ...value];
const base64 = (value: Uint8Array) => Buffer.from(value).toString("base64");

const RECEIPT = new Uint8Array([
  ...number(2, 300), ...number(7, 1), ...bytes(9, new Array<number>(32).fill(0xab)), ...bytes(10, new TextEncoder().encode("a.sh")),
  ...number(12, 1_700_000_000_000_000), ...number(14, 1), ...number(15, -1), ...bytes(16, new Array<number>(32).fill(1)), ...number(17, 42),
  ...number(99, 5),
]);

test("reads a receipt; what is not known is passed over", () => {
  const receipt = readReceipt(RECEIPT);
  expect(receipt).toMatchObject({ number: 300, index: 1, scriptName: "a.sh", exitCode: -1, startedUs: 1_700_000_000_000_000, file: null, result: null });
  expect(receipt.scriptSha256).toBe("ab".repeat(32));
  expect(receipt.stdout).toEqual({ sha256: "01".repeat(32), bytes: 42 });
});

test("every cut-off receipt is an error or a receipt, never a hang", () => {
  for (let cut = 0; cut < RECEIPT.length; ++cut) {
    try {
      readReceipt(RECEIPT.subarray(0, cut));
    } catch (error) {
      expect(String(error)).toContain("receipt");
    }
  }
});

test("a good signature, a changed receipt, and another machine's key", async () => {
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const key = new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey));
  const prefix = new TextEncoder().encode("reachback receipt v1\0");
  const signature = new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, new Uint8Array([...prefix, ...RECEIPT])));
  const machineId = (await sha256(key)).slice(0, 40);
  const answer = (receipt: Uint8Array, id: string) => ({
    machineId: id, publicKey: base64(key), value: [{ index: 1, receipt: base64(receipt), signature: base64(signature) }],
  });
  expect((await checkReceipts(answer(RECEIPT, machineId)))[0]?.verdict).toBe("good");
  const changed = RECEIPT.slice();
  changed[1] = (changed[1] ?? 0) ^ 1;
  expect((await checkReceipts(answer(changed, machineId)))[0]?.verdict).toBe("bad");
  expect((await checkReceipts(answer(RECEIPT, "0".repeat(40))))[0]?.reason).toContain("not this machine's");
});
