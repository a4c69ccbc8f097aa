import { pathToFileURL } from "node:url";
import { expect, keepPicture, test } from "../harness/test.ts";
import { LoadPage, injection, longPlan, shortPlan } from "../pages/load-page.ts";

test("without JavaScript: state and numbers are shown, Start and Stop are plain forms", async ({
  page,
  freshStack: stack,
}, info) => {
  const load = new LoadPage(page);
  await page.goto(`${stack.url}/load`);
  await load.expectState("idle");

  await load.fill(longPlan);
  await load.startButton.click();
  await expect(page).toHaveURL(new RegExp(`^${stack.url}/`));
  await expect(async () => {
    await page.goto(`${stack.url}/load`);
    await expect(load.state).toHaveAttribute("data-state", "running", { timeout: 1_000 });
    expect(await load.stat("rps")).toBeGreaterThan(0);
    expect(await load.stat("vus")).toBeGreaterThan(0);
  }).toPass({ timeout: 20_000 });
  await keepPicture(page, "running-nojs-1440");

  await load.stopButton.click();
  await expect(async () => {
    await page.goto(`${stack.url}/load`);
    await expect(load.verdict).toHaveAttribute("data-verdict", "stopped", { timeout: 1_000 });
  }).toPass({ timeout: 20_000 });

  // Its own page has the charts, too.
  await page.goto(`${stack.url}/runs`);
  await page.getByTestId("run-row").getByRole("link").click();
  await expect(load.verdict).toHaveAttribute("data-verdict", "stopped");
  await expect(load.chart("latency").locator(".plot-line").first()).toBeVisible();
  await keepPicture(page, "run-nojs-1440");

  // It can be planned again as it was.
  await page.getByRole("link", { name: "Plan this test again" }).click();
  await expect(load.field("peak")).toHaveValue(String(longPlan.peak));
  await expect(load.field("duration")).toHaveValue("5 min");
  await expect(load.field("thresholds")).toHaveValue(longPlan.thresholds);
  await page.goBack();

  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download report" }).click(),
  ]);
  expect(download.suggestedFilename()).toMatch(/^load-test-.+\.html$/);
  const file = info.outputPath("report.html");
  await download.saveAs(file);
  await page.goto(pathToFileURL(file).href);
  await expect(load.verdict).toHaveAttribute("data-verdict", "stopped");
  expect(Number(await load.chart("latency").getAttribute("data-points"))).toBeGreaterThan(0);
});

test("without JavaScript: the emergency stop asks once, then ends all", async ({ page, freshStack: stack }) => {
  const load = new LoadPage(page);
  await page.goto(`${stack.url}/load`);
  await load.fill(longPlan);
  await load.startButton.click();
  await expect(page).toHaveURL(new RegExp(`^${stack.url}/`));
  await page.goto(`${stack.url}/runs`);
  await expect(page.getByRole("button", { name: "Stop everything" })).toBeHidden();
  await page.getByRole("button", { name: "Emergency stop" }).click();
  await keepPicture(page, "emergency-1440");
  await page.keyboard.press("Escape");
  await expect(page.getByRole("button", { name: "Stop everything" })).toBeHidden();
  await page.getByRole("button", { name: "Emergency stop" }).press("Enter");
  await page.getByRole("button", { name: "Stop everything" }).press("Enter");
  await expect(page).toHaveURL(`${stack.url}/runs`);
  await expect.poll(async () => (await stack.api.status()).running, { timeout: 60_000 }).toBe(false);
});

test("without JavaScript: a refused plan comes back with the reason", async ({ page, stack }) => {
  const load = new LoadPage(page);
  await page.goto(`${stack.url}/load`);
  await load.fill({ ...shortPlan });
  await load.field("peak").evaluate((input: HTMLInputElement) => input.form?.setAttribute("novalidate", ""));
  await load.set("peak", "ten");
  await load.startButton.click();
  await expect(page.getByRole("alert").filter({ hasText: "ten" })).toBeVisible();
  // Nothing forbids a combination before, so the answer says what is wrong with it.
  await load.fill({ ...shortPlan, pattern: "soak", model: "arrival-rate" });
  await load.startButton.click();
  await expect(load.error("model")).toContainText("Spike");
  expect((await stack.api.status()).running).toBe(false);
});

test("without JavaScript: a link can put no form of its own into the page", async ({ page, stack }) => {
  await page.goto(`${stack.url}/load?error=invalid&thresholds=${encodeURIComponent(injection)}`);
  await expect(new LoadPage(page).field("thresholds")).toHaveValue(injection);
  await expect(page.locator("#injected")).toHaveCount(0);
});
