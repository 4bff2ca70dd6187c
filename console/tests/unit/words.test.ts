import { expect, test } from "vitest";
import { joinWords, splitWords } from "../../src/text/words.ts";

function words(text: string): string[] {
  const split = splitWords(text);
  if (!split.ok) throw new Error(split.error);
  return split.words;
}

test("splits as a POSIX shell does, without expansion", () => {
  expect(words("  a  b\tc\nd ")).toEqual(["a", "b", "c", "d"]);
  expect(words("--user 'Ann Lee' \"x y\"z")).toEqual(["--user", "Ann Lee", "x yz"]);
  expect(words("'' \"\" a''b")).toEqual(["", "", "ab"]);
  expect(words('"a\\"b \\$x \\n" \\  $HOME *')).toEqual(['a"b $x \\n', " ", "$HOME", "*"]);
  expect(words("a\\\nb")).toEqual(["ab"]);
  expect(words("")).toEqual([]);
});

test("says what is not closed", () => {
  expect(splitWords("'a")).toMatchObject({ ok: false, error: expect.stringContaining("single quote") });
  expect(splitWords('"a')).toMatchObject({ ok: false, error: expect.stringContaining("double quote") });
  expect(splitWords('"a\\')).toMatchObject({ ok: false });
  expect(splitWords("a\\")).toMatchObject({ ok: false, error: expect.stringContaining("backslash") });
});

test("what is joined splits into the same words", () => {
  const characters = ["a", " ", "'", '"', "\\", "\n", "$", "ä", "-"];
  for (let seed = 0; seed < 3000; ++seed) {
    let n = seed * 7919;
    const list = Array.from({ length: 1 + (seed % 3) }, () =>
      Array.from({ length: seed % 5 }, () => characters[(n = (n * 1103515245 + 12345) % 2147483648) % characters.length]).join(""),
    );
    expect(words(joinWords(list))).toEqual(list);
  }
});
