// Pictures of every page for whoever works on the design; `LOOK=folder npx playwright test look`.
import { test } from "./fixture.ts";

const folder = process.env.LOOK;
const only = process.env.LOOK_ONLY;
test.skip(!folder, "set LOOK to a folder");

for (const scheme of ["light", "dark"] as const) {
  for (const width of [1280, 360]) {
    test(`${scheme} ${width}`, async ({ signedIn: page, place }) => {
      test.setTimeout(120_000);
      await page.emulateMedia({ colorScheme: scheme });
      await page.setViewportSize({ width, height: width === 360 ? 740 : 860 });
      const pages: Record<string, string> = {
        machines: "machines", machine: `machines/${place.made.machine}`, action: `actions/${place.made.actions.done}`,
        hostile: `actions/${place.made.actions.hostile}`, many: `actions/${place.made.actions.many}`, actions: "actions",
        library: "library", activity: "activity", enrolment: "settings/enrolment", users: "settings/users",
        groups: "settings/groups", applications: "settings/applications", you: "settings/you",
      };
      for (const [name, path] of Object.entries(pages)) {
        if (only && !only.split(",").includes(name)) continue;
        await page.goto(`${place.url}/console/${path}`);
        await page.waitForLoadState("networkidle");
        await page.waitForTimeout(300);
        await page.screenshot({ path: `${folder}/${name}-${scheme}-${width}.png`, fullPage: name !== "many" });
      }
    });
  }
}
