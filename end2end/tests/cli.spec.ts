import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "../harness/test.ts";

const plan = ["--target", "product-service", "--pattern", "spike", "--vus", "5", "--duration", "8s"];

test("a pipeline runs a test: plain lines, a JSON result, exit code 0", async ({ processes: stack }, info) => {
  const json = info.outputPath("result.json");
  const { code, output } = await stack.run([...plan, "--threshold", "http_req_duration:p(95)<2000", "--json", json]);
  expect(output).toContain("passed");
  // No terminal is there, so nothing may move the cursor.
  expect(output).not.toMatch(/[\u001b\r]/);
  expect(code).toBe(0);
  const result = JSON.parse(await readFile(json, "utf8"));
  expect(result).toMatchObject({ verdict: "passed", exit_code: 0, thresholds: [{ ok: true, k6_ok: true }] });
  expect(result.totals.requests).toBeGreaterThan(0);
  expect(result.totals.failed_share).toBe(0);
  const happened = result.events.map(({ kind }: { kind: { event: string } }) => kind.event);
  expect([happened[0], happened.at(-1)]).toEqual(["run-started", "run-ended"]);
  expect(result.faults).toEqual([]);
  expect(result.totals.p99_s).toBeGreaterThanOrEqual(result.totals.p95_s);
});

test("crossed thresholds give exit code 99", async ({ processes: stack }) => {
  await stack.turn("product-service", { latency_ms: 100, error_share: 0 });
  const { code, output } = await stack.run([...plan, "--threshold", "http_req_duration:p(95)<50"]);
  expect(output).toContain("failed");
  expect(code).toBe(99);
});

test("a plan that is not allowed gives exit code 2 and says what is", async ({ processes: stack }) => {
  for (const wrong of [
    ["--vus", "0"],
    ["--target", "../../etc/passwd"],
    ["--duration", "30d"],
    ["--pattern", "storm"],
  ]) {
    const { code, output } = await stack.run(wrong);
    expect(output).toContain(wrong[1]);
    expect(code, wrong.join(" ")).toBe(2);
  }
});

test("a setting that is not allowed stops the start and names itself", async ({ processes: stack }) => {
  const { code, output } = await stack.run(plan, { HAD_MAX_VUS: "many" });
  expect(output).toContain('HAD_MAX_VUS: "many" is not allowed');
  expect(code).toBe(2);
});

test("without k6 the start says what to do", async ({ processes: stack }) => {
  const { code, output } = await stack.run(plan, { HAD_K6: join(stack.scripts, "no-such-k6") });
  expect(output).toContain("k6");
  expect(code).not.toBe(0);
});

test("the emergency stop says what it came to and gives exit code 0", async ({ processes: stack }) => {
  const stopped = await stack.ask(["emergency-stop"]);
  expect(stopped.output).toContain("no plan starts by itself");
  expect(stopped.code).toBe(0);
});
