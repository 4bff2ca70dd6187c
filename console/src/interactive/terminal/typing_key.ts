// The key pair that a terminal is opened with. Its private half never leaves the browser's keeping:
// it ends with the page.
import { toBase64 } from "../../text/bytes";

export interface TypingKey {
  spki: string; // the public half, base64
  sign: (statement: Uint8Array<ArrayBuffer>) => Promise<string>; // base64
}

// Undefined: this browser has no Ed25519.
export async function makeTypingKey(): Promise<TypingKey | undefined> {
  let pair: CryptoKeyPair;
  try {
    pair = (await crypto.subtle.generateKey("Ed25519", /*extractable=*/ false, ["sign", "verify"])) as CryptoKeyPair;
  } catch {
    return undefined;
  }
  return {
    spki: toBase64(new Uint8Array(await crypto.subtle.exportKey("spki", pair.publicKey))),
    sign: async (statement) => toBase64(new Uint8Array(await crypto.subtle.sign("Ed25519", pair.privateKey, statement))),
  };
}
