// Who may do what: users, device groups and applications as an administrator sets them, and what they
// can do then.
import { oneTimeCode } from "../harness/one_time_code.ts";
import type { Page } from "@playwright/test";
import { expect, signIn, test, type Place } from "./fixture.ts";

const dialog = (page: Page) => page.getByRole("dialog");
const row = (page: Page, name: string) => page.getByRole("row").filter({ hasText: name });
const secret = (page: Page, name: string) => page.locator(".copy-box", { has: page.locator(`xpath=preceding-sibling::h3[.="${name}"]`) }).locator("pre");

const settings = (page: Page, place: Place, part: string) => page.goto(`${place.url}/console/settings/${part}`);

test("a user of one device group signs in with a one-time code, sees its machines, and is shut out", async ({ signedIn: page, place, browser }) => {
  await settings(page, place, "groups");
  await page.getByRole("button", { name: "Add a group" }).click();
  await dialog(page).getByLabel("Name").fill("web");
  await dialog(page).getByRole("button", { name: "Add the group" }).click();
  await expect(dialog(page).getByText("Type the tag whose machines belong to it.")).toBeVisible();
  await dialog(page).getByLabel("Tag").fill("tier:web");
  await dialog(page).getByRole("button", { name: "Add the group" }).click();
  await expect(row(page, "tier:web")).toBeVisible();

  await settings(page, place, "users");
  await page.getByRole("button", { name: "Add a user" }).click();
  await dialog(page).getByLabel("Name").fill(place.made.viewer.name);
  await dialog(page).getByRole("button", { name: "Add the user" }).click();
  await expect(dialog(page).locator(".field .error")).toHaveText(`A user named '${place.made.viewer.name}' already exists.`);
  await dialog(page).getByLabel("Name").fill("bob@corp.example");
  await dialog(page).getByRole("button", { name: "web", exact: true }).click();
  await dialog(page).getByRole("button", { name: "Add the user" }).click();
  await expect(page.getByText("bob@corp.example may sign in now.")).toBeVisible();
  const bob = { name: "bob@corp.example", password: await secret(page, "Password").innerText(), codes: await secret(page, "Key for an authenticator app").innerText() };
  await expect(row(page, bob.name)).toContainText("viewer");
  await expect(row(page, bob.name)).toContainText("web");

  const context = await browser.newContext();
  const his = await context.newPage();
  await signIn(his, place, bob);
  await expect(his.getByRole("link", { name: "web-01" })).toBeVisible();
  await expect(his.getByRole("link", { name: "db-01" })).toHaveCount(0);
  await settings(his, place, "users");
  await expect(his.getByText("For administrators")).toBeVisible();
  await his.goto(`${place.url}/console/activity`);
  await expect(his.getByText("Your account may not read the audit")).toBeVisible();
  await settings(his, place, "you");
  await expect(his.getByRole("definition").filter({ hasText: /^web$/u })).toBeVisible();

  await settings(page, place, "groups");
  await page.getByRole("button", { name: "Delete web" }).click();
  await dialog(page).getByRole("button", { name: "Delete the group" }).click();
  await expect(dialog(page).getByRole("alert")).toContainText("bob@corp.example");
  await dialog(page).getByRole("button", { name: "Keep it as it is" }).click();

  await settings(page, place, "users");
  await page.getByRole("button", { name: `Change ${bob.name}` }).click();
  await dialog(page).getByText("Disabled: may not sign in").click();
  await dialog(page).getByRole("button", { name: "Save" }).click();
  await expect(row(page, bob.name)).toContainText("Disabled");
  await his.reload();
  await expect(his.getByText("Your session has ended.").or(his.getByRole("button", { name: "Sign in" })).first()).toBeVisible();
  await context.close();

  await page.getByRole("button", { name: `Delete ${bob.name}` }).click();
  await dialog(page).getByRole("button", { name: "Delete the user" }).click();
  await expect(row(page, bob.name)).toHaveCount(0);
  await settings(page, place, "groups");
  await page.getByRole("button", { name: "Delete web" }).click();
  await dialog(page).getByRole("button", { name: "Delete the group" }).click();
  await expect(page.getByText("No device group: every user sees every machine")).toBeVisible();
});

test("a new password and a new key count, the old ones do not", async ({ signedIn: page, place, browser }) => {
  const { name, password } = await place.world.user("ann@corp.example", "viewer");
  await settings(page, place, "users");
  const act = async (what: string) => {
    await page.getByRole("button", { name: `Change ${name}` }).click();
    await dialog(page).getByRole("button", { name: what }).click();
    await expect(page.getByText(`New for ${name}.`)).toBeVisible();
  };
  await act("New password");
  const fresh = await secret(page, "Password").innerText();
  expect(fresh).not.toBe(password);
  await act("New key for codes");
  const codes = await secret(page, "Key for an authenticator app").innerText();
  await expect(row(page, name)).not.toContainText("password only");
  const context = await browser.newContext();
  const hers = await context.newPage();
  await hers.goto(`${place.url}/console/`);
  await hers.getByRole("button", { name: "Sign in" }).click();
  const attempt = async (word: string, code: string) => {
    await hers.getByLabel("User name").fill(name);
    await hers.getByLabel("Password").fill(word);
    await hers.getByLabel("One-time code").fill(code);
    await hers.getByRole("button", { name: "Sign in and allow" }).click();
  };
  await attempt(password, oneTimeCode(codes, new Date()));
  await expect(hers.getByRole("alert")).toBeVisible();
  await attempt(fresh, oneTimeCode(codes, new Date()));
  await expect(hers.getByRole("link", { name: "web-01" })).toBeVisible();
  await context.close();
});

test("an administrator does not take the own administration away", async ({ signedIn: page, place }) => {
  const me = place.made.admin.name;
  await settings(page, place, "users");
  await page.getByRole("button", { name: `Delete ${me}` }).click();
  await dialog(page).getByRole("button", { name: "Delete the user" }).click();
  await expect(dialog(page).getByRole("alert")).toContainText("The server refused this");
  await dialog(page).getByRole("button", { name: "Keep it as it is" }).click();
  await expect(row(page, me)).toBeVisible();
});

test("an application is made, calls, gets a new secret, and is deleted", async ({ signedIn: page, place }) => {
  const { world } = place;
  await settings(page, place, "applications");
  await page.getByRole("button", { name: "Add an application" }).click();
  await dialog(page).getByLabel("Name").fill("soar-playbooks");
  await dialog(page).getByRole("button", { name: "Add the application" }).click();
  await expect(dialog(page).getByText("Choose what it may do.")).toBeVisible();
  await dialog(page).getByRole("button", { name: "Machine.Read.All" }).click();
  await dialog(page).getByRole("button", { name: "Add the application" }).click();
  await expect(page.getByText("soar-playbooks has a secret.")).toBeVisible();
  const id = await secret(page, "Client id").innerText();
  const old = await secret(page, "Client secret").innerText();
  const token = await world.token(id, old);
  expect((await world.callWith(token, "GET", "/api/machines")).value.length).toBeGreaterThan(1);
  await expect(world.callWith(token, "GET", "/api/libraryfiles")).rejects.toThrow("403");

  await page.getByRole("button", { name: "New secret for soar-playbooks" }).click();
  await dialog(page).getByRole("button", { name: "Make a new secret" }).click();
  await expect(secret(page, "Client secret")).not.toHaveText(old);
  const fresh = await secret(page, "Client secret").innerText();
  await expect(world.token(id, old)).rejects.toThrow("401");
  await world.token(id, fresh);

  await page.getByRole("button", { name: "Delete soar-playbooks" }).click();
  await dialog(page).getByRole("button", { name: "Delete the application" }).click();
  await expect(row(page, "soar-playbooks")).toHaveCount(0);
  await expect(world.token(id, fresh)).rejects.toThrow("401");
});

test("a redirect address that cannot be taken is told beside its field", async ({ signedIn: page, place }) => {
  await settings(page, place, "applications");
  await page.getByRole("button", { name: "Add an application" }).click();
  await dialog(page).getByLabel("Name").fill("dashboard");
  await dialog(page).getByText("Users sign in through it").click();
  await dialog(page).getByRole("button", { name: "Machine.Read", exact: true }).click();
  const field = dialog(page).getByLabel("Redirect addresses");
  await field.fill("http://elsewhere.example/");
  await dialog(page).getByRole("button", { name: "Add the application" }).click();
  await expect(field).toHaveAttribute("aria-invalid", "true");
  await field.fill("http://localhost/back");
  await dialog(page).getByRole("button", { name: "Add the application" }).click();
  await expect(row(page, "dashboard")).toContainText("public client");
  await page.getByRole("button", { name: "Delete dashboard" }).click();
  await dialog(page).getByRole("button", { name: "Delete the application" }).click();
  await expect(row(page, "dashboard")).toHaveCount(0);
});
