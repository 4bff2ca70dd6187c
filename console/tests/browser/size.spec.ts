// How much JavaScript there is before something is seen.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "./fixture.ts";

const BUDGET_BYTES = 200 * 1024;
const AIM_BYTES = 150 * 1024;
const dist = resolve(import.meta.dirname, "../../dist");

for (const [name, path, limit] of [
  ["the machines", "/machines", AIM_BYTES],
  ["one machine with its form", "/machines/ID", BUDGET_BYTES],
  ["an interactive session", "/machines/ID/session", BUDGET_BYTES],
  ["one action", "/actions/ID", BUDGET_BYTES],
] as const) {
  test(`${name}: JavaScript within ${limit / 1024} KiB compressed`, async ({ signedIn: page, place }) => {
    const loaded = new Set<string>();
    page.on("request", (request) => {
      const url = new URL(request.url());
      if (url.pathname.endsWith(".js")) loaded.add(url.pathname.replace("/console/", ""));
    });
    const id = path.startsWith("/actions") ? place.made.actions.done : place.made.machine;
    await page.goto(`${place.url}/console${path.replace("ID", id)}`);
    await page.waitForLoadState("networkidle");
    const bytes = [...loaded].reduce((sum, file) => sum + gzipSync(readFileSync(join(dist, file)), { level: 9 }).length, 0);
    console.log(`${name}: ${(bytes / 1024).toFixed(1)} KiB in ${loaded.size} files`);
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThan(limit);
  });
}
