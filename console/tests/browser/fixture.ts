// A furnished world for all tests of a worker, and a page that is signed in.
import { test as base, expect, type Page } from "@playwright/test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Front } from "../harness/front.ts";
import { type Furnished, furnish } from "../harness/furnish.ts";
import { freePort, type Person, World } from "../harness/world.ts";

export interface Place {
  world: World;
  front: Front;
  url: string;
  made: Furnished;
}

export const test = base.extend<{ signedIn: Page; quiet: void }, { place: Place }>({
  place: [
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "reachback-console-"));
      const port = await freePort();
      const url = `https://localhost:${port}`;
      const front = await new Front(resolve(import.meta.dirname, "../../dist"), folder).start(port);
      const world = new World(folder, url);
      front.world = world;
      try {
        await world.start();
        const made = await furnish(world, front);
        await use({ world, front, url, made });
      } finally {
        await world.stop();
        await front.stop();
        rmSync(folder, { recursive: true, force: true });
      }
    },
    { scope: "worker", timeout: 90_000 },
  ],
  // No test passes while the page breaks its content security policy or throws.
  quiet: [
    async ({ page }, use) => {
      const said: string[] = [];
      page.on("pageerror", (error) => said.push(String(error)));
      page.on("console", (message) => {
        if (/Content Security Policy|Minified React error/u.test(message.text())) said.push(message.text());
      });
      await use();
      expect(said).toEqual([]);
    },
    { auto: true },
  ],
  signedIn: async ({ page, place }, use) => {
    await signIn(page, place, place.made.admin);
    await use(page);
  },
});

export async function signIn(page: Page, place: Place, person: Person, path = "/console/"): Promise<void> {
  const inside = page.getByRole("navigation", { name: "Main" });
  const tooOften = page.getByText("Too many wrong tries");
  // Ten tries a minute for one name from one address, right ones too: quick tests use them up.
  for (;;) {
    await page.goto(place.url + path);
    await page.getByRole("button", { name: "Sign in" }).click();
    await fillSignIn(page, person);
    await inside.or(tooOften).first().waitFor();
    if (await inside.isVisible()) return;
    await page.waitForTimeout(7000);
  }
}

export async function fillSignIn(page: Page, person: Person): Promise<void> {
  await page.getByLabel("User name").fill(person.name);
  await page.getByLabel("Password").fill(person.password);
  await page.getByRole("button", { name: "Sign in and allow" }).click();
}

// Types the name of a script, as somebody does who knows it.
export async function choose(page: Page, script: string): Promise<void> {
  const field = page.getByRole("combobox", { name: "Script" });
  await field.fill(script);
  await field.press("Tab");
}

export { expect };
