import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test as base } from "../harness/test.ts";
import { longPlan } from "../pages/load-page.ts";

const test = base.extend<{
  /** Puts a script into the folder, for as long as the test goes on, and opens the page anew. */
  put: (name: string, text: string) => Promise<void>;
}>({
  put: async ({ load, page, stack }, use) => {
    const files: string[] = [];
    await use(async (name, text) => {
      const file = join(stack.scripts, name);
      files.push(file);
      await writeFile(file, text);
      await page.reload();
      await load.hydrated();
    });
    for (const file of files) await rm(file);
  },
});

test("a script dropped into the folder shows up with its own options and runs by them @containers", async ({
  load,
  page,
  put,
  stack,
}) => {
  const name = "my-own-test.js";
  await put(
    name,
    `import http from "k6/http";
     import { sleep } from "k6";
     export const options = { scenarios: { mine: { executor: "constant-vus", vus: 3, duration: "11s" } },
                              thresholds: { http_req_duration: ["p(95)<3000"] } };
     export default function () {
       http.get("${stack.serviceUrl("product-service")}/health", { tags: { name: "health", service: "product-service" } });
       sleep(0.2);
     }`,
  );
  await load.set("script", name);
  const own = page.getByTestId("own-options");
  await expect(own).toContainText("constant-vus");
  await expect(own.getByText("3", { exact: true })).toBeVisible();
  await expect(own).toContainText("http_req_duration");
  await load.startButton.click();
  await load.expectLive();
  await expect.poll(() => load.stat("vus"), { timeout: 10_000 }).toBe(3);
  await load.expectVerdict("passed");
});

test("a script that k6 refuses shows k6's message and can't be started @containers", async ({ load, put, stack }) => {
  const name = "broken.js";
  await put(name, "export default function ( { // never closed");
  await load.set("script", name);
  await expect(load.error("script")).toContainText(/SyntaxError|Unexpected/i);
  await load.startButton.click();
  await expect(load.state).not.toHaveAttribute("data-state", /starting|running/);
  const answer = await stack.api.start({ script: name, duration: 12, target_vus: 2, target: "all-services" });
  expect([400, 422]).toContain(answer.status);
});

test("a script that k6 is still looking at holds up nobody, and is told as broken when k6 gives up", async ({
  load,
  page,
  put,
}) => {
  const name = "endless.js";
  await put(name, "while (true) {}\nexport default function () {}");
  const option = page.locator("#draft-script option", { hasText: name });
  await expect(option).toHaveText(`${name} (k6 is checking it)`);
  await load.start({ ...longPlan, script: "shop-journey.js" });
  await load.expectLive();
  await load.stopButton.click();
  await load.expectVerdict("stopped");
  await load.set("script", "shop-journey.js");
  await expect(option).toHaveText(`${name} (broken)`, { timeout: 30_000 });
  await expect(load.field("script")).toHaveValue("shop-journey.js");
});

test("a script that fails at run time ends as crashed, with k6's words @containers", async ({ load, page, put }) => {
  const name = "throws.js";
  await put(
    name,
    `export const options = { scenarios: { mine: { executor: "shared-iterations", vus: 1, iterations: 1, maxDuration: "11s" } } };
     export function setup() { throw new Error("the kettle is empty"); }
     export default function () {}`,
  );
  await load.set("script", name);
  await load.startButton.click();
  await load.expectVerdict("crashed");
  await expect(page.getByRole("main")).toContainText("the kettle is empty");
});
