// An interactive session on a real machine, line by line.
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "@playwright/test";
import { findings } from "./axe.ts";
import { expect, signIn, test, type Place } from "./fixture.ts";
import { command, enter, freeMachines, open, typed } from "./session_page.ts";

// The same person's, who signs in through another application.
async function tokenOfAnotherProgram(page: Page, place: Place): Promise<string> {
  const { name, password } = place.made.admin;
  const redirect = "http://localhost/back";
  const { clientId } = await place.world.call("POST", "/api/reachback/applications", {
    name: "another program", publicClient: true, scopes: ["Machine.Read", "Machine.LiveResponse"], redirectUris: [redirect],
  });
  const verifier = "v".repeat(64);
  const oauth = `${place.url}/${place.world.tenantId}/oauth2/v2.0`;
  const signedIn = await page.request.post(`${oauth}/authorize`, { maxRedirects: 0, form: {
    client_id: clientId, response_type: "code", redirect_uri: redirect, scope: "https://api.securitycenter.microsoft.com/.default",
    code_challenge: createHash("sha256").update(verifier).digest("base64url"), code_challenge_method: "S256", username: name, password, answer: "yes",
  } });
  const code = new URL(signedIn.headers()["location"] ?? "").searchParams.get("code") ?? "";
  const given = await page.request.post(`${oauth}/token`, { form: { grant_type: "authorization_code", client_id: clientId, code, redirect_uri: redirect, code_verifier: verifier } });
  return (await given.json()).access_token;
}

test.afterEach(({ place }) => freeMachines(place));

test("a responder looks around, fetches a file, and ends the session", async ({ signedIn: page, place }) => {
  test.setTimeout(180_000);
  await open(page, place);
  await enter(page, "cd /etc");
  await expect(command(page, 1)).toContainText("Now in /etc");
  await expect(page.locator(".prompt label")).toContainText("/etc");

  await enter(page, "dir");
  const dir = command(page, 2);
  await expect(dir.getByRole("columnheader", { name: "permissions" })).toBeVisible();
  await expect(dir.getByRole("cell", { name: "passwd", exact: true })).toBeVisible();

  await enter(page, "processes");
  const processes = command(page, 3);
  await expect(processes.getByRole("columnheader", { name: "command_line" })).toBeVisible();
  await expect(processes.getByRole("cell", { name: "reachback-agent", exact: true }).first()).toBeVisible();
  await processes.getByRole("button", { name: "Row 1: every property" }).click();
  await expect(processes.locator(".properties dt").filter({ hasText: /^pid$/u })).toBeVisible();
  await processes.getByRole("button", { name: "As JSON" }).click();
  await expect(page.getByRole("region", { name: "Command 3, JSON" })).toContainText(/"pid": ?\d+/u);

  // Wrong: told in words, and the line comes back.
  await enter(page, "frobnicate /etc");
  const wrong = page.getByRole("region", { name: "Line: frobnicate /etc" });
  await expect(wrong.getByRole("alert")).toContainText("frobnicate");
  await expect(typed(page)).toHaveValue("frobnicate /etc");

  await enter(page, "getfile hostname");
  const file = command(page, 4);
  await expect(file.getByText("/etc/hostname", { exact: true })).toBeVisible();
  await expect(file.locator("dd code")).toHaveText(/^[0-9a-f]{64}$/u);
  await expect(file.getByText("Download the file for the rest")).toHaveCount(0);
  const [download] = await Promise.all([page.waitForEvent("download"), file.getByRole("button", { name: /Download the file/u }).click()]);
  expect(download.url()).toContain(place.url);
  await expect(file.getByRole("link", { name: "The action of command 4" })).toHaveAttribute("href", /\/console\/actions\//u);

  await enter(page, "help");
  await expect(page.getByRole("region", { name: "Line: help" }).getByRole("cell", { name: "findfile", exact: true })).toBeVisible();
  await enter(page, "help findfile");
  await expect(page.getByRole("region", { name: "Line: help findfile" })).toContainText("findfile NAME [-path PATH]");

  await enter(page, "users -output json > users.json");
  const saved = command(page, 5).getByRole("button", { name: "Save users.json" });
  const [users] = await Promise.all([page.waitForEvent("download"), saved.click()]);
  expect(users.suggestedFilename()).toBe("users.json");
  const rows = JSON.parse(readFileSync(await users.path(), "utf8")) as { name: string }[];
  expect(rows.map((row) => row.name)).toContain("root");

  await page.getByRole("button", { name: "End session" }).click();
  await expect(page.getByText("The session has ended: closed by dana@corp.example.").first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Open a new session" })).toBeVisible();
  await expect(dir.getByRole("cell", { name: "passwd", exact: true })).toBeVisible();
});

test("axe finds nothing serious in a session", async ({ signedIn: page, place }) => {
  test.setTimeout(180_000);
  await open(page, place);
  await enter(page, "dir /etc/ssl");
  await command(page, 1).getByRole("button", { name: "Row 1: every property" }).click();
  await enter(page, "dir /etc/ssl -output json");
  await expect(page.getByRole("region", { name: "Command 2, JSON" })).toContainText("certs");
  await enter(page, "getfile /etc/hostname");
  await expect(command(page, 3).getByRole("button", { name: /Download the file/u })).toBeVisible();
  for (const line of ["trace", "help findfile", "frobnicate"]) {
    await enter(page, line);
    await expect(page.getByRole("region", { name: `Line: ${line}` })).toBeVisible();
  }
  await page.emulateMedia({ colorScheme: "light" });
  expect(await findings(page), "light").toEqual([]);
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await findings(page), "dark").toEqual([]);
  await page.getByRole("button", { name: "End session" }).click();
  await expect(page.getByRole("button", { name: "Open a new session" })).toBeVisible();
  expect(await findings(page), "ended").toEqual([]);
});

test("names of files that attack who reads them are text, and what they hide is seen", async ({ signedIn: page, place }) => {
  const folder = mkdtempSync(join(tmpdir(), "reachback-hostile-"));
  const names = ["invoice\u202egpj.exe", "\u001b[31mred", "<img src=x onerror=alert(1)>", "two\nlines", "zero\u200bwidth"];
  for (const name of names) writeFileSync(join(folder, name), "");
  const dialogs: string[] = [];
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  try {
    await open(page, place);
    await enter(page, `dir ${folder}`);
    const dir = command(page, 1);
    for (const shown of ["invoice⟦U+202E⟧gpj.exe", "␛[31mred", "<img src=x onerror=alert(1)>", "two␊lines", "zero⟦U+200B⟧width"]) {
      await expect(dir.locator("tbody td").filter({ hasText: shown })).toHaveCount(1);
    }
    expect(await dir.locator("table img").count()).toBe(0);
    expect((await dir.textContent())?.match(/[\u0000-\u001f\u007f\u200b\u202a-\u202e\u2066-\u2069]/u)).toBeNull();
    await dir.getByRole("button", { name: "As JSON" }).click();
    const json = page.getByRole("region", { name: "Command 1, JSON" });
    await expect(json).toContainText("<img src=x onerror=alert(1)>");
    expect((await json.textContent())?.match(/[\u0000-\u001f\u007f\u200b\u202a-\u202e\u2066-\u2069]/u)).toBeNull();
    // As a line, too.
    await enter(page, "dir \"/\u202egpj\"");
    await expect(command(page, 2).locator(".command-line")).toContainText("/⟦U+202E⟧gpj");
    await expect(command(page, 2).getByText("exit code 1")).toBeVisible();
    await expect(page.getByRole("region", { name: "Command 2, errors" })).not.toContainText("\u202e");
    expect(dialogs).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a long list is drawn a thousand rows at a time; the result file has all of it", async ({ signedIn: page, place }) => {
  const folder = mkdtempSync(join(tmpdir(), "reachback-many-"));
  for (let number = 1; number <= 1500; ++number) writeFileSync(join(folder, `file-${number}`), "");
  try {
    await open(page, place);
    await enter(page, `dir ${folder}`);
    const dir = command(page, 1);
    await expect(dir.getByText("1,500 rows", { exact: true })).toBeVisible();
    await expect(dir.getByText("1,000 of 1,500 rows are shown.")).toBeVisible();
    expect(await dir.locator("tbody tr").count()).toBe(1000);
    await dir.getByRole("button", { name: "Show more" }).click();
    await expect(dir.locator("tbody tr")).toHaveCount(1500);
    await expect(dir.getByRole("button", { name: /Download the result file/u })).toBeVisible();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("lines wait for what runs, can be withdrawn; Ctrl-C cancels; a reload goes on with it", async ({ signedIn: page, place }) => {
  test.setTimeout(180_000);
  await open(page, place);
  await enter(page, "run live.sh -parameters 300");
  const run = command(page, 1);
  await expect(page.getByRole("region", { name: "Command 1, standard output" })).toContainText("step 2 of 8");
  await enter(page, "dir /");
  await enter(page, "users");
  const dir = page.getByRole("region", { name: "Line: dir /" });
  const users = page.getByRole("region", { name: "Line: users" });
  await expect(dir.getByText("waits for 1", { exact: true })).toBeVisible();
  await expect(users.getByText("waits for 1 and the line before it")).toBeVisible();
  await dir.getByRole("button", { name: "Withdraw" }).click();
  await expect(dir.getByText("Withdrawn")).toBeVisible();
  await enter(page, "jobs");
  await expect(page.getByRole("region", { name: "Line: jobs" }).getByRole("row").filter({ hasText: "run live.sh" })).toContainText("running");

  await typed(page).fill("services");
  await page.reload();
  await expect(typed(page)).toHaveValue("services");
  await expect(run.getByText("Running")).toBeVisible();
  await expect(page.getByRole("region", { name: "Command 1, standard output" })).toContainText("step 2 of 8");
  await expect(users.getByText("Not sent", { exact: true })).toBeVisible();
  await users.getByRole("button", { name: "Send" }).click();
  await expect(users.getByText("waits for 1")).toBeVisible();

  await typed(page).press("Control+c");
  await expect(run.locator("header").getByText("Cancelled", { exact: true })).toBeVisible();
  await expect(command(page, 2).getByRole("cell", { name: "root", exact: true }).first()).toBeVisible();
  await expect(typed(page)).toHaveValue("services");
});

test("a line whose answer did not come before a reload runs once, and stands there once", async ({ signedIn: page, place }) => {
  await open(page, place);
  const keys: (string | undefined)[] = [];
  let here = () => {};
  const came = new Promise<void>((resolve) => (here = resolve));
  await page.route("**/api/reachback/sessions/*/commands", async (route) => {
    if (route.request().method() !== "POST") return route.continue();
    keys.push(route.request().headers()["idempotency-key"]);
    if (keys.length > 1) return route.continue();
    await route.fetch();
    here(); // and no answer
  });
  await enter(page, "users");
  await came;
  await page.reload();
  const line = page.getByRole("region", { name: "Line: users" });
  await expect(line.getByText("The page was left before an answer came.")).toBeVisible();
  await expect(command(page, 1).getByRole("cell", { name: "root", exact: true }).first()).toBeVisible();
  await line.getByRole("button", { name: "Send" }).click();
  await expect(command(page, 1)).toBeFocused();
  await expect(line).toHaveCount(0);
  expect(keys).toEqual([keys[0], keys[0]]);
  const { value } = await place.world.call("GET", "/api/reachback/sessions");
  expect(value[0].commands).toBe(1);
  await page.reload();
  await expect(command(page, 1)).toBeVisible();
  await expect(page.locator(".session-lines > li")).toHaveCount(1);
});

test("a line without an answer says so, and that it may have run when it is withdrawn", async ({ signedIn: page, place }) => {
  await open(page, place);
  await page.route("**/api/reachback/sessions/*/commands", (route) => route.abort());
  await enter(page, "users");
  const line = page.getByRole("region", { name: "Line: users" });
  await expect(line.getByText("No answer", { exact: true })).toBeVisible();
  await line.getByRole("button", { name: "Withdraw" }).click();
  await expect(line.getByText("Withdrawn; it may have run")).toBeVisible();
});

test("rows are saved whole or not at all", async ({ signedIn: page, place }) => {
  await open(page, place);
  await page.route(/\/[^?]*\?/u, async (route) => {
    if (!route.request().headers()["range"]) return route.continue();
    const body = await (await route.fetch()).text();
    await route.fulfill({ body: body.replace('"script_output":"', '"script_output":"no row\\n') });
  });
  await enter(page, "users > users.txt");
  await expect(command(page, 1).getByText("1 of its lines are no rows.")).toBeVisible();
  await expect(command(page, 1).getByText("Not all of this can be made into users.txt here.")).toBeVisible();
  await expect(command(page, 1).getByRole("button", { name: "Save users.txt" })).toHaveCount(0);
  await expect(command(page, 1).getByRole("button", { name: /Download the result file/u })).toBeVisible();
});

test("the keyboard is never held: Tab completes or goes on, Escape goes on, arrows bring lines back", async ({ signedIn: page, place }) => {
  await open(page, place);
  await typed(page).pressSequentially("findf");
  await typed(page).press("Tab");
  await expect(typed(page)).toHaveValue("findfile ");
  await expect(typed(page)).toBeFocused();
  await typed(page).press("Tab");
  await expect(typed(page)).not.toBeFocused();
  await typed(page).fill("s");
  await typed(page).press("Tab");
  await expect(page.locator(".choices")).toContainText("scheduledtasks");
  await typed(page).press("Tab");
  await expect(typed(page)).not.toBeFocused();
  await typed(page).focus();
  await typed(page).press("Escape");
  await expect(page.getByRole("button", { name: "Send", exact: true })).toBeFocused();
  await enter(page, "help cd");
  await expect(page.getByRole("region", { name: "Line: help cd" })).toBeVisible();
  await typed(page).press("ArrowUp");
  await expect(typed(page)).toHaveValue("help cd");
  await typed(page).press("ArrowDown");
  await expect(typed(page)).toHaveValue("");
});

test("a machine that somebody works on says who; that session can be ended, and the line is not lost", async ({ signedIn: page, place }) => {
  const sessions = `/api/reachback/machines/${place.made.machine}/sessions`;
  const other = await place.world.call("POST", sessions, { comment: "INC-1" });
  await page.goto(`${place.url}/console/machines/${place.made.machine}/session`);
  await expect(page.getByText(`${other.creator} has a session on this machine.`)).toBeVisible();
  await page.getByRole("button", { name: "Open a session" }).click();
  await expect(page.getByRole("alert").filter({ hasText: "The server refused this" })).toContainText(other.creator);
  await page.getByRole("button", { name: "End that session" }).click();
  await page.getByRole("button", { name: "Open a session" }).click();
  await expect(typed(page)).toBeVisible();

  const { value } = await place.world.call("GET", "/api/reachback/sessions");
  await place.world.call("POST", `/api/reachback/sessions/${value[0].id}/close`, {});
  await enter(page, "users");
  const users = page.getByRole("region", { name: "Line: users" });
  await expect(users.getByText("the session has ended")).toBeVisible();
  await expect(page.getByText(/^The session has ended: closed by /u).first()).toBeVisible();
  await page.getByRole("button", { name: "Open a new session" }).click();
  await users.getByRole("button", { name: "Send" }).click();
  await expect(command(page, 1).getByRole("cell", { name: "root", exact: true }).first()).toBeVisible();
});

test("one's own session of another program is told as such, and can be ended", async ({ signedIn: page, place }) => {
  const token = await tokenOfAnotherProgram(page, place);
  await place.world.callWith(token, "POST", `/api/reachback/machines/${place.made.machine}/sessions`, {});
  await page.goto(`${place.url}/console/machines/${place.made.machine}/session`);
  await expect(page.getByText("You have a session on this machine, opened with another program.")).toBeVisible();
  await expect(page.getByText("It takes lines from there only: end it to open one here.")).toBeVisible();
  await page.getByRole("button", { name: "End that session" }).click();
  await page.getByRole("button", { name: "Open a session" }).click();
  await expect(typed(page)).toBeVisible();
});

test("a session that ended just before another is opened is in nobody's way", async ({ signedIn: page, place }) => {
  let refused = 0;
  await page.route("**/api/reachback/machines/*/sessions", (route) => {
    if (refused > 0) return route.continue();
    refused += 1;
    return route.fulfill({ status: 409, json: { error: { code: "Conflict", message: "The machine has a session", target: "" } } });
  });
  await open(page, place);
  expect(refused).toBe(1);
});

test("who may not run anything is told so", async ({ page, place }) => {
  await signIn(page, place, place.made.viewer);
  await page.goto(`${place.url}/console/machines/${place.made.machine}`);
  await expect(page.getByRole("button", { name: "Interactive session" })).toBeDisabled();
  await page.goto(`${place.url}/console/machines/${place.made.machine}/session`);
  await expect(page.getByText("Your account may not run anything on machines")).toBeVisible();
});

test("a session is no wider than a phone", async ({ signedIn: page, place }) => {
  await page.setViewportSize({ width: 360, height: 740 });
  await open(page, place);
  await enter(page, "dir /etc/ssl");
  await expect(command(page, 1).getByRole("cell", { name: "certs", exact: true })).toBeVisible();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
  expect(await findings(page)).toEqual([]);
});
