// Args of a RunScript: the machine splits them into words as a POSIX shell does, without expansion.
// Here they are split for showing, and joined from words.

export type Split = { ok: true; words: string[] } | { ok: false; error: string };

export function splitWords(text: string): Split {
  const words: string[] = [];
  let word: string | null = null;
  for (let i = 0; i < text.length; ++i) {
    const c = text[i] as string;
    if (c === " " || c === "\t" || c === "\n") {
      if (word !== null) words.push(word);
      word = null;
    } else if (c === "'") {
      const end = text.indexOf("'", i + 1);
      if (end < 0) return { ok: false, error: "a single quote (') is not closed" };
      word = (word ?? "") + text.slice(i + 1, end);
      i = end;
    } else if (c === '"') {
      word ??= "";
      for (++i; text[i] !== '"'; ++i) {
        if (i >= text.length) return { ok: false, error: 'a double quote (") is not closed' };
        if (text[i] === "\\" && '"\\$`\n'.includes(text[i + 1] ?? "x")) {
          i += 1;
          if (text[i] === "\n") continue;
        }
        word += text[i];
      }
    } else if (c === "\\") {
      i += 1;
      if (i >= text.length) return { ok: false, error: "nothing follows the last backslash (\\)" };
      if (text[i] !== "\n") word = (word ?? "") + text[i];
    } else {
      word = (word ?? "") + c;
    }
  }
  if (word !== null) words.push(word);
  return { ok: true, words };
}

export function quoteWord(word: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/u.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
export function joinWords(words: readonly string[]): string {
  return words.map(quoteWord).join(" ");
}
