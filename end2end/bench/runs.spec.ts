import { expect, test } from "../harness/test.ts";
import { Stack } from "../harness/stack.ts";
import { printFigures, report } from "./figures.ts";

const many = 10_000;
const rounds = 20;

test.afterAll(printFigures);

/** Milliseconds until the whole answer is there, and its size as it is sent. */
async function timed(url: string): Promise<{ ms: number; kilobytes: number }> {
  const begun = performance.now();
  const answer = await fetch(url, { headers: { "accept-encoding": "identity" } });
  const body = await answer.arrayBuffer();
  expect(answer.status, url).toBe(200);
  return { ms: performance.now() - begun, kilobytes: body.byteLength / 1000 };
}

test("ten thousand runs", async () => {
  test.setTimeout(300_000);
  const stack = await Stack.start({ HAD_KEEP_RUNS: String(2 * many) });
  await stack.api.start({ duration: 20, target_vus: 2, target: "product-service", test_type: "smoke" });
  const { test_id } = await stack.api.status();
  await expect(async () => expect((await stack.api.status()).running).toBe(false)).toPass({ timeout: 60_000 });
  const { run } = await (await stack.api.get(`/api/v1/runs/${test_id}`)).json();
  const begun = performance.now();
  await stack.multiplyRuns(run, many);
  report({
    name: `${many} records of the former format taken over`,
    unit: "s",
    values: [(performance.now() - begun) / 1000],
  });
  expect((await (await stack.api.get("/api/v1/runs")).json()).found).toBe(many + 1);

  const measure = async (name: string, path: string, goal: number) => {
    await timed(stack.url + path);
    const values: number[] = [];
    for (let round = 0; round < rounds; round++) values.push((await timed(stack.url + path)).ms);
    report({ name, unit: "ms", values, goal });
  };
  await measure(`first page of ${many} runs`, "/runs", 20);
  await measure(`last page of ${many} runs`, `/runs?page=${many / 50}`, 20);
  await measure(`search in ${many} runs, one fits`, `/runs?search=${run.id}`, 50);
  await measure(`search in ${many} runs, none fits`, "/runs?search=nowhere+to+be+found", 50);
  await measure("report of a run", `/runs/${run.id}`, 100);
  await stack.stop();
});
