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

export default defineConfig({
  base: "/console/",
  plugins: [englishOnly, react()],
  build: {
    target: "es2022",
    // Everything is a file of its own: the content security policy knows 'self' and nothing else.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
});
