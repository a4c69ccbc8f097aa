import { createServer, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test } from "../harness/test.ts";

/** Hands everything on to the dashboard but the page's live stream, which `answer` answers. */
async function between(url: string, answer: (response: ServerResponse) => void) {
  const server = createServer((incoming, response) => {
    if (incoming.url?.startsWith("/fn/live")) return answer(response);
    const { hostname, port } = new URL(url);
    const { method, headers, url: path } = incoming;
    const onward = request({ hostname, port, method, path, headers }, (reply) => {
      response.writeHead(reply.statusCode ?? 502, reply.headers);
      reply.pipe(response);
    });
    onward.on("error", () => response.destroy());
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A message of a version that this page does not know, on a stream that stays open. */
const unreadable = 'id: 1-1\nevent: tick\ndata: {"type":"of-tomorrow"}\n\n';

test("a stream that can't be read is closed before the next is opened", async ({ page, stack }) => {
  let asked = 0;
  const open = new Set<ServerResponse>();
  const dashboard = await between(stack.url, (response) => {
    asked += 1;
    open.add(response);
    response.on("close", () => open.delete(response));
    response.writeHead(200, { "content-type": "application/octet-stream" });
    response.write(unreadable);
  });
  await page.goto(dashboard.url);
  await expect.poll(() => asked).toBeGreaterThan(3);
  await expect.poll(() => open.size).toBeLessThan(2);
  // So the page still works.
  await page.getByRole("link", { name: "Services" }).click();
  await expect(page.getByRole("heading", { name: "Services", level: 1 })).toBeVisible();
  dashboard.close();
});

test("a tab of another build loads itself again, once", async ({ page, stack }) => {
  let [asked, loads] = [0, 0];
  const dashboard = await between(stack.url, (response) => {
    asked += 1;
    response.writeHead(200, { "content-type": "application/octet-stream", "x-dashboard-build": "of-tomorrow" });
    response.end(unreadable);
  });
  page.on("load", () => (loads += 1));
  await page.goto(dashboard.url);
  await expect.poll(() => loads).toBe(2);
  const before = asked;
  await expect.poll(() => asked).toBeGreaterThan(before + 2);
  expect(loads).toBe(2);
  dashboard.close();
});

test("a tab of the same build stays", async ({ page, stack }) => {
  let loads = 0;
  page.on("load", () => (loads += 1));
  await page.goto(stack.url);
  await expect(page.getByTestId("connection")).toHaveAttribute("data-state", "live");
  expect(loads).toBe(1);
});
