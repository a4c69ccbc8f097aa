import { expect, test } from "../harness/test.ts";
import { LoadPage, longPlan, shortPlan } from "../pages/load-page.ts";

const rows = (ms: number[]) => ms.slice(1).map((at, before) => at - (ms[before] ?? 0));

test.afterEach(async ({ containers }) => {
  await containers.calm();
  await expect.poll(() => containers.k6Left(), { message: "no container of ours is left" }).toEqual([]);
});

test("the engine is Docker, behind its gateway, and says so", async ({ containers, page }) => {
  const load = await LoadPage.open(page, containers.url);
  const health = await (await containers.api.get("/health/detailed")).json();
  expect(JSON.stringify(health)).toContain("engine docker: grafana/k6:");
  await expect(page.getByTestId("engine")).toContainText(/^k6 v.*grafana\/k6:.* in Docker .*as configured$/);
  await load.start(longPlan);
  await load.expectLive();
  const [name] = await containers.k6AtWork();
  const container = JSON.parse(await containers.docker("inspect", name ?? ""))[0];
  expect(Object.keys(container.NetworkSettings.Networks)).toEqual(["ha-dashboard-k6"]);
  expect(container.HostConfig).toMatchObject({ ReadonlyRootfs: true, CapDrop: ["ALL"], Binds: null });
  const { test_id } = await containers.api.status();
  const grafana = await page.getByTestId("grafana").getAttribute("href");
  expect(grafana).toMatch(new RegExp(`^http://127.0.0.1:3001/d/[^?]+\\?.*var-testid=${test_id}.*from=\\d+&to=now`));
  await expect.poll(() => load.points("cpu")).toBeGreaterThan(3);
  // Docker measures a new container only after a while.
  const measured = async () => JSON.stringify((await containers.api.snapshot()).history.series);
  await expect.poll(measured, { timeout: 20_000 }).toContain("cpu{process=k6}");
  await load.stopButton.click();
  await load.expectVerdict("stopped");
});

test("a container removed by hand ends its run with the reason, and the next one is as good as any", async ({
  containers,
  page,
}) => {
  const load = await LoadPage.open(page, containers.url);
  await load.start(longPlan);
  await load.expectLive();
  const [name] = await containers.k6AtWork();
  await containers.docker("rm", "--force", "--volumes", name ?? "");
  await load.expectVerdict("crashed");
  await expect(load.verdict).toContainText("removed");
  await load.start(shortPlan);
  await load.expectVerdict("passed", 60_000);
});

test("Prometheus away for 20 s: the run goes on, the page says so, and the totals are right", async ({
  containers,
  page,
}) => {
  test.setTimeout(150_000);
  const load = await LoadPage.open(page, containers.url);
  await load.start({ ...shortPlan, duration: "50s" });
  await load.expectLive(5);
  await containers.endService("prometheus");
  await expect(page.getByTestId("store-notice")).toBeVisible({ timeout: 20_000 });
  // Twenty seconds by the dashboard's own clock.
  const left = Date.now();
  await expect
    .poll(async () => (await containers.api.snapshot()).now_ms - left, { timeout: 40_000 })
    .toBeGreaterThan(20_000);
  await containers.startService("prometheus");
  await expect(page.getByTestId("store-notice")).toBeHidden({ timeout: 30_000 });
  await expect.poll(() => load.stat("rps"), { timeout: 20_000 }).toBeGreaterThan(0);
  await load.expectVerdict("passed", 90_000);
  const { status, history } = await containers.api.snapshot();
  // k6 itself has counted every request; the charts have a hole, not zeros.
  expect(status.run?.totals?.requests).toBeGreaterThan(100);
  const rates = Object.entries(history.series).find(([key]) => key === "rps")?.[1] ?? [];
  const begun = (status.run?.started_ms ?? 0) + 8_000;
  const ended = (status.run?.ended_ms ?? 0) - 5_000;
  const inside = rates.filter((_, at) => (history.at_ms[at] ?? 0) > begun && (history.at_ms[at] ?? 0) < ended);
  expect(inside.filter((rate) => rate === 0)).toEqual([]);
  expect(rows(history.at_ms).every((step) => step > 0)).toBe(true);
});

test("the services see the load, and a slow one fails the threshold", async ({ containers, page }) => {
  const load = await LoadPage.open(page, containers.url);
  await containers.turn("product-service", { latency_ms: 400, error_share: 0 });
  await load.start({ ...shortPlan, target: "product-service", thresholds: "http_req_duration:p(95)<200" });
  await expect.poll(() => load.stat("p95"), { timeout: 30_000 }).toBeGreaterThan(0.3);
  await load.expectVerdict("failed");
});

test("a killed replica is told by the gateway and the probe, and no request of the next seconds fails", async ({
  containers,
}) => {
  type Told = { status: string; gateway: boolean | null };
  const told = async (): Promise<Record<string, Told>> =>
    (await (await containers.api.get("/health/detailed")).json()).dependencies["user-service"].replicas;
  const fine = { status: "healthy", gateway: true };
  await expect.poll(told).toMatchObject({ "user-service-1": fine, "user-service-2": fine });
  await containers.docker("kill", await containers.container("user-service-1"));
  const away = { status: "unhealthy", gateway: false };
  await expect.poll(told, { timeout: 15_000 }).toMatchObject({ "user-service-1": away, "user-service-2": fine });
  expect((await containers.api.start({ duration: 10, target_vus: 4, target: "user-service" })).ok).toBe(true);
  await expect.poll(async () => (await containers.api.status()).running, { timeout: 40_000 }).toBe(false);
  const { status } = await containers.api.snapshot();
  expect(status.run?.totals).toMatchObject({ failed_share: 0 });
  await containers.startService("user-service");
  await expect.poll(told, { timeout: 15_000 }).toMatchObject({ "user-service-1": fine, "user-service-2": fine });
});

test("faults take hold of containers through the gateway of Docker, and a dashboard that is killed leaves none", async ({
  containers,
}) => {
  test.setTimeout(120_000);
  const of = async (replica: string, what: string) =>
    containers.docker("inspect", "--format", what, await containers.container(replica));
  const state = async (replica: string) => of(replica, "{{.State.Status}}");
  const set = async (fault: Record<string, unknown>) => {
    const answer = await containers.api.post("/api/v1/faults", { duration: "5m", ...fault });
    expect(answer.status, await answer.clone().text()).toBe(200);
  };
  const process = async (replica: string) => {
    const { dependencies } = await (await containers.api.get("/health/detailed")).json();
    return dependencies[replica.slice(0, -2)].replicas[replica].process;
  };
  await set({ kind: "kill", replica: "product-service-1" });
  await set({ kind: "freeze", replica: "user-service-2" });
  await set({ kind: "memory", replica: "checkout-service-1", intensity: 1 });
  await set({ kind: "cpu", replica: "checkout-service-1", intensity: 4 });
  const limits = () => of("checkout-service-1", "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}");
  expect(await state("product-service-1")).toBe("exited");
  expect(await state("user-service-2")).toBe("paused");
  expect(await limits()).toBe(`200000000 ${64 << 20}`);
  await expect.poll(() => process("product-service-1")).toBe("ended");
  await expect.poll(() => process("user-service-2")).toBe("frozen");
  const disk = await containers.api.post("/api/v1/faults", { kind: "disk", replica: "product-service-2" });
  expect(disk.status).toBe(422);

  await containers.crash();
  await containers.startDashboard();
  await expect.poll(() => state("product-service-1"), { timeout: 30_000 }).toBe("running");
  await expect.poll(() => state("user-service-2"), { timeout: 30_000 }).toBe("running");
  await expect.poll(limits, { timeout: 30_000 }).toBe(`1000000000 ${128 << 20}`);
  const states = async () => {
    const { faults } = await (await containers.api.get("/api/v1/faults")).json();
    return faults.map(({ state, why }: { state: string; why: string }) => `${state} ${why}`);
  };
  await expect.poll(states, { timeout: 30_000 }).toEqual(Array(4).fill("restored start"));
  await expect.poll(() => process("product-service-1")).toBe("running");
});
