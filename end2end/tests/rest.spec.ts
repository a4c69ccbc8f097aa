import { validate } from "@readme/openapi-parser";
import { expect, test } from "../harness/test.ts";

const base = "/api/v1/analytics";

test("every answer carries a correlation id: the caller's, or a new one", async ({ stack }) => {
  for (const path of [
    `${base}/load-test/status`,
    `${base}/load-test/scenarios`,
    `${base}/load-test/metrics`,
    "/health",
  ]) {
    const given = await stack.api.get(path, { "x-correlation-id": "my-id-1" });
    expect(given.headers.get("x-correlation-id"), path).toBe("my-id-1");
    expect(await given.json(), path).toMatchObject({ correlation_id: "my-id-1" });
    const made = await stack.api.get(path);
    expect(made.headers.get("x-correlation-id"), path).toMatch(/\S{8,}/);
  }
  const missing = await stack.api.get("/api/v1/no-such-route", { "x-correlation-id": "my-id-2" });
  expect(missing.status).toBe(404);
  expect(await missing.json()).toMatchObject({ success: false, error: /\S/, code: /\S/, correlation_id: "my-id-2" });
});

test("a run over the REST API, field by field", async ({ stack }) => {
  const request = { duration: 12, rps: 3, target: "all-services", test_type: "baseline" };
  const started = await (await stack.api.start(request)).json();
  expect(started).toMatchObject({
    success: true,
    status: "started",
    test_id: expect.stringMatching(/^[a-z0-9-]{1,64}$/),
    message: expect.stringMatching(/\S/),
    // On this route a bare `rps` counts users.
    configuration: {
      duration: 12,
      target_vus: 3,
      target_service: "all-services",
      test_type: "baseline",
      script_file: "api-load-test.js",
    },
    expected_duration: 12,
    correlation_id: expect.stringMatching(/\S/),
  });

  await expect.poll(async () => (await stack.api.status()).current_vus, { timeout: 15_000 }).toBe(3);
  expect(await stack.api.status()).toMatchObject({
    success: true,
    status: "running",
    running: true,
    metrics_available: true,
    test_id: started.test_id,
    active_tests: 1,
    is_k6_running: true,
    progress: expect.any(Number),
    elapsed_time: expect.any(Number),
    remaining_time: expect.any(Number),
    configuration: started.configuration,
  });

  const metrics = await (await stack.api.get(`${base}/load-test/metrics`)).json();
  expect(metrics).toMatchObject({ success: true, prometheus_available: true });
  for (const name of ["request_rate", "error_rate", "response_time_p95", "response_time_avg", "active_vus"]) {
    expect(metrics.metrics[name], name).toMatchObject({ value: expect.any(Number) });
  }
  const overview = await (await stack.api.get(`${base}/metrics/load-test`)).json();
  expect(overview.metrics).toMatchObject({
    requests_per_second: expect.any(Number),
    average_response_time: expect.any(Number),
    error_rate: expect.any(Number),
    active_users: 3,
  });
  expect(Object.keys(overview.services)).toEqual(
    expect.arrayContaining(["product-service", "user-service", "checkout-service"]),
  );

  await expect.poll(async () => (await stack.api.status()).status, { timeout: 30_000 }).toBe("completed");
  expect(await stack.api.status()).toMatchObject({ running: false, current_vus: 0, progress: 100, verdict: "passed" });
  const run = await (await stack.api.get(`/api/v1/runs/${started.test_id}`)).json();
  expect(run.run).toMatchObject({ id: started.test_id, state: { state: "finished", verdict: "passed" } });
  expect((await stack.api.get(`/api/v1/runs/${started.test_id}/log`)).ok).toBe(true);
});

test("a system without a run has no numbers, rather than zeros", async ({ freshStack: stack }) => {
  const { metrics } = await (await stack.api.get(`${base}/load-test/metrics`)).json();
  for (const name of ["request_rate", "error_rate", "response_time_p95", "response_time_avg"]) {
    expect(metrics[name]?.value ?? null, name).toBeNull();
  }
  expect(await stack.api.status()).toMatchObject({ status: "idle", running: false });
});

test("health, readiness and the API's description answer @containers", async ({ stack }) => {
  for (const path of ["/health", "/health/detailed", "/ready", "/live", "/api/openapi.json"]) {
    expect((await stack.api.get(path)).status, path).toBe(200);
  }
  const { paths } = await (await stack.api.get("/api/openapi.json")).json();
  expect(Object.keys(paths)).toEqual(
    expect.arrayContaining([
      `${base}/load-test/start`,
      `${base}/load-test/stop`,
      `${base}/load-test/status`,
      `${base}/load-test/scenarios`,
      `${base}/load-test/metrics`,
      `${base}/metrics/load-test`,
      "/api/v1/live",
      "/health",
    ]),
  );
  const scenarios = await (await stack.api.get(`${base}/load-test/scenarios`)).json();
  expect(scenarios.scenarios.map(({ name }: { name: string }) => name)).toEqual([
    "smoke",
    "load",
    "stress",
    "spike",
    "soak",
    "breakpoint",
  ]);
});

test("the description is valid OpenAPI", async ({ stack }) => {
  const description = await (await stack.api.get("/api/openapi.json")).json();
  expect(await validate(description)).toEqual({ valid: true, warnings: [], specification: "OpenAPI" });
});
