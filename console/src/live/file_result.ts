// The beginning of a file that a GetFile fetched; a gzip stream is opened as far as it is shown.
import { readUpTo, type ResultLink } from "../api/links";
import { hexDump, looksLikeText } from "../text/bytes";
import { Lines } from "../text/lines";

const SHOWN_BYTES = 512 * 1024;

export interface FileStart {
  lines: Lines;
  binary: boolean;
  shown: number; // bytes of the file
  whole: boolean;
  fileName: string;
  size: number; // of the result
}

export async function readFileStart(link: ResultLink, fileBytes: number | undefined, signal?: AbortSignal): Promise<FileStart> {
  const part = await link.read(0, SHOWN_BYTES, signal);
  let bytes: Uint8Array = part.bytes;
  if (part.fileName.endsWith(".gz") && bytes[0] === 0x1f && bytes[1] === 0x8b && part.size !== fileBytes) {
    const opened = new Blob([part.bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    bytes = await readUpTo(opened, SHOWN_BYTES);
  }
  const binary = !looksLikeText(bytes);
  const lines = new Lines();
  lines.append(binary ? hexDump(bytes) : new TextDecoder().decode(bytes));
  const shown = binary ? Math.min(bytes.length, 4096) : bytes.length;
  return { lines, binary, shown, whole: fileBytes !== undefined ? shown >= fileBytes : false, fileName: part.fileName, size: part.size };
}
