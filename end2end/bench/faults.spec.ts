import { get as request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Page } from "@playwright/test";
import { cpuSeconds, until } from "../harness/program.ts";
import { Stack } from "../harness/stack.ts";
import { expect, test } from "../harness/test.ts";
import { printFigures, report } from "./figures.ts";

test.afterAll(printFigures);

/** What the live stream tells of a fault's cost, as far as it is measured here. */
type Cost = {
  settled: boolean;
  outage?: null | { length_ms: number };
  outage_by_load?: null | { length_ms: number };
  detection: { client_ms: number | null; gateway_ms: number | null; probe_ms: number | null };
};

type Fault = { id: string; set_at_ms?: number | null; restored_at_ms?: number | null };

/** Sets a fault and waits until all that it cost is known. */
async function costOf(stack: Stack, request: Record<string, unknown>): Promise<{ fault: Fault; cost: Cost }> {
  const answer = await stack.api.post("/api/v1/faults", request);
  expect(answer.ok, await answer.clone().text()).toBe(true);
  const { id } = ((await answer.json()) as { fault: Fault }).fault;
  return until(
    "its cost is settled",
    async () => {
      const { status } = await stack.api.snapshot();
      const { faults = [], costs = [] } = status as unknown as {
        faults?: Fault[];
        costs?: { fault: string; cost: Cost }[];
      };
      const fault = faults.find((each) => each.id === id);
      const cost = costs.find((each) => each.fault === id)?.cost;
      return fault && cost?.settled && { fault, cost };
    },
    120_000,
  );
}

/**
 * A watcher of its own: asks a service's address fifty times a second, over a new connection each time, and tells the longest
 * time between two good answers within two seconds, less its period.
 */
class Watcher {
  private static readonly periodMs = 20;
  private readonly good: number[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(url: string) {
    this.timer = setInterval(() => {
      const at = Date.now();
      const asked = request(`${url}/health`, { agent: false, timeout: 2_000 }, (answer) => {
        if (answer.statusCode === 200) this.good.push(at);
        answer.resume();
      });
      asked.on("timeout", () => asked.destroy());
      asked.on("error", () => undefined);
    }, Watcher.periodMs);
  }

  /** Waits for its first good answers. */
  async awake() {
    await until("good answers", async () => this.good.length > 10);
  }

  /** In ms. */
  longestGap(): number {
    const good = this.good.toSorted((a, b) => a - b);
    return Math.max(...good.slice(1).map((at, index) => at - (good[index] ?? at))) - Watcher.periodMs;
  }

  end() {
    clearInterval(this.timer);
  }
}

/** The moment at which a replica is dark on a page's map, and in its ticker where it has one, painted, by the machine's clock. */
function painted(page: Page, replica: string, where: "map" | "ticker"): Promise<number> {
  return page.evaluate(
    ({ replica, where }) =>
      new Promise<number>((resolve) => {
        // Moments in the ticker are whole seconds.
        const from = Math.floor(Date.now() / 1000) * 1000;
        const dark = `[data-testid="map-replica-${replica}"][data-light="dark"]`;
        const tells = (line: Element) =>
          Date.parse(line.querySelector("time")?.dateTime ?? "") >= from &&
          ["Kill", replica].every((word) => line.textContent?.includes(word));
        const look = () => {
          const is =
            where === "map"
              ? document.querySelector(dark)
              : [...document.querySelectorAll('[data-testid="ticker"] li')].some(tells);
          if (!is) return;
          observer.disconnect();
          requestAnimationFrame(() => requestAnimationFrame(() => resolve(Date.now())));
        };
        const observer = new MutationObserver(look);
        observer.observe(document.body, { subtree: true, childList: true, attributes: true, characterData: true });
        look();
      }),
    { replica, where },
  );
}

test("a fault, from the button to the room", async ({ staged, browser, page }) => {
  await staged.api.start({ duration: 300, target_vus: 6, target: "product-service" });
  const room = await (await browser.newContext({ viewport: { width: 1920, height: 1080 } })).newPage();
  for (const [view, path] of [
    [page, "/"],
    [room, "/present"],
  ] as const) {
    await view.goto(staged.url + path);
    await expect(view.locator("html")).toHaveAttribute("data-hydrated", "true", { timeout: 15_000 });
  }
  const own: number[] = [];
  const theirs: number[] = [];
  const ticker: number[] = [];
  for (let round = 0; round < 5; round++) {
    const name = `product-service-${1 + (round % 2)}`;
    const replica = (view: Page) => view.getByTestId(`map-replica-${name}`);
    for (const view of [page, room])
      await expect(replica(view)).toHaveAttribute("data-light", "on", { timeout: 20_000 });
    await page.getByLabel("Kill a replica").selectOption(name);
    const seen = [painted(page, name, "map"), painted(room, name, "map"), painted(room, name, "ticker")];
    const pressed = page.evaluate(() => {
      [...document.querySelectorAll("button")].find((each) => each.textContent?.startsWith("Kill for"))?.click();
      return Date.now();
    });
    const [before, here = Number.NaN, there = Number.NaN, news = Number.NaN] = await Promise.all([pressed, ...seen]);
    own.push((here - before) / 1000);
    theirs.push((there - before) / 1000);
    ticker.push((news - before) / 1000);
    await staged.api.post("/api/v1/faults/restore-all");
  }
  report({ name: "fault pressed to the replica dark on the presenter's map", unit: "s", values: own, goal: 1 });
  report({ name: "fault pressed to the replica dark on a viewer's map", unit: "s", values: theirs, goal: 1 });
  report({ name: "fault pressed to the event in a viewer's ticker", unit: "s", values: ticker, goal: 1 });
  await room.context().close();
});

test("how long a service was out", async () => {
  test.setTimeout(600_000);
  const stack = await Stack.start({}, 1);
  const seconds = 8;
  const kinds = ["kill", "freeze", "cut"] as const;
  const services = ["product-service", "user-service", "checkout-service"] as const;
  const off: Record<string, { injected: number[]; watched: number[]; load: number[] }> = {};
  await stack.api.start({ duration: 600, target_vus: 12, target: "all-but-dashboard" });
  // As long as this is looked at before a fault, and as k6 takes to begin.
  await delay(40_000);
  for (let round = 0; round < kinds.length; round++) {
    // Each kind at another service each time, all at once: none of them touches another.
    const one = async (kind: (typeof kinds)[number], at: number) => {
      const name = services[(at + round) % services.length] ?? services[0];
      const watcher = new Watcher(stack.serviceUrl(name));
      await watcher.awake();
      const request = { kind, service: name, duration: `${seconds} s`, even_last: true };
      const { cost } = await costOf(stack, request).finally(() => watcher.end());
      const computed = (cost.outage?.length_ms ?? Number.NaN) / 1000;
      const byLoad = (cost.outage_by_load?.length_ms ?? Number.NaN) / 1000;
      const figures = (off[kind] ??= { injected: [], watched: [], load: [] });
      figures.injected.push(Math.abs(computed - seconds));
      figures.watched.push(Math.abs(computed - watcher.longestGap() / 1000));
      figures.load.push(Math.abs(byLoad - seconds));
    };
    await Promise.all(kinds.map(one));
  }
  await stack.stop();
  for (const kind of kinds) {
    const { injected = [], watched = [], load = [] } = off[kind] ?? {};
    report({ name: `outage told against the ${seconds} s injected: ${kind}`, unit: "s", values: injected, goal: 1 });
    report({ name: `outage told against a watcher's, 50 a second: ${kind}`, unit: "s", values: watched, goal: 0.5 });
    report({ name: `outage by the load against the ${seconds} s injected: ${kind}`, unit: "s", values: load });
  }
});

for (const { kind, limit } of [
  { kind: "kill", limit: 0.5 },
  { kind: "freeze", limit: 2 },
]) {
  test(`one of two replicas: ${kind}`, async ({ staged }) => {
    test.setTimeout(600_000);
    const shares: number[] = [];
    const clocks: Record<string, number[]> = { "the gateway": [], "a probe": [] };
    for (let round = 0; round < 3; round++) {
      const name = `product-service-${1 + (round % 2)}`;
      await staged.api.start({ duration: 60, target_vus: 10, target: "product-service" });
      await delay(25_000);
      const { cost } = await costOf(staged, { kind, replica: name, duration: "10 s" });
      const { gateway_ms, probe_ms } = cost.detection;
      if (gateway_ms !== null) clocks["the gateway"]?.push(gateway_ms / 1000);
      if (probe_ms !== null) clocks["a probe"]?.push(probe_ms / 1000);
      await until("the run is over", async () => !(await staged.api.status()).running, 60_000);
      const { status } = await staged.api.snapshot();
      const totals = status.run?.totals as { failed_share: number | null } | null | undefined;
      shares.push((totals?.failed_share ?? Number.NaN) * 100);
    }
    report({ name: `failed in the minute around it, one of two: ${kind}`, unit: "%", values: shares, goal: limit });
    for (const [who, values] of Object.entries(clocks)) {
      // What hangs is only noticed when the time of an answer is over.
      const goal = kind === "kill" ? { goal: 2 } : {};
      report({ name: `${kind} to its detection by ${who}`, unit: "s", values, ...goal });
    }
  });
}

test("CPU of probes and page", async ({ staged, page }) => {
  const share = async (seconds: number) => {
    const before = await cpuSeconds(staged.program.pid);
    await delay(seconds * 1_000);
    return (((await cpuSeconds(staged.program.pid)) - before) / seconds) * 100;
  };
  await page.goto(`${staged.url}/services`);
  await expect(page.locator("html")).toHaveAttribute("data-hydrated", "true", { timeout: 15_000 });
  const values: number[] = [];
  for (let look = 0; look < 5; look++) values.push(await share(5));
  report({ name: "CPU of the dashboard, six replicas probed, one viewer", unit: "%", values, goal: 2 });
});
