import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

// React Aria brings its few words in thirty languages; the console is in English.
const englishOnly: Plugin = {
  name: "english-only",
  enforce: "pre",
  load(id) {
    const locale = /\/react-(?:aria|stately|aria-components)\/.*\/intl\/.*\/([a-z]{2}-[A-Z]{2})\.m?js$/u.exec(id)?.[1];
    return locale && locale !== "en-US" ? "export default {};" : null;
  },
};

// What the terminal's screen draws with, so that the content security policy allows it:
// src/interactive/terminal/strict_style.ts says how. A version of xterm.js that draws otherwise is not built.
const INLINE_STYLES: readonly (readonly [from: RegExp, to: string, times: number])[] = [
  [/\.createElement\("style"\)/gu, '.createElement("strict-style")', 3],
  [/(\w+)\.setAttribute\("style",`\$\{\1\.getAttribute\("style"\)\|\|""\}\$\{(\w+)\};`\)/gu, "$1.style.cssText+=$2", 1],
];
const strictStyles: Plugin = {
  name: "strict-styles",
  apply: "build",
  transform(code, id) {
    if (!id.endsWith("/@xterm/xterm/lib/xterm.mjs")) return null;
    for (const [from, to, times] of INLINE_STYLES) {
      const found = code.match(from)?.length ?? 0;
      if (found !== times) this.error(`xterm.js has ${found} of ${from}, not ${times}: see src/interactive/terminal/strict_style.ts`);
      code = code.replace(from, to);
    }
    if (/setAttribute\("style"/u.test(code)) this.error("xterm.js sets another style attribute");
    return { code, map: null };
  },
};

export default defineConfig({
  base: "/console/",
  plugins: [englishOnly, strictStyles, react()],
  build: {
    target: "es2022",
    // Everything is a file of its own: the content security policy knows 'self' and nothing else.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
});
