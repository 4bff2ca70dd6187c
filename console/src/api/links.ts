// Signed links to results, and the bytes behind them, a part at a time.
import type { Api } from "./client";
import { pathOf, readError, Unreachable } from "./client";

export interface Part {
  bytes: Uint8Array<ArrayBuffer>;
  from: number;
  size: number; // of the whole
  fileName: string;
}

export class ResultLink {
  private readonly api: Api;
  private readonly actionId: string;
  private readonly index: number;
  private link: string | null = null;

  constructor(api: Api, actionId: string, index: number) {
    this.api = api;
    this.actionId = actionId;
    this.index = index;
  }

  // A link that is good for half an hour from now.
  async mint(): Promise<string> {
    const answer = await this.api.get<{ value: string }>(
      `/api/machineactions/${encodeURIComponent(this.actionId)}/GetLiveResponseResultDownloadLink(index=${this.index})`,
    );
    this.link = answer.value;
    return answer.value;
  }

  // `length` bytes from `from`; a negative `from` counts from the end.
  async read(from: number, length: number, signal?: AbortSignal): Promise<Part> {
    for (let fresh = false; ; fresh = true) {
      const link = this.link ?? (await this.mint());
      const range = from < 0 ? `bytes=${from}` : `bytes=${from}-${from + length - 1}`;
      let answer: Response;
      try {
        answer = await fetch(pathOf(link), {
          headers: { Range: range },
          credentials: "omit",
          cache: "no-store",
          signal: signal ?? null,
        });
      } catch (error) {
        if (signal?.aborted) throw error;
        throw new Unreachable();
      }
      if (answer.status === 403 && !fresh) {
        this.link = null; // it has expired
        continue;
      }
      if (answer.status === 416) return { bytes: new Uint8Array(), from: 0, size: 0, fileName: "" };
      if (!answer.ok) throw await readError(answer);
      return this.part(answer, length);
    }
  }

  private async part(answer: Response, length: number): Promise<Part> {
    const fileName = fileNameOf(answer.headers.get("Content-Disposition") ?? "");
    const found = /^bytes (\d+)-\d+\/(\d+)$/u.exec(answer.headers.get("Content-Range") ?? "");
    if (answer.status === 206 && found) {
      const bytes = new Uint8Array(await answer.arrayBuffer());
      return { bytes, from: Number(found[1]), size: Number(found[2]), fileName };
    }
    // The whole came: no more of it is read than was asked for.
    const bytes = await readUpTo(answer.body, length);
    return { bytes, from: 0, size: Number(answer.headers.get("Content-Length") ?? bytes.length), fileName };
  }
}

export async function readUpTo(stream: ReadableStream<Uint8Array> | null, length: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  const reader = stream?.getReader();
  try {
    while (reader && total < length) {
      const { done, value } = await reader.read();
      if (done) break;
      pieces.push(value);
      total += value.length;
    }
  } catch {
    // A gzip stream that is cut off: what came before is good.
  }
  void reader?.cancel().catch(() => undefined);
  const out = new Uint8Array(Math.min(total, length));
  let at = 0;
  for (const piece of pieces) {
    out.set(piece.subarray(0, out.length - at), at);
    at = Math.min(out.length, at + piece.length);
  }
  return out;
}

// RFC 6266: filename* before filename.
export function fileNameOf(disposition: string): string {
  const extended = /filename\*=UTF-8''([^;]+)/iu.exec(disposition)?.[1];
  if (extended) {
    try {
      return decodeURIComponent(extended);
    } catch {
      // Not what it says it is.
    }
  }
  return /filename="((?:[^"\\]|\\.)*)"/iu.exec(disposition)?.[1]?.replace(/\\(.)/gu, "$1") ?? "";
}
