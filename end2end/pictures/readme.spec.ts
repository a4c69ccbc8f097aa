import { join } from "node:path";
import { repository } from "../harness/program.ts";
import { expect, test } from "../harness/test.ts";

test("the README's picture: a spike over all services, just past its top", async ({ load, page, stack }) => {
  await stack.turn("checkout-service", { latency_ms: 60, error_share: 0.004 });
  await load.start({
    script: "shop-journey.js",
    target: "all-services",
    pattern: "spike",
    model: "vus",
    peak: 40,
    duration: "60s",
    thresholds: "http_req_duration:p(95)<150\nhttp_req_failed:rate<0.01",
  });
  await expect.poll(() => load.points(), { timeout: 90_000 }).toBeGreaterThanOrEqual(42);
  await page.screenshot({ path: join(repository, "end2end/screenshots/running-light.png") });
  await load.stopButton.click();
});
