// The audit as the server tells it.
import type { Page } from "@playwright/test";
import { expect, test } from "./fixture.ts";

const records = (page: Page) => page.getByRole("region", { name: "Records of the audit" });

test("what was done in one action is found by its id, and leads there", async ({ signedIn: page, place }) => {
  const { done } = place.made.actions;
  await page.goto(`${place.url}/console/activity?actionId=${done}`);
  for (const what of ["accepted", "granted", "command_ended"]) await expect(records(page).getByText(what, { exact: true }).first()).toBeVisible();
  await expect(records(page).getByRole("link", { name: /^action/u }).first()).toHaveAttribute("href", `/console/actions/${done}`);
  const accepted = records(page).getByRole("row").filter({ hasText: "accepted" });
  await expect(accepted).toContainText("INC-4711: alert on web-01");
  await expect(records(page).getByRole("row").filter({ hasText: "granted" }).getByRole("link", { name: "the machine" })).toHaveAttribute("href", `/console/machines/${place.made.machine}`);
  await accepted.getByRole("button").click();
  await expect(records(page).getByText("requestHash")).toBeVisible();
  await expect(records(page).getByText("127.0.0.1", { exact: true })).toBeVisible();
});

test("records are filtered by who and what; what is no id is told", async ({ signedIn: page, place }) => {
  const filter = async (label: string, text: string) => {
    await page.getByLabel(label, { exact: true }).fill(text);
    await page.getByRole("button", { name: "Filter" }).click();
  };
  await page.goto(`${place.url}/console/activity`);
  await filter("What", "user_created");
  await expect(records(page).getByRole("row").nth(2)).toBeVisible();
  await expect(records(page).getByRole("row").filter({ hasText: "vic@corp.example: viewer" })).toHaveCount(1);
  await expect(records(page).getByText("accepted", { exact: true })).toHaveCount(0);
  await filter("Who", "nobody@corp.example");
  await expect(page.getByText("No record fits")).toBeVisible();
  await filter("Machine id", "web-01");
  await expect(records(page).getByRole("alert")).toContainText("machineId");
  await filter("Machine id", "");
  await filter("What", "");
  await filter("Who", place.made.admin.name.toUpperCase());
  await expect(records(page).getByRole("cell", { name: place.made.admin.name }).first()).toBeVisible();
});

test("an answer that comes late does not stand under another question", async ({ signedIn: page, place }) => {
  let release = () => {};
  const held = new Promise<void>((resolve) => (release = resolve));
  await page.route("**/api/reachback/audit?**", async (route) => {
    if (!route.request().url().includes("what=")) await held;
    await route.continue();
  });
  await page.goto(`${place.url}/console/activity`);
  await page.getByLabel("What").fill("user_created");
  await page.getByRole("button", { name: "Filter" }).click();
  await expect(records(page).getByText("user_created").first()).toBeVisible();
  const late = page.waitForResponse((answer) => answer.url().includes("/audit?"));
  release();
  await (await late).finished();
  await page.evaluate(() => new Promise(requestAnimationFrame));
  await expect(records(page).getByText("accepted", { exact: true })).toHaveCount(0);
});

test("older records follow, each once, and a failure leaves what is there", async ({ signedIn: page, place }) => {
  let broken = true;
  await page.route("**/api/reachback/audit?**", (route) => {
    const url = route.request().url().replace("top=100", "top=5");
    return broken && url.includes("before=") ? route.abort() : route.continue({ url });
  });
  await page.goto(`${place.url}/console/activity`);
  const numbers = records(page).locator("button.number");
  await page.getByRole("button", { name: "Show older ones" }).click();
  await expect(records(page).getByRole("alert")).toContainText("No connection");
  broken = false;
  for (const count of [5, 10, 15]) {
    await expect(numbers).toHaveCount(count);
    await page.getByRole("button", { name: "Show older ones" }).click();
  }
  await expect(numbers).toHaveCount(20);
  expect(new Set(await numbers.allInnerTexts()).size).toBe(20);
});
