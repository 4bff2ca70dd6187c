// A furnished world for all tests of a worker, and a page that is signed in.
import { test as base, expect, type Page } from "@playwright/test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Furnished, furnish } from "../harness/furnish.ts";
import { oneTimeCode } from "../harness/one_time_code.ts";
import { Wire } from "../harness/wire.ts";
import { freePort, type Person, World } from "../harness/world.ts";

export interface Place {
  world: World;
  wire: Wire;
  url: string;
  made: Furnished;
}

export const test = base.extend<{ signedIn: Page; quiet: void }, { place: Place }>({
  place: [
    async ({}, use) => {
      const folder = mkdtempSync(join(tmpdir(), "reachback-console-"));
      const [port, publicPort] = [await freePort(), await freePort()];
      const world = new World(folder, port, publicPort);
      const wire = await Wire.start(publicPort, port);
      try {
        await world.start();
        const made = await furnish(world);
        await use({ world, wire, url: world.publicUrl, made });
      } finally {
        await world.stop();
        await wire.stop();
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
  // Each time from another address, for there are ten tries a minute of one user from one.
  place.wire.from = (place.wire.from % 250) + 1;
  place.wire.cut();
  await page.goto(place.url + path);
  await page.getByRole("button", { name: "Sign in" }).click();
  await fillSignIn(page, person);
  await expect(page.getByRole("navigation", { name: "Main" })).toBeVisible();
}

export async function fillSignIn(page: Page, person: Person): Promise<void> {
  await page.getByLabel("User name").fill(person.name);
  await page.getByLabel("Password").fill(person.password);
  if (person.codes) await page.getByLabel("One-time code").fill(oneTimeCode(person.codes, new Date()));
  await page.getByRole("button", { name: "Sign in and allow" }).click();
}

// What a server answers to an address that it does not have.
export const NOTHING_THERE = { status: 404, json: { error: { code: "NotFound", message: "There is nothing at this address", target: "" } } };

// Types the name of a script, as somebody does who knows it.
export async function choose(page: Page, script: string): Promise<void> {
  const field = page.getByRole("combobox", { name: "Script" });
  await field.fill(script);
  await field.press("Tab");
}

export { expect };
