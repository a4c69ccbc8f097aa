import { execFile, spawn } from "node:child_process";
import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "../harness/program.ts";
import { Stack } from "../harness/stack.ts";
import { expect, test } from "../harness/test.ts";
import { LoadPage } from "../pages/load-page.ts";
import { bursts, crowdOf } from "./bursts.ts";
import { printFigures, quantile, report } from "./figures.ts";

const run = promisify(execFile);
const image = "grafana/k6:1.1.0";
const rounds = 5;

test.afterAll(printFigures);

/** A service that tells when it was asked first. */
async function probe() {
  let asked = (_at: number) => {};
  const server = createServer((request, response) => {
    if (request.headers["user-agent"]?.startsWith("bench")) asked(Date.now());
    response.end("ok");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    next: () => new Promise<number>((resolve) => (asked = resolve)),
    close: () => server.close(),
  };
}

/** Where k6 finds this file when nothing else says so, and what it prints then. */
const script = (url: string, vus: number, seconds: number) => `
  import http from "k6/http";
  export const options = { scenarios: { bench: { executor: "constant-vus", vus: ${vus}, duration: "${seconds}s" } },
                           userAgent: "bench" };
  export default function () { http.get("${url}/health", { tags: { name: "health", service: "probe" } }); }
  export function handleSummary(data) { return { [__ENV.HAD_SUMMARY || "stdout"]: JSON.stringify(data) }; }`;

/** The same k6 as the dashboard's container, started by hand. */
function bare(folder: string, name: string, store: string): string[] {
  const output = {
    K6_NO_USAGE_REPORT: "true",
    K6_PROMETHEUS_RW_SERVER_URL: `${store}/api/v1/write`,
    K6_PROMETHEUS_RW_PUSH_INTERVAL: "1000ms",
    K6_PROMETHEUS_RW_STALE_MARKERS: "true",
    K6_PROMETHEUS_RW_TREND_AS_NATIVE_HISTOGRAM: "true",
  };
  const env = Object.entries(output).flatMap(([key, value]) => ["-e", `${key}=${value}`]);
  const mount = ["-v", `${folder}:/scripts:ro`];
  const tags = ["--tag", "testid=bare", "--tag", "instance=1"];
  const system = "--system-tags=proto,method,status,name,group,check,error_code,scenario,expected_response";
  const k6 = ["run", "--quiet", "--out=experimental-prometheus-rw", system, ...tags, `/scripts/${name}`];
  return ["run", "--rm", "--network", "host", ...mount, ...env, image, ...k6];
}

test("click to full VUs of added load, in containers", async ({ page }) => {
  test.setTimeout(300_000);
  const service = await crowdOf();
  const stack = await Stack.start({ HAD_ENGINE: "docker", HAD_SERVICES: `probe=${service.url}` });
  const load = await LoadPage.open(page, stack.url);
  report({
    name: "Add load click to its full VUs, engine docker",
    unit: "s",
    values: await bursts(load, service),
    goal: 2,
  });
  await stack.stop();
  service.close();
});

test("start, stop and throughput in containers, against docker run", async ({ page }) => {
  test.setTimeout(600_000);
  const service = await probe();
  const stack = await Stack.start({ HAD_ENGINE: "docker" });
  const store = stack.storeUrl;
  const folder = await mkdtemp(join(tmpdir(), "ha-dashboard-bare-"));
  // k6's user in the container is another one.
  await chmod(folder, 0o755);
  const scripts = {
    "first.js": script(service.url, 1, 60),
    "flood.js": script(stack.serviceUrl("product-service"), 10, 15),
  };
  for (const [name, text] of Object.entries(scripts)) {
    await writeFile(join(folder, name), text);
    await writeFile(join(stack.scripts, name), text);
  }
  const load = await LoadPage.open(page, stack.url);

  const clicks: number[] = [];
  const stops: number[] = [];
  const byHand: number[] = [];
  await load.set("script", "first.js");
  for (let round = 0; round < rounds; round++) {
    let first = service.next();
    let begun = Date.now();
    const child = spawn("docker", bare(folder, "first.js", store), { stdio: "ignore" });
    byHand.push(((await first) - begun) / 1000);
    const over = new Promise((done) => child.once("exit", done));
    child.kill("SIGINT");
    await over;

    first = service.next();
    await load.set("script", "first.js");
    begun = await load.startButton.evaluate((button: HTMLButtonElement) => {
      button.click();
      return Date.now();
    });
    clicks.push(((await first) - begun) / 1000);
    await load.expectLive();
    const stopped = await load.stopButton.evaluate((button: HTMLButtonElement) => {
      button.click();
      return Date.now();
    });
    await load.expectVerdict("stopped");
    stops.push((((await stack.api.snapshot()).status.run?.ended_ms ?? Number.NaN) - stopped) / 1000);
  }
  report({ name: "bare `docker run` to its first request", unit: "s", values: byHand });
  report({ name: "Start click to the first request, engine docker", unit: "s", values: clicks });
  const ratio = (a: number[], b: number[]) => [quantile(a, 0.5) / quantile(b, 0.5)];
  report({ name: "ratio of the medians", unit: "×", values: ratio(clicks, byHand), goal: 1.15 });
  report({ name: "Stop click to k6's end, engine docker", unit: "s", values: stops, goal: 1 });

  // A browser that draws charts takes its share of this machine's cores, and would do so elsewhere in real life.
  await page.goto("about:blank");
  const alone: number[] = [];
  const shown: number[] = [];
  for (let round = 0; round < 3; round++) {
    const { stdout } = await run("docker", bare(folder, "flood.js", store), { maxBuffer: 1 << 26 });
    const summary = JSON.parse(stdout.slice(stdout.indexOf("{"), stdout.lastIndexOf("}") + 1));
    alone.push(summary.metrics.http_reqs.values.rate);
    const plan = { "draft[script]": "flood.js", "draft[target]": "all-services" };
    await fetch(`${stack.url}/start`, { method: "POST", body: new URLSearchParams(plan), redirect: "manual" });
    expect((await stack.api.status()).running).toBe(true);
    await until("the run ends", async () => !(await stack.api.status()).running, 60_000);
    const { status } = await stack.api.snapshot();
    shown.push(status.run?.totals?.request_rate ?? Number.NaN);
  }
  expect(shown.every((rate) => rate > 0)).toBe(true);
  report({ name: "bare k6 that saturates, same output", unit: "/s", values: alone });
  report({ name: "the same under the dashboard", unit: "/s", values: shown });
  // Turned round, so that less is better as with the rest: at most 1/0.98.
  report({ name: "ratio of the medians, bare to dashboard", unit: "×", values: ratio(alone, shown), goal: 1 / 0.98 });
  await stack.stop();
  await rm(folder, { recursive: true });
  service.close();
});
