// The whole path of a responder, and what must not be lost on it.
import { choose, expect, fillSignIn, NOTHING_THERE, signIn, test } from "./fixture.ts";

test("signs in, runs a script with arguments, reads its result", async ({ page, place }) => {
  await signIn(page, place, place.made.admin);
  await expect(page).toHaveTitle("Machines · Reachback");
  await page.getByLabel("Search").fill("tier:db");
  await expect(page.getByRole("link", { name: "web-01" })).toBeHidden();
  await page.getByLabel("Search").fill("web");
  await page.getByRole("link", { name: "web-01" }).click();
  await page.getByRole("combobox", { name: "Script" }).fill("triage");
  await page.getByRole("option", { name: /triage\.sh/u }).click();
  await expect(page.getByText("--days N: how far back to look")).toBeVisible();
  await page.getByLabel("Arguments").fill("--days 3 --user 'Ann Lee'");
  await expect(page.getByText("Ann Lee", { exact: true })).toBeVisible();
  await page.getByLabel("Comment").fill("INC-1");
  await page.getByRole("button", { name: "Run on web-01" }).click();
  await expect(page.getByRole("heading", { name: "Live response on web-01" })).toBeVisible();
  await expect(page.getByText("Succeeded", { exact: true })).toBeVisible();
  await expect(page.getByText("exit code 0")).toBeVisible();
  const output = page.getByRole("region", { name: "Command 1, standard output" });
  await expect(output).toContainText("[Ann Lee]");
  await expect(page.getByRole("region", { name: "Command 1, standard error" })).toContainText("nothing unusual was found");

  await page.getByRole("tab", { name: "Hashes and receipts" }).click();
  await expect(page.getByText("Signature good")).toBeVisible();
  await expect(page.getByText("the same bytes")).toBeVisible();
  await page.getByRole("tab", { name: "Transcript" }).click();
  await expect(page.getByRole("region", { name: "Transcript" })).toContainText("Completed, exit code 0");

  await page.getByRole("button", { name: "Run again" }).click();
  await expect(page.getByLabel("Arguments")).toHaveValue("--days 3 --user 'Ann Lee'");
});

test("output is there while the script runs, and the script can be cancelled", async ({ signedIn: page, place }) => {
  await page.goto(`${place.url}/console/machines/${place.made.machine}`);
  await choose(page, "live.sh");
  await page.getByLabel("Arguments").fill("300");
  await page.getByRole("button", { name: "Run on web-01" }).click();
  const output = page.getByRole("region", { name: "Command 1, standard output" });
  await expect(output).toContainText("step 2 of 8");
  await expect(page.locator(".status.run").first()).toBeVisible();
  await expect(page.getByText("Live", { exact: true })).toBeVisible();
  // One at a time: the second is told where the first is.
  await page.getByRole("link", { name: "web-01" }).click();
  await choose(page, "triage.sh");
  await page.getByRole("button", { name: "Run on web-01" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "Another action is under way" })).toBeVisible();
  await page.getByRole("button", { name: "See that action" }).click();
  await page.getByRole("button", { name: "Cancel" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Cancel the action" }).click();
  await expect(dialog.getByText("Say why")).toBeVisible();
  await dialog.getByLabel("Why").fill("enough");
  await dialog.getByRole("button", { name: "Cancel the action" }).click();
  await expect(page.getByText("Cancelled by dana@corp.example")).toBeVisible();
  await expect(page.locator(".title-row").getByText("Cancelled")).toBeVisible();
});

test("a live view whose connection breaks goes on where it was", async ({ signedIn: page, place }) => {
  const seen: (string | undefined)[] = [];
  page.on("request", (request) => {
    if (request.url().endsWith("/events")) seen.push(request.headers()["last-event-id"]);
  });
  await page.goto(`${place.url}/console/machines/${place.made.machine}`);
  await choose(page, "live.sh");
  await page.getByRole("button", { name: "Run on web-01" }).click();
  const output = page.getByRole("region", { name: "Command 1, standard output" });
  await expect(output).toContainText("step 3 of 8");
  place.wire.cut();
  await expect(output).toContainText("step 8 of 8");
  await expect(page.getByText("Succeeded", { exact: true })).toBeVisible();
  const text = await output.innerText();
  for (let step = 1; step <= 8; ++step) expect(text.match(new RegExp(`step ${step} of 8`, "gu"))).toHaveLength(1);
  expect(seen.length).toBeGreaterThan(1);
  expect(seen[1]).toBeTruthy();
});

test("without a live view the page asks until the end", async ({ signedIn: page, place }) => {
  await page.route("**/events", (route) => route.fulfill(NOTHING_THERE));
  await page.goto(`${place.url}/console/machines/${place.made.machine}`);
  await choose(page, "triage.sh");
  await page.getByRole("button", { name: "Run on web-01" }).click();
  await expect(page.getByText("exit code 0")).toBeVisible();
  await expect(page.getByRole("region", { name: "Command 1, standard output" })).toContainText("== host ==");
});

test("an error stands beside its field, and what was typed stays", async ({ signedIn: page, place }) => {
  await page.goto(`${place.url}/console/machines/${place.made.machine}`);
  await page.getByRole("button", { name: "Run on web-01" }).click();
  const script = page.getByRole("combobox", { name: "Script" });
  await expect(script).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByText("Choose a script of the library")).toBeVisible();
  await choose(page, "no-such.sh");
  await page.getByLabel("Arguments").fill("'open");
  await page.getByRole("button", { name: "Run on web-01" }).click();
  await expect(page.getByText("a single quote (') is not closed")).toBeVisible();
  await page.getByLabel("Arguments").fill("closed");
  await page.getByRole("button", { name: "Run on web-01" }).click();
  await expect(page.getByText("'no-such.sh' is not in the library")).toBeVisible();
  await page.reload();
  await expect(page.getByLabel("Arguments")).toHaveValue("closed");
  await expect(script).toHaveValue("no-such.sh");
});

test("a session that has ended loses nothing that was typed", async ({ signedIn: page, place }) => {
  await page.goto(`${place.url}/console/machines/${place.made.machine}`);
  await choose(page, "triage.sh");
  await page.getByLabel("Comment").fill("typed before the session ended");
  await place.world.admin("user", "end-tokens", place.made.admin.name);
  await page.getByRole("button", { name: "Run on web-01" }).click();
  await expect(page.getByText("Your session has ended.").first()).toBeVisible();
  await page.getByRole("button", { name: "Sign in again" }).click();
  await fillSignIn(page, place.made.admin);
  await expect(page.getByLabel("Comment")).toHaveValue("typed before the session ended");
  await page.getByRole("button", { name: "Run on web-01" }).click();
  await expect(page.getByText("exit code 0")).toBeVisible();
});

test("a second tab is signed in by the first, and both out together", async ({ signedIn: page, context, place }) => {
  const second = await context.newPage();
  await second.goto(`${place.url}/console/actions`);
  await expect(second.getByRole("heading", { name: "Actions" })).toBeVisible();
  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(page.getByRole("button", { name: "Sign in" })).toBeVisible();
  await expect(second.getByRole("button", { name: "Sign in" })).toBeVisible();
});

test("several commands in order, a file that is dropped, and a file that is fetched", async ({ signedIn: page, place }) => {
  await page.goto(`${place.url}/console/machines/${place.made.machine}`);
  await page.locator("input[type=file]").setInputFiles({ name: "dropped.sh", mimeType: "text/plain", buffer: Buffer.from("#!/bin/sh\necho from the dropped script\n") });
  await expect(page.getByRole("combobox", { name: "Script" })).toHaveValue("dropped.sh");
  await page.getByRole("button", { name: "Add a command" }).click();
  await page.getByLabel("Command 2", { exact: true }).last().selectOption({ label: "Get file" });
  await page.getByLabel("Path on the machine").fill("/etc/hostname");
  await page.getByRole("button", { name: "Run on web-01" }).click();
  await expect(page.getByRole("region", { name: "Command 1, standard output" })).toContainText("from the dropped script");
  await expect(page.getByRole("region", { name: "Command 2, beginning of the file" })).toBeVisible();
  const download = page.waitForEvent("download");
  await page.getByRole("button", { name: /Download the file/u }).click();
  expect((await download).suggestedFilename()).toContain("hostname");
});

test("a viewer sees what runs and is told what takes another role", async ({ page, place }) => {
  await signIn(page, place, place.made.viewer, `/console/machines/${place.made.machine}`);
  await page.getByRole("heading", { name: "web-01" }).waitFor();
  await page.goto(`${place.url}/console/library`);
  await expect(page.getByText("Your account may not see the library")).toBeVisible();
});

test("who follows a link while signed out comes to its page", async ({ page, place }) => {
  await signIn(page, place, place.made.admin, `/console/actions/${place.made.actions.done}`);
  await expect(page.getByRole("heading", { name: "Live response on web-01" })).toBeVisible();
  await page.goto(`${place.url}/console/actions/00000000-0000-0000-0000-000000000000`);
  await expect(page.getByRole("alert").filter({ hasText: "Not found" })).toBeVisible();
  await page.goto(`${place.url}/console/nowhere`);
  await expect(page.getByText("There is no such page")).toBeVisible();
});
