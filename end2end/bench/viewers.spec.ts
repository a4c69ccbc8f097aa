import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../harness/net.ts";
import { cpuSeconds, residentBytes, until } from "../harness/program.ts";
import { Stack } from "../harness/stack.ts";
import { expect, test } from "../harness/test.ts";
import { ask } from "./ask.ts";
import { Crowd } from "./crowd.ts";
import { printFigures, quantile, report } from "./figures.ts";

const viewers = 4_000;
/** The allocator gives back what nobody has asked for again for some seconds. */
const settle = 12_000;

test.afterAll(printFigures);

/** k6 with its own web dashboard, which tells its viewers something once a second, as ours does. */
class Peer {
  private constructor(
    readonly url: string,
    private readonly k6: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(): Promise<Peer> {
    const folder = await mkdtemp(join(tmpdir(), "ha-dashboard-peer-"));
    const script = join(folder, "script.js");
    await writeFile(
      script,
      `import { sleep } from "k6"; export const options = { vus: 1, duration: "10m" };
       export default function () { sleep(0.5); }`,
    );
    const port = await freePort();
    const env = { K6_WEB_DASHBOARD: "true", K6_WEB_DASHBOARD_PORT: String(port), K6_WEB_DASHBOARD_PERIOD: "1s" };
    const k6 = spawn(process.env.E2E_K6 ?? join(homedir(), ".cache/ha-dashboard/bin/k6"), ["run", "--quiet", script], {
      env: { ...process.env, ...env, K6_NO_USAGE_REPORT: "true" },
      stdio: "ignore",
    });
    const url = `http://127.0.0.1:${port}`;
    await until("k6's dashboard answers", async () => (await fetch(`${url}/ui/`)).ok);
    return new Peer(url, k6, folder);
  }

  get pid(): number {
    if (this.k6.pid === undefined) throw new Error("k6 did not start");
    return this.k6.pid;
  }

  async stop() {
    this.k6.kill("SIGKILL");
    await rm(this.folder, { recursive: true });
  }
}

/** What a crowd that follows `url` costs the process behind it. */
async function watch(pid: number, url: string, mark: RegExp) {
  await delay(2_000);
  const before = await residentBytes(pid);
  const crowd = await Crowd.join(url, viewers, mark);
  await delay(2_000);
  const during = await residentBytes(pid);
  const lags = await crowd.lags(10);
  expect(crowd.size).toBe(viewers);
  crowd.leave();
  await delay(settle);
  return { each: (during - before) / viewers / 1e3, kept: ((await residentBytes(pid)) - before) / 1e6, lags };
}

test("thousands of viewers, against k6's own dashboard", async () => {
  const stack = await Stack.start();
  const ours = await watch(stack.program.pid, `${stack.url}/fn/live`, /id: \d+-(\d+)\n/);
  await stack.stop();
  const peer = await Peer.start();
  const theirs = await watch(peer.pid, `${peer.url}/events`, /id: (\d+)\n/);
  await peer.stop();

  const crowd = `${viewers} viewers`;
  report({ name: `memory for each of ${crowd}`, unit: "kB", values: [ours.each], goal: 6 });
  report({ name: "peer: k6's own dashboard", unit: "kB", values: [theirs.each] });
  report({ name: "memory for each, against the peer", unit: "×", values: [ours.each / theirs.each], goal: 0.25 });
  report({ name: `memory kept when ${crowd} have left`, unit: "MB", values: [ours.kept], goal: 15 });
  report({ name: "peer: k6's own dashboard", unit: "MB", values: [theirs.kept] });
  // Our own reading of so many streams takes most of this time, in both cases.
  const p99 = [ours.lags, theirs.lags].map((lags) => quantile(lags, 0.99)) as [number, number];
  report({ name: `a tick at 99 % of ${crowd} after the first has it`, unit: "ms", values: [p99[0]] });
  report({ name: "peer: k6's own dashboard", unit: "ms", values: [p99[1]] });
  report({ name: "tick to everybody, against the peer", unit: "×", values: [p99[0] / p99[1]] });
});

/** What an answer of `url` costs the process behind it, in µs of CPU: not how long it takes, which others decide as well. */
async function cost(pid: number, url: string, headers: Record<string, string> = {}) {
  await ask(url, 16, 1, headers);
  const before = await cpuSeconds(pid);
  const answers = await ask(url, 16, 5, headers);
  return (((await cpuSeconds(pid)) - before) / answers) * 1e6;
}

test("a page for everybody, against one for one reader and against k6's own dashboard", async () => {
  const stack = await Stack.start();
  const peer = await Peer.start();
  const browser = { "accept-encoding": "gzip, deflate, br, zstd" };
  const [all, one, theirs]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round < 3; round++) {
    all.push(await cost(stack.program.pid, `${stack.url}/`, browser));
    // What is asked for with a query is drawn anew.
    one.push(await cost(stack.program.pid, `${stack.url}/?peak=7`, browser));
    theirs.push(await cost(peer.pid, `${peer.url}/ui/`, browser));
  }
  await peer.stop();
  await stack.stop();
  const against = (others: number[]) => all.map((value, at) => value / (others[at] ?? Number.NaN));
  report({ name: "CPU for a page", unit: "µs", values: all });
  report({ name: "CPU for a page, against one drawn for one reader", unit: "×", values: against(one), goal: 0.15 });
  report({ name: "CPU for a page, against k6's (static, 576 bytes)", unit: "×", values: against(theirs), goal: 3 });
});
