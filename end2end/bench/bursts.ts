import { createServer } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { expect } from "../harness/test.ts";
import { longPlan, type LoadPage } from "../pages/load-page.ts";

const rounds = 5;
const vus = 10;

/** A service that tells when as many connections as asked for have sent a request: each VU has one of its own. */
export async function crowdOf() {
  let known = new Set<Socket>();
  let wanted = Number.POSITIVE_INFINITY;
  let full = (_at: number) => {};
  const server = createServer((request, response) => {
    if (request.headers["user-agent"]?.startsWith("ha-dashboard") && !known.has(request.socket)) {
      known.add(request.socket);
      if (--wanted === 0) full(Date.now());
    }
    response.end("ok");
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** When so many new ones have asked. */
    next: (more: number) =>
      new Promise<number>((resolve) => {
        [wanted, full] = [more, resolve];
      }),
    close: () => {
      known = new Set();
      server.closeAllConnections();
      server.close();
    },
  };
}

/** Seconds from the click that adds load to the first request of the last of its VUs. */
export async function bursts(load: LoadPage, service: Awaited<ReturnType<typeof crowdOf>>): Promise<number[]> {
  const { page } = load;
  await load.start({ ...longPlan, target: "probe", pattern: "smoke", peak: 1, thresholds: "" });
  await load.expectLive();
  await page.getByText("Add load", { exact: true }).first().click();
  const form = page.getByRole("form", { name: "Add load" });
  await form.getByLabel("More load").fill(String(vus));
  await form.getByLabel("Duration").fill("");
  const seconds: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const full = service.next(vus);
    const begun = await form.getByRole("button").evaluate((button: HTMLButtonElement) => {
      button.click();
      return Date.now();
    });
    seconds.push(((await full) - begun) / 1000);
    await page.getByRole("button", { name: `Remove ${vus} VUs` }).click();
    await expect(page.getByTestId("bursts").getByRole("listitem")).toHaveCount(0, { timeout: 20_000 });
  }
  await load.stopButton.click();
  await load.expectVerdict("stopped");
  return seconds;
}
