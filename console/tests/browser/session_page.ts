// The page of an interactive session, as a responder uses it.
import type { Locator, Page } from "@playwright/test";
import { expect, type Place } from "./fixture.ts";

export const typed = (page: Page): Locator => page.getByLabel("Command line on");
export const command = (page: Page, number: number): Locator => page.getByRole("region", { name: new RegExp(`^Command ${number}: `, "u") });

export async function enter(page: Page, line: string): Promise<void> {
  await typed(page).fill(line);
  await typed(page).press("Enter");
}

export async function open(page: Page, place: Place, machine = place.made.machine): Promise<void> {
  await page.goto(`${place.url}/console/machines/${machine}`);
  await page.getByRole("link", { name: "Interactive session" }).click();
  await expect(page.getByRole("heading", { name: /^Session on /u })).toBeVisible();
  await page.getByLabel("Comment").fill("INC-4711");
  await page.getByRole("button", { name: "Open a session" }).click();
  await expect(typed(page)).toBeFocused();
}

// However a test ends, the machines are free for the next.
export async function freeMachines({ world, made }: Place): Promise<void> {
  const { value } = await world.call("GET", "/api/reachback/sessions");
  for (const session of value) await world.call("POST", `/api/reachback/sessions/${session.id}/close`, {});
  for (const machine of [made.machine, made.database]) {
    const { value: actions } = await world.call("GET", `/api/machines/${machine}/machineActions?$top=5`);
    for (const action of actions) {
      if (!["Pending", "InProgress"].includes(action.status)) continue;
      await world.call("POST", `/api/machineactions/${action.id}/cancel`, { Comment: "the test is over" }).catch(() => undefined);
      await world.call("GET", `/api/machineactions/${action.id}?waitFor=final&timeout=30s`);
    }
  }
}
