// Library, activity and settings.
import { expect, NOTHING_THERE, test } from "./fixture.ts";

test("the library takes a file, tells of another with the same name, and gives it up", async ({ signedIn: page, place }) => {
  await page.goto(`${place.url}/console/library`);
  const upload = async (content: string) => {
    await page.getByRole("button", { name: "Upload a file" }).click();
    await page.locator("input[type=file]").setInputFiles({ name: "check-disk.sh", mimeType: "text/plain", buffer: Buffer.from(content) });
  };
  const dialog = page.getByRole("dialog");
  await upload("#!/bin/sh\ndf -h\n");
  await dialog.getByLabel("Description").fill("How full the disks are");
  await page.keyboard.press("Escape");
  await page.reload();
  await page.getByRole("button", { name: "Upload a file" }).click();
  await expect(dialog.getByLabel("Description")).toHaveValue("How full the disks are");
  await expect(dialog.getByText("check-disk.sh, 16 B")).toBeVisible();
  await dialog.getByRole("button", { name: "Upload", exact: true }).click();
  await expect(page.getByText("How full the disks are")).toBeVisible();

  await upload("#!/bin/sh\ndf -h /\n");
  await dialog.getByRole("button", { name: "Upload", exact: true }).click();
  await expect(dialog.locator(".field .error").filter({ hasText: /exist/iu })).toBeVisible();
  await dialog.getByText("Replace it", { exact: true }).click();
  await dialog.getByRole("button", { name: "Upload", exact: true }).click();
  await expect(dialog).toBeHidden();

  await page.getByRole("button", { name: "check-disk.sh", exact: true }).click();
  await expect(dialog.getByText(/^[0-9a-f]{64}$/u)).toBeVisible();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Delete check-disk.sh" }).click();
  await dialog.getByRole("button", { name: "Delete it" }).click();
  await expect(page.getByRole("button", { name: "check-disk.sh", exact: true })).toBeHidden();
});

test("tags are added and taken away, and found by", async ({ signedIn: page, place }) => {
  await page.goto(`${place.url}/console/machines/${place.made.machine}`);
  await page.getByLabel("Add a tag").fill("watched");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await expect(page.getByRole("button", { name: "Remove the tag watched" })).toBeVisible();
  await page.goto(`${place.url}/console/machines`);
  await page.getByRole("button", { name: "watched" }).click();
  await expect(page.getByText("1 found")).toBeVisible();
  await page.getByRole("link", { name: "web-01" }).click();
  await page.getByRole("button", { name: "Remove the tag watched" }).click();
  await expect(page.getByRole("button", { name: "Remove the tag watched" })).toBeHidden();
});

test("actions are found by status, machine, who and time; the address holds the filters", async ({ signedIn: page, place }) => {
  await page.goto(`${place.url}/console/actions`);
  await page.getByLabel("Machine").fill("db");
  await expect(page.getByRole("link", { name: "web-01" })).toHaveCount(0);
  await page.getByRole("button", { name: "Failed" }).click();
  await expect(page.getByText("No action fits these filters")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Machine")).toHaveValue("db");
  await expect(page.getByRole("button", { name: "Failed" })).toHaveAttribute("aria-pressed", "true");
  await page.getByRole("button", { name: "Clear the filters" }).click();
  await page.getByLabel("Created").selectOption({ label: "Last hour" });
  await page.getByLabel("Comment").fill("strange");
  await expect(page.getByText("1 found")).toBeVisible();
});

test("a machine is enrolled by the command to copy, until its token is ended", async ({ signedIn: page, place }) => {
  await page.goto(`${place.url}/console/settings/enrolment`);
  await page.getByRole("textbox", { name: "Machines" }).fill("0");
  await page.getByRole("button", { name: "Make a token and the command" }).click();
  await expect(page.getByText("A whole number, 1 or more.")).toBeVisible();
  await page.getByRole("textbox", { name: "Machines" }).fill("3");
  await page.getByRole("textbox", { name: "Tags for them" }).fill("from:command");
  await page.getByRole("button", { name: "Make a token and the command" }).click();
  const command = (await page.locator(".copy-box pre").innerText()).replaceAll("reachback-agent enroll", "reachback-agent enroll --name copied-01");
  const row = page.getByRole("region", { name: "Tokens that are alive" }).getByRole("row").filter({ hasText: "from:command" });
  await expect(row.getByRole("cell", { name: "3", exact: true })).toBeVisible();
  await place.world.inShell(command, "/var/lib/reachback-agent");
  await page.reload();
  await expect(row.getByRole("cell", { name: "2", exact: true })).toBeVisible();
  await row.getByRole("button", { name: /^End it/u }).click();
  await expect(row).toHaveCount(0);
  await expect(place.world.inShell(command, "/var/lib/reachback-agent")).rejects.toThrow(/token/iu);
  await page.goto(`${place.url}/console/machines`);
  await page.getByRole("button", { name: "from:command" }).click();
  await expect(page.getByText("1 found")).toBeVisible();
  await expect(page.getByRole("link", { name: "copied-01" })).toBeVisible();
});

test("a webhook is tested, and its deliveries say how it went", async ({ signedIn: page, place }) => {
  await page.goto(`${place.url}/console/settings/webhooks`);
  await page.getByRole("button", { name: "Send a test to soar" }).click();
  await expect(page.getByText("A test goes to soar.")).toBeVisible();
  const sent = page.getByRole("region", { name: "Deliveries to soar" }).getByRole("row").filter({ hasText: "webhook.test" });
  await expect(sent.getByText("given up")).toBeVisible();
  await expect(sent.getByText(/connection refused/u)).toBeVisible();
  await expect(page.getByRole("region", { name: "Deliveries to soar" }).getByText("machine.online").first()).toBeVisible();
});

test("what an older server does not serve is named", async ({ signedIn: page, place }) => {
  await page.route("**/api/reachback/**", (route) => route.fulfill(NOTHING_THERE));
  for (const [path, words] of [
    ["activity", "the activity"], ["settings/users", "users"], ["settings/groups", "device groups"], ["settings/applications", "applications"], ["settings/enrolment", "enrolment tokens"], ["settings/webhooks", "webhooks"],
  ]) {
    await page.goto(`${place.url}/console/${path}`);
    await expect(page.getByText(`This server does not serve ${words} yet`)).toBeVisible();
  }
  await page.goto(`${place.url}/console/machines`);
  await expect(page.getByRole("link", { name: "web-01" })).toBeVisible();
  await expect(page.locator(".account").getByText("dana@corp.example")).toBeVisible();
});
