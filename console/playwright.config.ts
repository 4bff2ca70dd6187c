import { defineConfig } from "@playwright/test";

// One worker: the tests share a server, its agents and this machine's few cores.
export default defineConfig({
  testDir: "tests/browser",
  outputDir: process.env.REACHBACK_TEST_OUTPUT ?? "../build/console/browser",
  workers: 1,
  fullyParallel: false,
  timeout: 150_000, // where compilers have the processors, a page alone may take 40 s to open
  // A browser on two busy cores: what fails twice has failed. docs/status.md names what was seen to need it.
  retries: 1,
  expect: { timeout: 20_000 },
  reporter: process.env.REACHBACK_JUNIT ? [["list"], ["junit", { outputFile: process.env.REACHBACK_JUNIT }]] : "list",
  use: {
    browserName: "chromium",
    // Shorter than a test may take: what waits in vain is named.
    actionTimeout: 45_000,
    navigationTimeout: 60_000,
    ignoreHTTPSErrors: true,
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
    launchOptions: {
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      args: ["--no-sandbox"],
    },
    trace: "retain-on-failure",
  },
});
