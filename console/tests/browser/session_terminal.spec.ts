// `terminal` and `collect` in an interactive session, on a real machine.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Locator, Page } from "@playwright/test";
import { findings } from "./axe.ts";
import { expect, test, type Place } from "./fixture.ts";
import { command, enter, freeMachines, open, typed } from "./session_page.ts";

const screen = (page: Page): Locator => page.locator(".xterm-rows");
const row = (page: Page, number: number): Locator => screen(page).locator("> div").nth(number - 1);

// A terminal that waits for what is typed.
async function openTerminal(page: Page, place: Place): Promise<void> {
  await open(page, place);
  await enter(page, "terminal");
  await expect(page.getByLabel("Terminal of command 1", { exact: true })).toBeFocused();
  await expect(screen(page)).toContainText(/[#$]/u);
}
async function newest(place: Place, machine = place.made.machine): Promise<any> {
  return (await place.world.call("GET", `/api/machines/${machine}/machineActions?$top=1`)).value[0];
}

test.afterEach(({ place }) => freeMachines(place));

test("a terminal is typed into, draws, and leaves a recording", async ({ signedIn: page, place }) => {
  await openTerminal(page, place);
  await page.keyboard.type("echo $((6*7))e\n");
  await expect(screen(page)).toContainText("42e");

  await page.keyboard.type("clear; printf '\\033[7;12Hseventh\\033[3;5H\\033[48;2;1;2;3mthird\\033[m\\033[9;1H'\n");
  await expect(row(page, 7)).toHaveText(/^ {11}seventh\s*$/u);
  await expect(row(page, 3)).toHaveText(/^ {4}third\s*$/u);
  await expect(row(page, 3).locator("span", { hasText: "third" })).toHaveCSS("background-color", "rgb(1, 2, 3)");

  await page.keyboard.type("clear; stty size\n");
  const columns = async () => Number(/\d+ (\d+)/u.exec(await screen(page).innerText())?.[1] ?? 0);
  const rows = await screen(page).locator("> div").count();
  await expect(screen(page)).toContainText(new RegExp(`\\b${rows} \\d+`, "u"));
  const wide = await columns();
  await page.setViewportSize({ width: 800, height: 800 });
  await expect(async () => {
    await page.keyboard.type("clear; stty size\n");
    await expect(screen(page)).toContainText(/\d+ \d+/u, { timeout: 2000 });
    expect(await columns()).toBeLessThan(wide);
  }).toPass();

  await page.keyboard.type("clear; sleep 600\n");
  await page.keyboard.press("Control+c"); // the machine's
  await expect(screen(page)).toContainText("^C");
  await page.keyboard.type("exit 3\n");
  const one = command(page, 1);
  await expect(one.getByText("exit code 3")).toBeVisible();
  await expect(typed(page)).toBeFocused();
  await expect(one.getByRole("heading", { name: "Timing" })).toBeVisible();
  await expect(page.getByRole("region", { name: "Command 1, what was shown" })).toContainText("42e");

  const action = await newest(place);
  await page.goto(`${place.url}/console/actions/${action.id}`);
  await expect(page).toHaveTitle(/: terminal on web-01 · Reachback$/u);
  await expect(page.getByRole("region", { name: "Command 1, what was shown" })).toContainText("␛[7;12Hseventh");
  await expect(page.getByRole("button", { name: "Copy link" })).toBeVisible();
  await expect(page.getByRole("button", { name: "Run again" })).toHaveCount(0);
});

test("what a hostile machine shows stays on the screen", async ({ signedIn: page, place, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: place.url });
  const dialogs: string[] = [];
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message());
    void dialog.accept();
  });
  await openTerminal(page, place);
  await page.evaluate(() => navigator.clipboard.writeText("mine"));
  const title = await page.title();
  await page.keyboard.type("clear; printf '\\033]52;c;ZXZpbA==\\007\\033]0;evil\\007\\033]8;;https://evil.example/\\033\\\\link\\033]8;;\\033\\\\ https://evil.example/ \\033(\\033]2;evil\\007'\n");
  await expect(row(page, 1)).toContainText("link");
  await row(page, 1).click({ position: { x: 10, y: 8 }, force: true });
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("mine");
  expect(await page.title()).toBe(title);
  expect(await page.locator(".xterm-underline-5, .xterm-cursor-pointer, .xterm a").count()).toBe(0);
  expect(context.pages()).toHaveLength(1);
  expect(dialogs).toEqual([]);
});

test("a machine that asks a terminal something gets no answer", async ({ signedIn: page, place }) => {
  await openTerminal(page, place);
  await page.keyboard.type("clear; printf '\\033[6n\\033[c\\033[>c\\033[5n\\033[18t\\033P$qm\\033\\\\\\033[?1004h\\005'; IFS= read -rst 2 -n 1 got; echo \"got[$got]\"\n");
  await expect(screen(page)).toContainText("got[]");
});

test("the keyboard leads out of a terminal, and axe finds nothing serious in it", async ({ signedIn: page, place }) => {
  await openTerminal(page, place);
  await page.keyboard.type("ls -la --color=always /etc/ssl /; printf '\\033[2mdim\\033[m \\033[34mblue\\033[m\\n'\n");
  await expect(screen(page)).toContainText("dim blue");
  for (const scheme of ["light", "dark"] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    expect(await findings(page), scheme).toEqual([]);
  }
  const input = page.getByLabel("Terminal of command 1", { exact: true });
  await expect(input).toHaveAccessibleDescription(/Ctrl\+Shift\+Enter leads out of here/u);
  await page.keyboard.press("Tab"); // completes, on the machine
  await expect(input).toBeFocused();
  await page.keyboard.press("Control+Shift+Enter");
  await expect(page.getByRole("group", { name: "About Terminal of command 1" })).toBeFocused();
  await page.keyboard.press("Tab");
  await expect(page.getByRole("button", { name: "End terminal" })).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(command(page, 1).locator("header")).toContainText("Cancelled");
  // The last screen stays, and holds no key: not even who clicked into it.
  await screen(page).click({ force: true });
  await page.keyboard.press("Tab");
  await expect(input).not.toBeFocused();
  await command(page, 1).getByRole("button", { name: "Hide what command 1 left" }).click();
  await expect(screen(page)).toBeHidden();
  await command(page, 1).getByRole("button", { name: "Show what command 1 left" }).click();
  await expect(screen(page)).toContainText("dim blue");
  expect(await findings(page), "ended").toEqual([]);
});

test("a connection that breaks loses no key, and types none twice", async ({ signedIn: page, place }) => {
  await openTerminal(page, place);
  await page.keyboard.type("echo begin\n");
  await expect(screen(page)).toContainText("begin");
  place.wire.cut();
  await page.keyboard.type("echo o''ne; ");
  place.wire.cut();
  await page.keyboard.type("echo tw''o\n");
  await expect(screen(page)).toContainText("two");
  await page.keyboard.type("exit\n");
  await expect(command(page, 1).getByText("Completed")).toBeVisible();
  const shown = await page.getByRole("region", { name: "Command 1, what was shown" }).innerText();
  expect(shown.match(/^.*\bone\b.*$/gmu)).toHaveLength(1);
  expect(shown).toContain("echo o''ne; echo tw''o");
});

test("what is not taken for the terminal's key is told, and nothing more is typed", async ({ signedIn: page, place }) => {
  await openTerminal(page, place);
  let calls = 0;
  await page.route("**/api/reachback/terminals/*/input", (route) => {
    calls += 1;
    const body = { ...route.request().postDataJSON(), signature: Buffer.alloc(64).toString("base64") };
    return route.continue({ postData: JSON.stringify(body) });
  });
  await page.keyboard.type("e");
  await expect(command(page, 1).getByRole("alert")).toContainText("What you type is not sent any more. The signature is not by the key");
  await page.keyboard.type("cho");
  expect(calls).toBe(1);
});

test("a page that comes back shows it as text, says that nobody types, and can end it", async ({ signedIn: page, place }) => {
  await openTerminal(page, place);
  await page.keyboard.type("echo $((6*7))e\n");
  await expect(screen(page)).toContainText("42e");
  const asked: string[] = [];
  page.on("dialog", (dialog) => {
    asked.push(dialog.type());
    void dialog.accept();
  });
  await page.reload();
  const one = command(page, 1);
  await expect(one.getByText("Only the page that opened this terminal types into it.")).toBeVisible();
  await expect(page.getByRole("region", { name: "Command 1, what was shown" })).toContainText("42e");
  expect(asked).toEqual(["beforeunload"]);
  await expect(one).not.toContainText("-key");
  await expect(page.locator(".xterm")).toHaveCount(0);
  await one.getByRole("button", { name: "Cancel command 1" }).click();
  await expect(one.locator("header")).toContainText("Cancelled");
  await enter(page, "terminal"); // another
  await expect(page.getByLabel("Terminal of command 2", { exact: true })).toBeFocused();
});

test("where the owner of a machine has not allowed it, that is told", async ({ signedIn: page, place }) => {
  await open(page, place, place.made.database);
  await enter(page, "terminal");
  await expect(command(page, 1).getByRole("alert").first()).toContainText("Terminal is not allowed on this machine");
  await expect(command(page, 1).locator("header")).toContainText("Failed");
  await expect(page.locator(".xterm")).toHaveCount(0);
});

test("the forensic package is there to download", async ({ signedIn: page, place }) => {
  test.setTimeout(240_000);
  await open(page, place);
  await enter(page, "collect");
  const one = command(page, 1);
  const button = one.getByRole("button", { name: /^Download the forensic package/u });
  await expect(button).toBeVisible({ timeout: 120_000 });
  await expect(one.getByText(/^collect-.*\.zip$/u)).toBeVisible();
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  expect(download.suggestedFilename()).toMatch(/^collect.*\.zip$/u);
  const file = readFileSync(await download.path());
  expect(file.subarray(0, 2).toString()).toBe("PK");
  await expect(one.locator("dd code")).toHaveText(createHash("sha256").update(file).digest("hex"));

  await page.goto(`${place.url}/console/actions/${(await newest(place)).id}`);
  await expect(page.getByRole("region", { name: "Command 1", exact: true })).toContainText("Forensic package");
  await expect(page.getByRole("button", { name: /^Download the forensic package/u })).toBeVisible();
  await expect(page.getByRole("button", { name: "Run again" })).toHaveCount(0);
});
