import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { defineConfig, devices, type PlaywrightTestConfig } from "@playwright/test";
import { inContainers } from "./harness/compose.ts";

const chromium = process.env.E2E_CHROMIUM ?? "/usr/bin/chromium";
if (!existsSync(chromium)) {
  throw new Error(`no Chromium at ${chromium}: run \`make setup\`, or name one in E2E_CHROMIUM`);
}

/** What tests and benchmarks share. */
export const base: PlaywrightTestConfig = {
  outputDir: "test-results",
  // What measures times has the machine for itself.
  workers: 1,
  // The longest take 85 s on two cores; a limit is there for those that hang.
  timeout: 240_000,
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
  // Both suites may run at the same time.
  outputDir: inContainers ? "test-results/containers" : "test-results/processes",
  forbidOnly: Boolean(process.env.CI),
  // By hand nothing is tried again.
  retries: Number(process.env.TEST_RETRIES ?? 0),
  // Each worker has a whole system of its own, and most of a test is waiting for k6. Of the stack in containers there is one.
  workers: inContainers ? 1 : Number(process.env.E2E_WORKERS ?? Math.min(4, Math.max(2, availableParallelism()))),
  fullyParallel: true,
  reporter: [["list"], ["./harness/summary.ts"]],
  projects: inContainers
    ? [
        { name: "containers", testMatch: compose },
        // Of the others those that go through what differs: how k6 is started, fed, watched, stopped and found again, and
        // how services are reached. Pages, languages, checks of input and the REST API are the same program over either.
        { name: "desktop", testIgnore: [noJs, mobile, compose], grep: /@containers/ },
      ]
    : [
        { name: "desktop", testIgnore: [noJs, mobile, compose] },
        { name: "no-js", testMatch: noJs, use: { javaScriptEnabled: false } },
        {
          name: "mobile",
          testMatch: mobile,
          use: { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 },
        },
      ],
});
