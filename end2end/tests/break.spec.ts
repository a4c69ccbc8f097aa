import { Cable } from "../harness/net.ts";
import { expect, keepPicture, test } from "../harness/test.ts";
import { LoadPage, shortPlan } from "../pages/load-page.ts";

test("after a network break the picture goes on without gaps or doubled points", async ({ page, stack }) => {
  const cable = await Cable.to(stack.url);
  const load = await LoadPage.open(page, cable.url);
  await load.start({ ...shortPlan, duration: "25s" });
  await load.expectLive();

  cable.cut();
  await expect(load.connection).toHaveAttribute("data-state", "lost");
  await expect(page.getByTestId("last-values")).toHaveText(/^Last values from \d\d:\d\d:\d\d, trying again$/);
  await keepPicture(page, "lost-light-1440");
  await load.stopButton.click();
  await expect(load.actionError).toBeVisible();
  const before = await load.points();
  // Rows must go on being made while nobody hears of them.
  await expect.poll(async () => (await stack.api.snapshot()).history.at_ms.length).toBeGreaterThan(before + 3);

  cable.mend();
  await expect(load.connection).toHaveAttribute("data-state", "live", { timeout: 20_000 });
  await expect(page.getByTestId("last-values")).toBeHidden();
  await expect(load.actionError).toBeHidden();
  await load.expectVerdict("passed", 60_000);

  // Rows go on for a while after the end; both sides must come to the same ones.
  let at_ms: number[] = [];
  await expect(async () => {
    at_ms = (await stack.api.snapshot()).history.at_ms;
    expect(await load.points()).toBe(at_ms.length);
    expect(await load.lastMs()).toBe(at_ms.at(-1));
  }).toPass({ timeout: 20_000 });
  for (const [at, ms] of at_ms.slice(1).entries()) {
    const step = ms - (at_ms[at] ?? 0);
    expect(step, `row ${at + 1} is later than the one before`).toBeGreaterThan(0);
    expect(step, `row ${at + 1} follows its predecessor by ${step} ms`).toBeLessThan(2_500);
  }
  await cable.close();
});

test("a crash of the dashboard costs no run: the next start adopts it, and it ends as planned @containers", async ({
  freshStack: stack,
  page,
}) => {
  const load = await LoadPage.open(page, stack.url);
  await load.start({ ...shortPlan, duration: "25s" });
  await load.expectLive();
  const { test_id } = await stack.api.status();

  await stack.crash();
  await expect(load.connection).toHaveAttribute("data-state", "lost");
  await stack.startDashboard();
  expect(await stack.api.status()).toMatchObject({ running: true, test_id });

  await expect(load.connection).toHaveAttribute("data-state", "live", { timeout: 20_000 });
  await load.expectState("running");
  await load.expectVerdict("passed", 40_000);
  // The hub fills its history again from the store: rows from before the crash are there.
  const { history, status } = await stack.api.snapshot();
  expect(history.at_ms[0]).toBeLessThan((status.run?.started_ms ?? 0) + 5_000);
});

test("a run that ended while the dashboard was away has its verdict afterwards @containers", async ({
  freshStack: stack,
  page,
}) => {
  const load = await LoadPage.open(page, stack.url);
  // Not the dashboard itself: it answers nothing while it is away.
  await load.start({ ...shortPlan, target: "product-service", duration: "10s" });
  await load.expectLive();
  await stack.crash();
  expect(await stack.k6AtWork(), "k6 outlives the dashboard").not.toHaveLength(0);
  await expect.poll(() => stack.k6AtWork(), { timeout: 30_000 }).toHaveLength(0);
  await stack.startDashboard();
  await page.reload();
  await load.hydrated();
  await load.expectVerdict("passed");
});
