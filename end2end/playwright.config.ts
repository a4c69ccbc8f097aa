import { existsSync } from "node:fs";
import { defineConfig, devices, type PlaywrightTestConfig } from "@playwright/test";
import { inContainers } from "./harness/compose.ts";

const chromium = process.env.E2E_CHROMIUM ?? "/usr/bin/chromium";
if (!existsSync(chromium)) {
  throw new Error(`no Chromium at ${chromium}: run \`make setup\`, or name one in E2E_CHROMIUM`);
}

/** What tests and benchmarks share. */
export const base: PlaywrightTestConfig = {
  outputDir: "test-results",
  // Each worker runs a whole dashboard with Prometheus and k6; two would fight over two cores and spoil timings.
  workers: 1,
  timeout: 90_000,
  expect: { timeout: 10_000 },
  use: {
    ...devices["Desktop Chrome"],
    locale: "en-GB",
    viewport: { width: 1440, height: 900 },
    trace: "retain-on-failure",
    launchOptions: {
      executablePath: chromium,
      args: [
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
      ],
    },
  },
};

const noJs = /\.nojs\.spec\.ts$/;
const mobile = /\.mobile\.spec\.ts$/;
const compose = /\.compose\.spec\.ts$/;

export default defineConfig({
  ...base,
  testDir: "tests",
  forbidOnly: Boolean(process.env.CI),
  reporter: [["list"], ["./harness/summary.ts"]],
  projects: [
    { name: "desktop", testIgnore: [noJs, mobile, ...(inContainers ? [] : [compose])] },
    { name: "no-js", testMatch: noJs, use: { javaScriptEnabled: false } },
    {
      name: "mobile",
      testMatch: mobile,
      use: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
    },
  ],
});
