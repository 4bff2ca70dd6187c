// Output of a machine that attacks who reads it; results that are large; another origin.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "./fixture.ts";

test("hostile output is text, and what it would hide is seen", async ({ signedIn: page, place }) => {
  const dialogs: string[] = [];
  page.on("dialog", (dialog) => {
    dialogs.push(dialog.message());
    void dialog.dismiss();
  });
  await page.goto(`${place.url}/console/actions/${place.made.actions.hostile}`);
  const output = page.getByRole("region", { name: "Command 1, standard output" });
  await expect(output).toContainText('<img src=x onerror="document.title=1">');
  await expect(output).toContainText("<script>alert(1)</script>");
  await expect(output).toContainText("␛[31mred␛[0m");
  await expect(output).toContainText("invoice⟦U+202E⟧gpj.exe");
  await expect(output).toContainText("zero⟦U+200B⟧width ⟦U+FEFF⟧bom␍over the line");
  expect(await output.locator("img, script").count()).toBe(0);
  expect(await output.locator(".mark.bidi").count()).toBe(3);
  expect((await output.textContent())?.match(/[\u0000-\u0008\u000b-\u001f\u007f\u202a-\u202e\u2066-\u2069]/u)).toBeNull();
  expect(dialogs).toEqual([]);
  await expect(page).toHaveTitle(/hostile\.sh on db-01 · Reachback/u);
  // A line of a hundred thousand characters is rows, and few of them are drawn.
  expect(await output.locator(".output-row").count()).toBeLessThan(120);
});

test("of a large result only the beginning is read, and its end on demand", async ({ signedIn: page, place }) => {
  const ranges: string[] = [];
  page.on("request", (request) => {
    const range = request.headers().range;
    if (range) ranges.push(range);
  });
  await page.goto(`${place.url}/console/actions/${place.made.actions.many}`);
  const output = page.getByRole("region", { name: "Command 2, standard output" });
  await expect(output).toContainText("line 1 of the large output");
  await expect(page.getByText("exit code 3")).toBeVisible();
  await expect(page.getByText(/The first 1\.0 MiB of .* are shown/u)).toBeVisible();
  await expect(page.getByRole("region", { name: "Command 2, standard error" })).toContainText("the end of standard error");
  expect(ranges).toContain("bytes=0-1048575");
  await page.getByRole("button", { name: "Read on" }).click();
  await expect(page.getByText("40,000 lines")).toBeVisible();
  await page.getByLabel("Find in Command 2, standard output").fill("line 39999 of");
  await page.getByLabel("Find in Command 2, standard output").press("Enter");
  await expect(output).toContainText("line 39999 of the large output");
  await expect(page.getByText("1 of 1", { exact: true })).toBeVisible();
});

test("another origin reads nothing, with the browser's help or without", async ({ signedIn: page, context, place }) => {
  void page;
  const server = createServer((_, answer) => answer.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>other</title>"));
  server.listen(0, "127.0.0.1");
  await new Promise((done) => server.once("listening", done));
  const other = await context.newPage();
  await other.goto(`http://localhost:${(server.address() as AddressInfo).port}/`);
  for (const path of ["/api/machines", "/console/config.json"]) {
    const answer = await other.evaluate(async (address) => {
      try {
        return (await fetch(address, { credentials: "include" })).status;
      } catch (error) {
        return String(error);
      }
    }, place.url + path);
    expect(answer).toContain("TypeError");
  }
  const framed = await other.evaluate(async (address) => {
    const frame = document.createElement("iframe");
    frame.src = address;
    document.body.append(frame);
    await new Promise((done) => setTimeout(done, 1500));
    return frame.contentDocument === null ? "refused" : "shown";
  }, `${place.url}/console/`);
  expect(framed).toBe("refused");
  server.close();
});
