import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Page } from "@playwright/test";
import { freePort } from "../harness/net.ts";
import { until } from "../harness/program.ts";
import { Stack } from "../harness/stack.ts";
import { expect, test } from "../harness/test.ts";
import { LoadPage, shortPlan, type Plan } from "../pages/load-page.ts";
import { bursts, crowdOf } from "./bursts.ts";
import { printFigures, report } from "./figures.ts";

const rounds = 5;
const plan: Plan = { ...shortPlan, target: "product-service", duration: "60s", ramp: "1s", thresholds: "" };

test.afterAll(printFigures);

/** What a click must lead to: a chart row newer than the click and VUs at work, or a run that is over. */
type Outcome = { selector: string; attribute: string; shows: "newer than the click" | "finished" };
const newRow: Outcome = {
  selector: '[data-testid="chart-load"]',
  attribute: "data-last-ms",
  shows: "newer than the click",
};
const ended: Outcome = { selector: '[data-testid="run-state"]', attribute: "data-state", shows: "finished" };

/**
 * Seconds from a click on `button` until `outcome` is on the screen, by the browser's own clock: the observer fires after
 * the change, and the next frame but one has it painted.
 */
async function fromClick(page: Page, button: string, outcome: Outcome): Promise<number> {
  return page.evaluate(
    async ({ button, selector, attribute, shows }) => {
      const clickedAt = Date.now();
      const begun = performance.now();
      [...document.querySelectorAll("button")].find((each) => each.textContent?.trim() === button)?.click();
      await new Promise<void>((resolve, reject) => {
        const look = () => {
          const value = document.querySelector(selector)?.getAttribute(attribute);
          // A row alone may hold no more than the CPU of the services.
          const vus = document.querySelector('[data-testid="stat-vus"]')?.getAttribute("data-value");
          const state = document.querySelector('[data-testid="run-state"]')?.getAttribute("data-state");
          const live = state === "running" && Number(vus) > 0;
          const is = shows === "finished" ? value === "finished" : Number(value) > clickedAt && live;
          if (!is) return;
          observer.disconnect();
          requestAnimationFrame(() => requestAnimationFrame(() => resolve()));
        };
        const observer = new MutationObserver(look);
        observer.observe(document.body, { subtree: true, childList: true, attributes: true });
        setTimeout(() => reject(new Error(`${selector} is not ${shows} within 20 s`)), 20_000);
        look();
      });
      return (performance.now() - begun) / 1000;
    },
    { button, ...outcome },
  );
}

test("click to chart, click to stop", async ({ load, page }) => {
  const starts: number[] = [];
  const stops: number[] = [];
  for (let round = 0; round < rounds; round++) {
    await load.fill({ ...plan, duration: "30s" });
    starts.push(await fromClick(page, "Start load test", newRow));
    await load.expectLive(5);
    stops.push(await fromClick(page, "Stop load test", ended));
    await load.expectVerdict("stopped");
  }
  report({ name: "Start click to the first sample on the chart", unit: "s", values: starts, goal: 3 });
  report({ name: "Stop click to the end shown", unit: "s", values: stops, goal: 1.5 });
});

test("click to full VUs of added load", async ({ page }) => {
  const service = await crowdOf();
  const stack = await Stack.start({ HAD_SERVICES: `probe=${service.url}` });
  const load = await LoadPage.open(page, stack.url);
  report({
    name: "Add load click to its full VUs, engine process",
    unit: "s",
    values: await bursts(load, service),
    goal: 1,
  });
  await stack.stop();
  service.close();
});

test("k6 sample to pixel", async ({ load, page, processes: stack }) => {
  // While VUs grow, each sample has a value of its own: the moment that value is on the screen is known.
  await load.fill({ ...plan, peak: 60, duration: "65s", ramp: "30s" });
  await page.evaluate(() => {
    const seen: [number, number][] = [];
    Object.assign(window, { seen });
    const look = () => {
      const value = Number(document.querySelector('[data-testid="stat-vus"]')?.getAttribute("data-value") ?? 0);
      if (value > (seen.at(-1)?.[1] ?? 0)) {
        requestAnimationFrame(() => requestAnimationFrame(() => seen.push([Date.now(), value])));
      }
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributes: true });
  });
  await load.startButton.click();
  await expect.poll(() => load.stat("vus"), { timeout: 60_000 }).toBe(60);
  const seen = await page.evaluate(() => (window as unknown as { seen: [number, number][] }).seen);
  const { test_id } = await stack.api.status();
  const samples = await stack.samples(`k6_vus{testid="${test_id}"}`);
  await load.stopButton.click();
  await load.expectVerdict("stopped");

  const delays = samples
    .filter(({ value }, at) => value > (samples[at - 1]?.value ?? 0))
    .flatMap(({ ms, value }) => {
      const shown = seen.find(([, vus]) => vus >= value);
      return shown ? [(shown[0] - ms) / 1000] : [];
    });
  expect(delays.length).toBeGreaterThan(15);
  report({ name: "k6 sample to pixel (p95 against the goal)", unit: "s", values: delays, goal: 2 });
});

test("lateness of a sample against its own time", async ({ load, page, processes: stack }) => {
  await load.fill({ ...plan, peak: 60, duration: "65s", ramp: "30s" });
  await page.evaluate(() => {
    const drawn: [number, number][] = [];
    Object.assign(window, { drawn });
    const chart = document.querySelector('[data-testid="chart-throughput"]');
    const look = () => {
      const row = Number(chart?.getAttribute("data-last-ms"));
      // The chart has been told its rows; the next frame but one has them painted.
      if (row > (drawn.at(-1)?.[1] ?? 0)) {
        requestAnimationFrame(() => requestAnimationFrame(() => drawn.push([Date.now(), row])));
      }
    };
    if (chart) new MutationObserver(look).observe(chart, { attributes: true });
  });
  await load.startButton.click();
  await expect.poll(() => load.points(), { timeout: 60_000 }).toBeGreaterThanOrEqual(30);
  const drawn = await page.evaluate(() => (window as unknown as { drawn: [number, number][] }).drawn);
  const { test_id } = await stack.api.status();
  const samples = await stack.samples(`k6_vus{testid="${test_id}"}`);
  const { history } = await stack.api.snapshot();
  await load.stopButton.click();
  await load.expectVerdict("stopped");

  report({
    name: "a sample drawn minus its own time",
    unit: "s",
    values: drawn.slice(1).map(([at, row]) => (at - row) / 1000),
    goal: 1.5,
  });
  // While VUs grow, each count is on the chart once: where it stands there against when k6 counted it.
  const vus = history.series.vus ?? [];
  const places = samples
    .filter(({ value }, at) => value > (samples[at - 1]?.value ?? 0))
    .flatMap(({ ms, value }) => {
      const row = vus.indexOf(value);
      return row < 0 ? [] : [Math.abs((history.counted_ms[row] ?? Number.NaN) - ms) / 1000];
    });
  expect(places.length).toBeGreaterThan(10);
  report({ name: "a sample's place on the time axis against k6's own time", unit: "s", values: places, goal: 0.1 });
});

/** What a page's own process used over `seconds`: CPU in percent of a core, layouts and style recalculations a second. */
async function used(page: Page, seconds: number): Promise<{ cpu: number; layouts: number; styles: number }> {
  const session = await page.context().newCDPSession(page);
  await session.send("Performance.enable");
  const browser = await page.context().browser()?.newBrowserCDPSession();
  const look = async () => {
    const { metrics } = await session.send("Performance.getMetrics");
    const of = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? Number.NaN;
    const processes = (await browser?.send("SystemInfo.getProcessInfo"))?.processInfo ?? [];
    // Spare renderers have nothing to do.
    const renderers = processes.filter((process) => process.type === "renderer");
    const cpu = renderers.reduce((sum, process) => sum + process.cpuTime, 0);
    return { at: performance.now(), cpu, layouts: of("LayoutCount"), styles: of("RecalcStyleCount") };
  };
  const before = await look();
  await delay(seconds * 1_000);
  const after = await look();
  await session.detach();
  await browser?.detach();
  const span = (after.at - before.at) / 1_000;
  return {
    cpu: ((after.cpu - before.cpu) / span) * 100,
    layouts: (after.layouts - before.layouts) / span,
    styles: (after.styles - before.styles) / span,
  };
}

for (const reducedMotion of ["no-preference", "reduce"] as const) {
  test.describe(`motion: ${reducedMotion}`, () => {
    test.use({ contextOptions: { reducedMotion } });

    test("CPU of the renderer while a test runs", async ({ load, page }) => {
      const words = reducedMotion === "reduce" ? ", reduced motion" : "";
      const idle = await used(page, 5);
      await load.start({ ...plan, duration: "90s" });
      await load.expectLive(5);
      const looks = [];
      for (let look = 0; look < 5; look++) looks.push(await used(page, 5));
      await load.stopButton.click();
      await load.expectVerdict("stopped");
      report({ name: `CPU of the renderer, idle${words}`, unit: "%", values: [idle.cpu] });
      const values = looks.map(({ cpu }) => cpu);
      report({ name: `CPU of the renderer while a test runs${words}`, unit: "%", values, goal: 10 });
      report({ name: `layouts while a test runs${words}`, unit: "/s", values: looks.map(({ layouts }) => layouts) });
      report({ name: `style recalculations${words}`, unit: "/s", values: looks.map(({ styles }) => styles) });
    });
  });
}

test("a latency spike of 10 s leaves the p95", async ({ load, stack }) => {
  const gone: number[] = [];
  await load.start({ ...plan, duration: "180s" });
  await load.expectLive(8);
  for (let round = 0; round < 3; round++) {
    await stack.turn("product-service", { latency_ms: 800, error_share: 0 });
    await delay(10_000);
    await stack.turn("product-service", { latency_ms: 0, error_share: 0 });
    const ended = Date.now();
    await until("the p95 is low again", async () => ((await load.stat("p95")) ?? 1) < 0.3, 30_000);
    gone.push((Date.now() - ended) / 1000);
  }
  report({ name: "10 s latency spike: its end to a normal p95 shown", unit: "s", values: gone, goal: 15 });
  await load.stopButton.click();
  await load.expectVerdict("stopped");
});

test("memory of the dashboard process", async ({ browser }) => {
  const stack = await Stack.start();
  const megabytes = async () => (await stack.program.memory()) / 1e6;
  /** Once a second for ten seconds. */
  const sampled = async () => {
    const values: number[] = [];
    for (let second = 0; second < 10; second++) {
      await delay(1_000);
      values.push(await megabytes());
    }
    return values;
  };
  report({ name: "resident memory, idle, nobody watches", unit: "MB", values: await sampled(), goal: 30 });
  const contexts = await Promise.all(Array.from({ length: 5 }, () => browser.newContext()));
  const viewers = await Promise.all(contexts.map(async (context) => LoadPage.open(await context.newPage(), stack.url)));
  report({ name: "resident memory, idle, five viewers", unit: "MB", values: await sampled(), goal: 30 });
  await viewers[0]?.start({ ...plan, peak: 20 });
  await viewers[0]?.expectLive();
  report({ name: "resident memory, 20 VUs running, five viewers", unit: "MB", values: await sampled() });
  await Promise.all(contexts.map((context) => context.close()));
  await stack.api.idle();
  report({ name: "resident memory, idle again", unit: "MB", values: await sampled(), goal: 30 });
  await stack.stop();
});

test("the peer: k6's own web dashboard", async ({ stack }) => {
  const folder = await mkdtemp(join(tmpdir(), "ha-dashboard-peer-"));
  const script = join(folder, "script.js");
  await writeFile(
    script,
    `import http from "k6/http"; import { sleep } from "k6";
     export const options = { vus: 4, duration: "25s" };
     export default function () { http.get("${stack.serviceUrl("product-service")}/health"); sleep(0.2); }`,
  );
  const starts: number[] = [];
  for (let round = 0; round < 2; round++) {
    const port = await freePort();
    const begun = Date.now();
    const k6 = spawn(process.env.E2E_K6 ?? join(homedir(), ".cache/ha-dashboard/bin/k6"), ["run", "--quiet", script], {
      env: {
        ...process.env,
        K6_WEB_DASHBOARD: "true",
        K6_WEB_DASHBOARD_PORT: String(port),
        K6_NO_USAGE_REPORT: "true",
      },
      stdio: "ignore",
    });
    const abort = new AbortController();
    const answer = await until("k6's dashboard answers", async () =>
      fetch(`http://127.0.0.1:${port}/events`, { signal: abort.signal }),
    );
    let text = "";
    if (answer.body) {
      for await (const chunk of answer.body.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (/^event: ?snapshot/m.test(text)) break;
      }
    }
    starts.push((Date.now() - begun) / 1000);
    abort.abort();
    k6.kill("SIGKILL");
  }
  await rm(folder, { recursive: true });
  report({ name: "peer: `k6 run` with its web dashboard to its first sample", unit: "s", values: starts });
});
