import { expect, test } from "./fixture.ts";

test("signs in and finds a machine", async ({ signedIn: page }) => {
  await expect(page.getByRole("link", { name: "web-01" })).toBeVisible();
  await page.screenshot({ path: "/tmp/cons/machines.png" });
  await page.getByLabel("Search").fill("tier:db");
  await expect(page.getByRole("link", { name: "web-01" })).toBeHidden();
  await expect(page.getByRole("link", { name: "db-01" })).toBeVisible();
});
