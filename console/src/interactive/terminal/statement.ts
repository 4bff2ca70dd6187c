// What is signed of each piece that is typed into a terminal (docs/interactive-sessions.md). Pure.
export interface TypedPiece {
  actionId: string;
  from: number;
  rows: number;
  columns: number;
  typed: Uint8Array;
}

const SIGNED_FOR = new TextEncoder().encode("reachback terminal v1\0");
const COMMAND_INDEX = 0;

export function statementOf(piece: TypedPiece): Uint8Array<ArrayBuffer> {
  const digits = piece.actionId.replaceAll("-", "");
  if (!/^[0-9a-f]{32}$/iu.test(digits)) throw new Error(`${piece.actionId} is no id of an action`);
  const out = new Uint8Array(SIGNED_FOR.length + 16 + 4 + 8 + 2 + 2 + piece.typed.length);
  const view = new DataView(out.buffer);
  out.set(SIGNED_FOR);
  let at = SIGNED_FOR.length;
  for (let i = 0; i < 16; ++i) out[at++] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  view.setUint32(at, COMMAND_INDEX);
  view.setBigUint64(at + 4, BigInt(piece.from));
  view.setUint16(at + 12, piece.rows);
  view.setUint16(at + 14, piece.columns);
  out.set(piece.typed, at + 16);
  return out;
}
