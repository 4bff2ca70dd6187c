// The audit as the server tells it.
import type { Page } from "@playwright/test";
import { expect, test } from "./fixture.ts";

const records = (page: Page) => page.getByRole("region", { name: "Records of the audit" });

test("what was done in one action is found by its id, and leads there", async ({ signedIn: page, place }) => {
  const { done } = place.made.actions;
  await page.goto(`${place.url}/console/activity?actionId=${done}`);
  for (const what of ["accepted", "granted"]) await expect(records(page).getByRole("cell", { name: what, exact: true }).first()).toBeVisible();
  await expect(records(page).getByRole("link", { name: /^action/u }).first()).toHaveAttribute("href", `/console/actions/${done}`);
  const accepted = records(page).getByRole("row").filter({ hasText: "accepted" });
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
  await expect(records(page).getByRole("cell", { name: "accepted", exact: true })).toHaveCount(0);
  await filter("Who", "nobody@corp.example");
  await expect(page.getByText("No record fits")).toBeVisible();
  await filter("Machine id", "web-01");
  await expect(records(page).getByRole("alert")).toContainText("machineId");
  await filter("Machine id", "");
  await filter("What", "");
  await filter("Who", place.made.admin.name.toUpperCase());
  await expect(records(page).getByRole("cell", { name: place.made.admin.name }).first()).toBeVisible();
});

test("older records follow, each once", async ({ signedIn: page, place }) => {
  await page.route("**/api/reachback/audit?**", (route) => route.continue({ url: route.request().url().replace("top=100", "top=5") }));
  await page.goto(`${place.url}/console/activity`);
  const numbers = records(page).locator("button.number");
  for (const count of [5, 10, 15]) {
    await expect(numbers).toHaveCount(count);
    await page.getByRole("button", { name: "Show older ones" }).click();
  }
  await expect(numbers).toHaveCount(20);
  expect(new Set(await numbers.allInnerTexts()).size).toBe(20);
});
