import { defineConfig } from "@playwright/test";
import { base } from "../playwright.config.ts";

export default defineConfig({
  ...base,
  testDir: ".",
  outputDir: "../test-results",
  timeout: 300_000,
  reporter: [["line"]],
  use: { ...base.use, trace: "off" },
});
