import { expect, keepPicture, test } from "../harness/test.ts";
import { LoadPage, longPlan, shortPlan } from "../pages/load-page.ts";

test("start: the numbers grow to the plan, and the run ends by itself, on time and passed @containers", async ({
  load,
  page,
  stack,
}) => {
  // Long enough that a busy machine has looked at all of it before it ends.
  await load.start({ ...shortPlan, duration: "20s" });
  await load.expectState("starting", "running");
  // Start is at the end of a long form, the numbers are at the top.
  await expect(page.getByTestId("stat-vus")).toBeInViewport();
  await load.expectLive();

  const progress = page.getByRole("progressbar", { name: /test progress/i });
  const before = Number(await progress.getAttribute("aria-valuenow"));
  await expect.poll(async () => Number(await progress.getAttribute("aria-valuenow"))).toBeGreaterThan(before);
  await expect(page.getByTestId("phase")).not.toBeEmpty();
  await expect(page.getByTestId("time-left")).toHaveText(/\d/);

  await expect.poll(() => load.stat("vus"), { timeout: 15_000 }).toBe(shortPlan.peak);
  expect(await load.stat("rps")).toBeGreaterThan(0);
  await expect(page).toHaveTitle(/^▶ \d\d:\d\d · [\d.]+ req\/s – Load test · /);
  await expect(page.locator("link[rel=icon]")).toHaveAttribute("href", "/favicon-running.svg");
  const p50 = await load.stat("p50");
  const p95 = await load.stat("p95");
  const p99 = await load.stat("p99");
  expect(p50).toBeGreaterThan(0);
  expect(p95).toBeGreaterThanOrEqual(p50 ?? 0);
  expect(p99).toBeGreaterThanOrEqual(p95 ?? 0);
  expect(p99).toBeLessThan(5);
  expect(await load.stat("failed")).toBeLessThan(0.05);
  await expect(page.getByTestId("stat-p95")).toContainText(/last \d s.*limit < 2/);
  await expect(page.getByTestId("stat-vus")).toContainText(/now.*4 asked for/);
  for (const rule of shortPlan.thresholds.split("\n")) {
    await expect(load.threshold(rule)).toHaveAttribute("data-ok", "true");
  }
  for (const chart of ["load", "throughput", "latency", "errors", "cpu", "memory"] as const) {
    await expect.poll(() => load.points(chart), { message: `chart ${chart} has rows` }).toBeGreaterThan(0);
  }
  await keepPicture(page, "running-light-1440");

  await load.expectVerdict("passed");
  await expect(page).toHaveTitle(/^✓ Passed – Load test · /);
  const icon = await page.locator("link[rel=icon]").getAttribute("href");
  expect(icon).toBe("/favicon-passed.svg");
  expect((await page.request.get(`${stack.url}${icon}`)).headers()["content-type"]).toBe("image/svg+xml");
  // By the run's own times: a busy machine is slow to show what it does on time.
  const { run } = (await stack.api.snapshot()).status;
  const seconds = ((run?.ended_ms ?? 0) - (run?.started_ms ?? 0)) / 1000;
  expect(seconds).toBeGreaterThanOrEqual(19);
  expect(seconds).toBeLessThan(20 + 3 /* grace for iterations */ + 5 /* k6's own end */);
  await load.expectState("finished");
  await expect(load.startButton).toBeEnabled();
  // What stands at the end is of the whole test, and says so.
  const { totals } = (await stack.api.snapshot()).status.run ?? {};
  expect(await load.stat("rps")).toBeCloseTo(totals?.request_rate ?? Number.NaN, 3);
  expect(await load.stat("p95")).toBeCloseTo(totals?.p95_s ?? Number.NaN, 6);
  expect(await load.stat("vus")).toBe(shortPlan.peak);
  await expect(page.getByTestId("stat-p95")).toContainText("whole test");
  await expect(page.getByTestId("stat-p95")).toContainText("limit < 2");
  await expect(page.getByTestId("stat-p95")).not.toHaveAttribute("data-tone");
  await expect(page.getByTestId("chart-load").locator(".chart-legend")).toContainText(/VUs\s+max\s+4/);
  await expect(page.getByTestId("service-user-service").getByRole("cell").nth(1)).toHaveText(/^\d/);
  await expect(page.getByRole("row", { name: /^200 / })).toContainText(/\d.*%/);
  await keepPicture(page, "finished-light-1440");
});

test("an arrival rate is kept", async ({ load, page }) => {
  await load.start({
    ...shortPlan,
    model: "arrival-rate",
    peak: 20,
    pre_allocated_vus: 10,
    max_vus: 20,
    target: "user-service",
  });
  await load.expectLive();
  // In an open model the rate comes first, beside the one that is asked for.
  await expect(page.locator(".tiles.big .tile").first()).toHaveAttribute("data-testid", "stat-iterations");
  await expect(page.getByTestId("stat-iterations")).toContainText(/20(\.0)?\/s asked for/);
  await expect.poll(() => load.stat("iterations"), { timeout: 15_000 }).toBeGreaterThan(17);
  expect(await load.stat("iterations")).toBeLessThan(23);
  await load.expectVerdict("passed");
});

test("load is added in mid-run and taken away: the sum is shown, each change is told, and Stop ends all of it @containers", async ({
  load,
  page,
  stack,
}) => {
  test.slow();
  await load.start(longPlan);
  await load.expectLive();
  const { peak } = longPlan;
  await expect.poll(() => load.stat("vus"), { timeout: 20_000 }).toBe(peak);
  const { test_id } = await stack.api.status();

  await page.getByText("Add load", { exact: true }).first().click();
  const form = page.getByRole("form", { name: "Add load" });
  await form.getByLabel("More load").fill("5");
  await form.getByLabel("Duration").fill("");
  await form.getByLabel("Target").selectOption("user-service");
  await form.getByRole("button", { name: "Add load" }).click();
  const added = page.getByTestId("bursts").getByRole("listitem");
  await expect(added).toHaveText(/\+ 5 VUs.*user-service.*\d\d:\d\d/, { timeout: 20_000 });
  await expect.poll(() => load.stat("vus"), { timeout: 20_000 }).toBe(peak + 5);
  await expect(page.getByTestId("stat-vus")).toContainText("9 asked for");
  await keepPicture(page, "load-added-light-1440");

  // The limit is that of the sum.
  await form.getByLabel("More load").fill("100000");
  await form.getByRole("button", { name: "Add load" }).click();
  await expect(form.getByRole("alert")).toContainText(/from 1 to \d+/);
  const past = await stack.api.post(`/api/v1/runs/${test_id}/load`, { vus: 1, rate: 1 });
  expect(past.status).toBe(422);

  const lines = page.locator(".timeline li");
  await expect(lines.filter({ hasText: "Load added: 5 VUs on user-service" })).toHaveCount(1);
  await added.getByRole("button", { name: "Remove 5 VUs" }).click();
  await expect(added).toHaveCount(0, { timeout: 20_000 });
  await expect(lines.filter({ hasText: "Added load removed: 5 VUs" })).toHaveCount(1);
  await expect.poll(() => load.stat("vus"), { timeout: 20_000 }).toBe(peak);

  await form.getByLabel("More load").fill("2");
  await form.getByRole("button", { name: "Add load" }).click();
  await expect.poll(() => load.stat("vus"), { timeout: 20_000 }).toBe(peak + 2);
  await load.stopButton.click();
  await load.expectVerdict("stopped");
  await expect(page.getByTestId("bursts")).toHaveCount(0);
  const over = await stack.api.post(`/api/v1/runs/${test_id}/load`, { vus: 1 });
  expect(over.status).toBe(409);
  expect(await over.json()).toMatchObject({ success: false, code: "load_refused" });

  // The report tells of every change, on its charts, too.
  const { run } = await (await stack.api.get(`/api/v1/runs/${test_id}`)).json();
  const ends = run.bursts.map(({ end }: { end: string }) => end);
  expect(ends).toEqual(["removed", "with-run"]);
  await page.goto(`${stack.url}/runs/${test_id}`);
  const marks = load.chart("latency").locator(".plot-mark title", { hasText: /load (added|removed)/i });
  await expect(marks).toHaveCount(3, { timeout: 20_000 });
  await expect(page.locator(".report")).toContainText("Load added: 2 VUs");
});

test("stop: one click ends the load at once, and the page says so @containers", async ({ load, stack }) => {
  await load.start(longPlan);
  await load.expectLive();
  await load.stopButton.click();
  await load.expectVerdict("stopped", 10_000);
  await load.expectState("finished");
  await expect.poll(() => stack.api.status()).toMatchObject({ running: false, current_vus: 0 });
  await expect(load.startButton).toBeEnabled();
});

test("a slow service fails the threshold, live and in the verdict", async ({ load, page, stack }) => {
  const rule = "http_req_duration:p(95)<200";
  await load.start({ ...shortPlan, target: "product-service", thresholds: rule });
  await load.expectLive();
  await expect(load.threshold(rule)).toHaveAttribute("data-ok", "true");
  await stack.turn("product-service", { latency_ms: 600, error_share: 0 });
  await expect(load.threshold(rule)).toHaveAttribute("data-ok", "false", { timeout: 15_000 });
  await expect(page.getByTestId("stat-p95")).toHaveAttribute("data-tone", "bad");
  await expect(page.getByTestId("crossings")).toContainText(rule);
  const crossing = page.locator(".timeline li", { hasText: "Threshold crossed" });
  await expect(crossing.locator("time")).toHaveText(/^00:\d\d \(\d\d:\d\d:\d\d\)$/);
  await load.expectVerdict("failed");
  await expect(load.verdict).toContainText(/observed .*, limit 200 ms, not held from 00:\d\d on/);
  await expect(load.threshold(rule)).toHaveAttribute("data-ok", "false");
  // At the end the exact figure stands in place of the one from the histogram, everywhere.
  const { runs } = await (await page.request.get(`${stack.url}/api/v1/runs`)).json();
  expect(runs[0].thresholds[0].value / 1000).toBeCloseTo(runs[0].totals.p95_s, 5);
  const { status } = await stack.api.snapshot();
  expect(status.run?.thresholds[0]?.value).toBe(runs[0].thresholds[0].value);
  await keepPicture(page, "failed-light-1440");
});

test("failing answers show as failed share, and whose they are", async ({ load, page, stack }) => {
  const rule = "http_req_failed:rate<0.05";
  await stack.turn("user-service", { latency_ms: 0, error_share: 1 });
  await load.start({ ...shortPlan, target: "user-service", thresholds: rule });
  await load.expectState("running");
  await expect.poll(() => load.stat("failed"), { timeout: 15_000 }).toBeGreaterThan(0.3);
  const worst = page.getByTestId("strip").getByRole("listitem").first();
  await expect(worst).toHaveAttribute("data-testid", "strip-user-service");
  await expect(worst).toHaveAttribute("data-condition", "failing");
  await expect(page.getByTestId("service-user-service")).toHaveAttribute("data-condition", "failing");
  await load.expectVerdict("failed");
  // Of the whole run, once it is over.
  await expect(worst).toHaveAttribute("data-condition", "failing");
});

test("a latency spike leaves the p95 within 15 s of its end", async ({ load, stack }) => {
  await load.start({ ...longPlan, target: "product-service", thresholds: "" });
  await load.expectLive();
  await stack.turn("product-service", { latency_ms: 700, error_share: 0 });
  await expect.poll(() => load.stat("p95"), { timeout: 15_000 }).toBeGreaterThan(0.6);
  await stack.turn("product-service", { latency_ms: 0, error_share: 0 });
  await expect.poll(() => load.stat("p95"), { timeout: 15_000 }).toBeLessThan(0.3);
  await load.stopButton.click();
  await load.expectVerdict("stopped");
});

test("another script and all its fields: the shop journey over all services", async ({ load, stack }) => {
  await load.start({ ...shortPlan, script: "shop-journey.js", duration: "12s" });
  await load.expectLive();
  await expect
    .poll(async () =>
      Object.keys((await stack.api.snapshot()).history.series).filter((key) => key.startsWith("rps{service=")),
    )
    .toEqual(
      expect.arrayContaining([
        "rps{service=checkout-service}",
        "rps{service=product-service}",
        "rps{service=user-service}",
      ]),
    );
  await load.expectVerdict("passed");
});

test("services show their health", async ({ load, page }) => {
  await expect(load.state).toBeVisible();
  await page.getByRole("link", { name: "Services" }).click();
  for (const name of ["product-service", "user-service", "checkout-service"]) {
    await expect(page.getByTestId(`service-${name}`).first()).toHaveAttribute("data-health", "up");
  }
});

test("earlier runs are listed, with their verdict and log", async ({ load, page, stack }) => {
  await load.start(longPlan);
  await load.expectLive();
  const { test_id } = await stack.api.status();
  await load.stopButton.click();
  await load.expectVerdict("stopped");
  await page.getByRole("link", { name: "Runs" }).click();
  await page.getByTestId("run-row").first().getByRole("link").click();
  await expect(page.getByTestId("verdict")).toHaveAttribute("data-verdict", "stopped");
  await expect(page.getByRole("main")).toContainText(String(test_id));
});

test("two viewers see one picture", async ({ load, browser, stack }) => {
  await load.start(longPlan);
  await load.expectLive(5);

  const context = await browser.newContext();
  const second = await LoadPage.open(await context.newPage(), stack.url);
  await second.expectState("running");
  // History is there at once: all rows of the first viewer, not those since joining.
  const points = await load.points();
  await expect.poll(() => second.points(), { timeout: 3_000 }).toBeGreaterThanOrEqual(points);
  await second.stopButton.click();
  await load.expectVerdict("stopped", 10_000);
  await second.expectVerdict("stopped", 10_000);
  await expect.poll(async () => (await load.points()) - (await second.points())).toBe(0);
  await context.close();
});

test("all numbers and four charts fit without scrolling, on a notebook and on a projector", async ({ load, page }) => {
  await load.start(longPlan);
  await load.expectLive(5);
  for (const [width, height] of [
    [1440, 900],
    [1920, 1080],
    [3840, 2160],
  ] as const) {
    await page.setViewportSize({ width, height });
    for (const id of ["stat-vus", "strip", "chart-load", "chart-throughput", "chart-latency", "chart-errors"]) {
      await expect(page.getByTestId(id), `${id} at ${width}×${height}`).toBeInViewport({ ratio: 1 });
    }
    const used = await page.locator(".load-page").evaluate((element) => element.clientWidth);
    expect(used / width, `used of ${width} px`).toBeGreaterThan(0.94);
  }
  await load.stopButton.click();
  await load.expectVerdict("stopped");
});

test("a reload in mid-run keeps state and history @containers", async ({ load, page }) => {
  await load.start(longPlan);
  await load.expectLive(5);
  const points = await load.points();
  await page.reload();
  await load.hydrated();
  await load.expectState("running");
  await expect.poll(() => load.points(), { timeout: 3_000 }).toBeGreaterThanOrEqual(points);
  await load.stopButton.click();
  await load.expectVerdict("stopped");
});
