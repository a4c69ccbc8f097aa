import { readFile } from "node:fs/promises";
import { expectAccessible } from "../harness/axe.ts";
import { expect, keepPicture, test } from "../harness/test.ts";
import { LoadPage, longPlan } from "../pages/load-page.ts";

test("the page of a run is live while it runs, and its report afterwards, also when another run came", async ({
  load,
  page,
  stack,
}) => {
  test.slow();
  await load.start({ ...longPlan, target: "checkout-service" });
  await load.expectLive(5);
  const { test_id } = await stack.api.status();
  const path = `/runs/${test_id}`;
  const own = await LoadPage.open(page, stack.url, path);
  await own.expectLive(5);
  expect(await own.stat("vus")).toBeGreaterThan(0);
  await expect(own.threshold("http_req_duration:p(95)<2000")).toHaveAttribute("data-ok", "true");
  await expectAccessible(page);
  await keepPicture(page, "run-live-1440");

  // In detail, sorted by keyboard: the focus stays on the column although the table is drawn anew.
  const unfold = page.getByRole("button", { name: "Show endpoints, failures and checks" });
  const detail = page.getByTestId("detail");
  const names = () => detail.locator("[data-endpoint]").evaluateAll((rows) => rows.map((row) => row.dataset.endpoint));
  const column = detail.getByRole("columnheader", { name: "Request", exact: true });
  await unfold.focus();
  await page.keyboard.press("Enter");
  await expect.poll(async () => (await names()).length, { timeout: 15_000 }).toBeGreaterThan(0);
  await column.getByRole("button").focus();
  for (const [sorted, order] of [
    ["ascending", (names: unknown[]) => [...names].sort()],
    ["descending", (names: unknown[]) => [...names].sort().reverse()],
  ] as const) {
    await page.keyboard.press("Enter");
    await expect(column).toHaveAttribute("aria-sort", sorted);
    await expect(column.getByRole("button")).toBeFocused();
    const found = await names();
    expect(found).toEqual(order(found));
  }
  await detail.getByRole("radio", { name: "Last 5 s" }).check();
  await expect(detail.getByRole("row", { name: /GET.*200/ }).first()).toContainText(" ms");
  await detail.getByText("Columns").click();
  await detail.getByLabel("p99").uncheck();
  await expect(detail.getByRole("columnheader", { name: "p99" })).toBeHidden();
  await expect(detail.getByRole("row", { name: /status is 200/ })).toContainText(/\d%/);
  await expectAccessible(page);
  await keepPicture(page, "run-detail-1440");

  // Stopped by keyboard: the focus stays with the run when its page turns into the report.
  await own.stopButton.focus();
  await page.keyboard.press("Enter");
  await expect(page.locator(".report")).toBeVisible({ timeout: 15_000 });
  await own.expectVerdict("stopped");
  await expect(page.locator("#run-title")).toBeFocused();
  const lines = own.chart("latency").locator(".plot-line");
  await expect(lines.first()).toBeVisible();
  const points = await own.points("latency");
  expect(points).toBeGreaterThan(4);
  await expectAccessible(page);
  await keepPicture(page, "run-report-1440");

  // A part of the time axis, which a wrong time does not lose.
  const zoom = page.getByTestId("zoom");
  await zoom.getByLabel("From").fill("later");
  await zoom.getByRole("button", { name: "Zoom" }).click();
  await expect(zoom.getByRole("alert")).toContainText("“later” is no time");
  await zoom.getByLabel("From").fill("0:01");
  await zoom.getByLabel("To").fill("4 s");
  await zoom.getByRole("button", { name: "Zoom" }).click();
  await expect(zoom.getByLabel("To")).toHaveValue("00:04");
  await expect(own.chart("latency").locator(".plot-label", { hasText: "00:04" })).toBeVisible();
  expect(await own.points("latency")).toBeLessThan(points);
  await load.hydrated();
  await expectAccessible(page);
  await keepPicture(page, "run-zoomed-1440");
  await zoom.getByRole("link", { name: "Whole test" }).click();
  await expect.poll(() => own.points("latency")).toBeGreaterThanOrEqual(points);

  // In detail, too: what k6 counts, and no more of the last seconds.
  await expect(detail.getByText("Last 5 s")).toBeHidden();
  // What was hidden while it ran stays hidden.
  await expect(detail.getByRole("columnheader", { name: "p95" })).toBeVisible();
  await expect(detail.getByRole("columnheader", { name: "p99" })).toBeHidden();
  await detail.getByText("Columns").click();
  await expect(detail.getByLabel("p99")).not.toBeChecked();
  const told = await (await fetch(`${stack.url}/api/v1${path}`)).json();
  await expect
    .poll(async () => {
      const { detail } = await (await fetch(`${stack.url}/api/v1${path}/detail`)).json();
      return detail.endpoints.reduce(
        (sum: number, { whole }: { whole: { requests: number } }) => sum + whole.requests,
        0,
      );
    })
    .toBe(told.run.totals.requests);

  // Of an earlier run the metrics store knows the same.
  await stack.api.start({ duration: 30, target_vus: 2, target: "user-service", test_type: "smoke" });
  await page.reload();
  await own.hydrated();
  await expect(lines.first()).toBeVisible({ timeout: 15_000 });
  expect(await own.points("latency")).toBeGreaterThan(points / 2);
  await expect(page.getByTestId("report-service").filter({ hasText: "checkout-service" })).toContainText(" ms");
  await stack.api.idle();

  // It is all in the first HTML, and in the file.
  const html = await (await fetch(stack.url + path)).text();
  expect(html).toContain("plot-line");
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Download report" }).click(),
  ]);
  expect(await readFile(await download.path(), "utf8")).toContain("plot-line");
  expect((await fetch(`${stack.url}/runs/no-such-run`)).status).toBe(404);
  expect((await fetch(`${stack.url}/runs/no-such-run/report.html`)).status).toBe(404);
});

test.describe("a dark theme", () => {
  test.use({ colorScheme: "dark" });

  test("paper is light, without anything to press, and charts are as wide as it", async ({ load, page, stack }) => {
    // A theme that was chosen, too.
    await page.getByRole("button", { name: "Light theme" }).click();
    await page.getByRole("button", { name: "Dark theme" }).click();
    await load.start({ ...longPlan, target: "user-service" });
    await load.expectLive(5);
    /** How many dots a chart is wide. */
    const canvas = () =>
      load
        .chart("latency")
        .locator("canvas")
        .first()
        .evaluate((canvas: HTMLCanvasElement) => canvas.width);
    const before = await canvas();
    await page.evaluate(() => window.dispatchEvent(new Event("beforeprint")));
    // Everything is drawn by the time the event has been handled.
    expect(await canvas()).toBeGreaterThan(1_800);
    await page.emulateMedia({ media: "print" });
    await expect(page.getByRole("navigation")).toBeHidden();
    await expect(load.stopButton).toBeHidden();
    await keepPicture(page, "print-1440");
    const light = () =>
      page.evaluate(() => getComputedStyle(document.documentElement).getPropertyValue("--surface").trim());
    expect(await light()).toMatch(/^#fff/);
    await page.emulateMedia({ media: "screen" });
    await page.evaluate(() => window.dispatchEvent(new Event("afterprint")));
    expect(await light()).not.toMatch(/^#fff/);
    expect(await canvas()).toBe(before);
    await stack.api.idle();
    await load.expectVerdict("stopped");
  });
});
