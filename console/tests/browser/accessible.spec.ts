// Accessibility of every page in both schemes, by axe; by keyboard; and at the width of a phone.
import { findings } from "./axe.ts";
import { expect, test, type Place } from "./fixture.ts";
import type { Page } from "@playwright/test";

function pagesOf(place: Place): Record<string, string> {
  const { machine, actions } = place.made;
  return {
    machines: "/machines", machine: `/machines/${machine}`, session: `/machines/${machine}/session`, actions: "/actions", action: `/actions/${actions.done}`, hostile: `/actions/${actions.hostile}`,
    library: "/library", activity: "/activity", enrolment: "/settings/enrolment", users: "/settings/users", groups: "/settings/groups",
    applications: "/settings/applications", webhooks: "/settings/webhooks", you: "/settings/you", nowhere: "/nowhere",
  };
}

async function settle(page: Page): Promise<void> {
  await page.getByRole("main").waitFor();
  await page.waitForLoadState("networkidle");
  await expect(page.getByText(/^Loading .* …$/u)).toHaveCount(0);
}

for (const scheme of ["light", "dark"] as const) {
  test(`axe finds nothing serious on any page, ${scheme}`, async ({ page, signedIn, place }) => {
    void signedIn;
    test.setTimeout(480_000);
    await page.emulateMedia({ colorScheme: scheme });
    for (const [name, path] of Object.entries(pagesOf(place))) {
      await page.goto(`${place.url}/console${path}`);
      await settle(page);
      expect(await findings(page), name).toEqual([]);
      expect(await page.title(), name).toMatch(/ · Reachback$/u);
    }
    await page.goto(`${place.url}/console/actions/${place.made.actions.done}`);
    for (const tab of ["Transcript", "Hashes and receipts", "Details"]) {
      await page.getByRole("tab", { name: tab }).click();
      await settle(page);
      expect(await findings(page), tab).toEqual([]);
    }
    await page.goto(`${place.url}/console/library`);
    await page.getByRole("button", { name: "Upload a file" }).click();
    await page.getByRole("dialog").waitFor();
    expect(await findings(page), "dialog").toEqual([]);
  });
}

test("axe finds nothing serious where one signs in", async ({ page, place }) => {
  await page.goto(`${place.url}/console/`);
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  expect(await findings(page)).toEqual([]);
});

test("no page is wider than a phone", async ({ signedIn: page, place }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  for (const [name, path] of Object.entries(pagesOf(place))) {
    await page.goto(`${place.url}/console${path}`);
    await settle(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth), name).toBeLessThanOrEqual(360);
  }
});

test("the keyboard alone starts a live response", async ({ signedIn: page, place }) => {
  await page.goto(`${place.url}/console/machines/${place.made.machine}`);
  await settle(page);
  await page.locator("body").press("Tab");
  const skip = page.getByRole("link", { name: "Skip to the page" });
  await expect(skip).toBeFocused();
  await skip.press("Enter");
  const script = page.getByRole("combobox", { name: "Script" });
  for (let tabs = 0; tabs < 12 && !(await script.evaluate((element) => element === document.activeElement)); ++tabs) await page.keyboard.press("Tab");
  await expect(script).toBeFocused();
  await page.keyboard.type("triage.sh");
  await page.keyboard.press("Escape");
  const run = page.getByRole("button", { name: "Run on web-01" });
  for (let tabs = 0; tabs < 12 && !(await run.evaluate((element) => element === document.activeElement)); ++tabs) await page.keyboard.press("Tab");
  await expect(run).toBeFocused();
  expect(await run.evaluate((element) => getComputedStyle(element).outlineStyle)).toBe("solid");
  await page.keyboard.press("Enter");
  await expect(page.getByText("exit code 0")).toBeVisible();
});

test("light and dark by the system, and by the switch for good", async ({ signedIn: page }) => {
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  await page.emulateMedia({ colorScheme: "light" });
  const light = await background();
  await page.emulateMedia({ colorScheme: "dark" });
  const dark = await background();
  expect(dark).not.toBe(light);
  await page.getByRole("button", { name: "Change to: Light" }).click();
  expect(await background()).toBe(light);
  await page.reload();
  await page.getByRole("navigation", { name: "Main" }).waitFor();
  expect(await background()).toBe(light);
});
