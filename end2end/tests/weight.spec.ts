import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "../harness/test.ts";
import { repository } from "../harness/program.ts";

test("a first visit costs what the compressed files weigh, and no more", async ({ browser, stack }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  const wire = await context.newCDPSession(page);
  await wire.send("Network.enable");
  const paths = new Map<string, string>();
  const bytes = new Map<string, number>();
  wire.on("Network.responseReceived", ({ requestId, response }) => {
    paths.set(requestId, new URL(response.url).pathname);
    if (/\.(js|wasm|css)$/.test(response.url)) expect(response.headers["content-encoding"], response.url).toBe("br");
  });
  wire.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    const path = paths.get(requestId);
    if (path) bytes.set(path, encodedDataLength);
  });
  await page.goto(stack.url);
  await expect(page.locator("html")).toHaveAttribute("data-hydrated", "true", { timeout: 15_000 });
  await expect.poll(() => bytes.has("/vendor/echarts.min.js")).toBe(true);

  const site = join(repository, "target/site");
  const names = await readdir(join(site, "pkg"));
  for (const name of names.filter((name) => /\.(js|wasm|css)$/.test(name))) {
    const { size } = await stat(join(site, "pkg", `${name}.br`));
    // With its headers.
    const sent = bytes.get(`/pkg/${name}`) ?? 0;
    expect(sent, name).toBeGreaterThanOrEqual(size);
    expect(sent, name).toBeLessThan(size + 2_000);
  }
  const all = [...bytes.values()].reduce((sum, size) => sum + size, 0);
  expect(all, JSON.stringify([...bytes])).toBeLessThan(775_000);
  await context.close();
});
