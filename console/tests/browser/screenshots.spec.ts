// Pictures of the pages, for the documents and for whoever works on the design:
// ./dev console screenshots [FOLDER]. Without a folder in REACHBACK_SCREENSHOTS nothing is written.
import { statSync } from "node:fs";
import { join } from "node:path";
import { choose, expect, signIn, test, type Place } from "./fixture.ts";
import type { Page } from "@playwright/test";

const folder = process.env.REACHBACK_SCREENSHOTS;
const BYTES_MAX = 200 * 1024;
test.skip(!folder, "REACHBACK_SCREENSHOTS is not set");

// Those that stand in docs/screenshots; another folder gets all of them.
const KEPT = [
  "sign-in-light", "machines-light", "machines-phone", "run-light", "live-light", "action-dark", "action-phone-dark", "commands-light", "hostile-dark",
  "receipts-light", "actions-light", "library-light", "activity-light", "enrolment-light", "users-dark",
  "session-light",
];

async function shoot(page: Page, name: string): Promise<void> {
  if (folder?.endsWith("docs/screenshots") && !KEPT.includes(name)) return;
  const path = join(folder as string, `${name}.png`);
  await page.waitForLoadState("networkidle");
  await page.waitForTimeout(400);
  await page.screenshot({ path });
  expect(statSync(path).size, name).toBeLessThan(BYTES_MAX);
}

function pagesOf(place: Place): Record<string, string> {
  const { machine, actions } = place.made;
  return {
    machines: "machines", machine: `machines/${machine}`, action: `actions/${actions.done}`, commands: `actions/${actions.many}`,
    hostile: `actions/${actions.hostile}`, actions: "actions", library: "library", activity: "activity", enrolment: "settings/enrolment",
    users: "settings/users", applications: "settings/applications",
  };
}

for (const [kind, scheme, width, height] of [
  ["light", "light", 1280, 800],
  ["dark", "dark", 1280, 800],
  ["phone", "light", 360, 740],
  ["phone-dark", "dark", 360, 740],
] as const) {
  test(`pages, ${kind}`, async ({ page, place }) => {
    test.setTimeout(480_000);
    await page.emulateMedia({ colorScheme: scheme });
    await page.setViewportSize({ width, height });
    await page.goto(`${place.url}/console/`);
    await page.getByRole("button", { name: "Sign in" }).waitFor();
    await shoot(page, `sign-in-${kind}`);
    await signIn(page, place, place.made.admin);
    for (const [name, path] of Object.entries(pagesOf(place))) {
      await page.goto(`${place.url}/console/${path}`);
      await shoot(page, `${name}-${kind}`);
    }
    await page.goto(`${place.url}/console/actions/${place.made.actions.done}`);
    await page.getByRole("tab", { name: "Hashes and receipts" }).click();
    await page.getByText("Signature good").waitFor();
    await shoot(page, `receipts-${kind}`);
  });
}

test("a live response, from the form to its output", async ({ signedIn: page, place }) => {
  await page.goto(`${place.url}/console/machines/${place.made.machine}`);
  await choose(page, "live.sh");
  await page.getByLabel("Comment").fill("INC-4711: alert on web-01");
  await shoot(page, "run-light");
  await page.getByRole("button", { name: "Run on web-01" }).click();
  await expect(page.getByRole("region", { name: "Command 1, standard output" })).toContainText("step 3 of 8");
  await page.screenshot({ path: join(folder as string, "live-light.png") });
});

test("an interactive session", async ({ signedIn: page, place }) => {
  await page.goto(`${place.url}/console/machines/${place.made.machine}/session`);
  await page.getByLabel("Comment").fill("INC-4711: alert on web-01");
  await page.getByRole("button", { name: "Open a session" }).click();
  const line = page.getByLabel("Command line on");
  for (const [text, sign] of [["cd /etc/ssl", "Now in /etc/ssl"], ["dir", "certs"], ["getfile /etc/hostname", "SHA-256"]] as const) {
    await line.fill(text);
    await line.press("Enter");
    await expect(page.getByRole("region", { name: `: ${text}` }).getByText(sign).first()).toBeVisible();
  }
  await line.fill("connections -output json");
  await shoot(page, "session-light");
  await page.emulateMedia({ colorScheme: "dark" });
  await shoot(page, "session-dark");
  await page.getByRole("button", { name: "End session" }).click();
  await page.getByRole("button", { name: "Open a new session" }).waitFor();
});
