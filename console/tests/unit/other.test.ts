import { expect, test } from "vitest";
import { fileNameOf, readUpTo } from "../../src/api/links.ts";
import { ScriptResult } from "../../src/live/script_result.ts";
import type { ResultLink } from "../../src/api/links.ts";
import { enrolCommand } from "../../src/settings/enrol_command.ts";
import { byteCount, hexDump, looksLikeText } from "../../src/text/bytes.ts";

test("numbers of bytes", () => {
  expect([0, 1023, 1024, 1536, 20 * 1024 * 1024, 3 * 2 ** 30].map(byteCount)).toEqual(["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "20 MiB", "3.0 GiB"]);
});

test("text and what is none", () => {
  expect(looksLikeText(new TextEncoder().encode("äöü"))).toBe(true);
  expect(looksLikeText(new TextEncoder().encode("äöü").subarray(0, 5))).toBe(true);
  expect(looksLikeText(new Uint8Array([1, 0, 2]))).toBe(false);
  expect(looksLikeText(new Uint8Array([0xff, 0xfe]))).toBe(false);
  expect(hexDump(new Uint8Array([0x41, 0, 0x7f]))).toMatch(/^00000000 {2}41 00 7f +A\.\.$/u);
});

test("the name of a download", () => {
  expect(fileNameOf('attachment; filename="a.gz"')).toBe("a.gz");
  expect(fileNameOf("attachment; filename=\"x\"; filename*=UTF-8''%C3%A4.gz")).toBe("ä.gz");
  expect(fileNameOf("attachment")).toBe("");
});

test("no more of a stream is read than was asked for", async () => {
  let pulled = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      pulled += 1;
      controller.enqueue(new Uint8Array(1000));
    },
  });
  expect((await readUpTo(stream, 2500)).length).toBe(2500);
  expect(pulled).toBeLessThan(6);
});

test("of a large result the beginning of standard output is read, and standard error from the end", async () => {
  const file = new TextEncoder().encode(JSON.stringify({
    script_name: "x", exit_code: 3, script_output: "line\n".repeat(500_000), script_errors: 'the "end"', script_error: 'the "end"',
  }));
  const asked: number[] = [];
  const link = {
    read: (from: number, length: number) => {
      const at = from < 0 ? file.length + from : from;
      const bytes = file.slice(at, at + (from < 0 ? -from : length));
      asked.push(bytes.length);
      return Promise.resolve({ bytes, from: at, size: file.length, fileName: "" });
    },
  } as unknown as ResultLink;
  const result = new ScriptResult(link);
  await result.readFirst();
  expect(result.exitCode).toBe(3);
  expect(result.whole).toBe(false);
  expect(result.stderr.shown()).toBe('the "end"');
  expect(asked.reduce((a, b) => a + b, 0)).toBeLessThan(2 * 1024 * 1024);
  while (!result.whole) await result.readMore();
  expect(result.stdout.lineCount).toBe(500_000);
  expect(result.stderr.shown()).toBe('the "end"');
});

test("the command that enrols holds nothing that a shell would read otherwise", () => {
  const command = enrolCommand({ enrollmentToken: "a'b$(x)", expires: "", server: "https://srv:8444", caFile: "-----BEGIN-----\nx\n-----END-----\n" });
  expect(command).toContain("--token 'a'\\''b$(x)'");
  expect(command).toContain("<<'CA'\n-----BEGIN-----\nx\n-----END-----\nCA\n");
});
