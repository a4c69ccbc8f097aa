import { readFile } from "node:fs/promises";
import { expectAccessible } from "../harness/axe.ts";
import { expect, keepPicture, sidewaysPixels, test } from "../harness/test.ts";
import { LoadPage, longPlan } from "../pages/load-page.ts";

test("a run gets a name, a note, tags and a star, is found by them, thrown away and brought back", async ({
  page,
  processes: stack,
}) => {
  // What other tests left is in the list, too: this one is told by its name.
  const mark = `m${Date.now()}`;
  await stack.api.start({ duration: 60, target_vus: 2, target: "user-service", test_type: "load" });
  const load = await LoadPage.open(page, stack.url);
  await load.expectLive(3);
  const { test_id } = await stack.api.status();
  await stack.api.idle();

  await page.goto(`${stack.url}/runs/${test_id}`);
  await load.hydrated();
  await page.getByText("Add a name, a note or tags").click();
  await page.getByLabel("Name", { exact: true }).fill(`Release <b>2</b> ${mark}`);
  await page.getByLabel("Tags").fill("no tag <b>");
  await page.getByLabel("Note").fill("Before the **new cache**\n\n<script>alert(1)</script>");
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.getByText("is no tag")).toBeVisible();
  // Nothing typed is lost.
  await expect(page.getByLabel("Note")).toHaveValue(/new cache/);
  await page.getByLabel("Tags").fill(`Nightly, ${mark}`);
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator("#run-title")).toHaveText(`Release <b>2</b> ${mark}`);
  await expect(page.getByTestId("run-note").locator("strong")).toHaveText("new cache");
  await expect(page.getByTestId("run-note")).toContainText("<script>");
  await expectAccessible(page);
  await keepPicture(page, "run-labels-1440");

  // Its tag leads to all that have it.
  await page.locator(".tag", { hasText: mark }).click();
  const row = page.getByTestId("run-row");
  await expect(row).toHaveCount(1);
  await expect(row).toContainText("Release <b>2</b>");
  await expect(page.getByLabel("Tag", { exact: true })).toHaveValue(mark);
  await row.getByRole("button", { name: "Keep" }).click();
  await expect(row.getByRole("button", { name: "Keep" })).toHaveAttribute("aria-pressed", "true");

  await page.getByRole("link", { name: "Show all" }).click();
  await expect(page.getByLabel("Tag", { exact: true })).toHaveValue("");
  await page.getByRole("searchbox").fill(`CACHE ${mark}`);
  await page.getByLabel("Verdict").selectOption("Stopped");
  await page.getByLabel("Starred only").check();
  await page.getByRole("searchbox").press("Enter");
  await expect(page).toHaveURL(/search=CACHE.*verdict=stopped.*starred=yes/);
  await expect(row).toHaveCount(1);
  await expectAccessible(page);
  await keepPicture(page, "runs-1440");
  expect(await sidewaysPixels(page)).toBe(0);

  // A terminal says what it is told to say, and nothing else.
  const { code, output } = await stack.ask(["label", `${test_id}`, "--name", "From a pipeline"]);
  expect([code, output]).toEqual([0, expect.stringContaining(`tags: ${mark}, nightly`)]);
  expect((await stack.ask(["label", `${test_id}`, "--name", "two\nlines"])).code).toBe(2);
  await page.reload();
  await expect(row).toContainText("From a pipeline");

  await row.getByRole("button", { name: "Throw away" }).click();
  await expect(row).toHaveCount(0);
  const gone = page.getByTestId("run-gone");
  await expect(gone).toContainText("is in the trash");
  expect((await (await stack.api.get(`/api/v1/runs?search=${mark}`)).json()).found).toBe(0);
  await gone.getByRole("button", { name: "Bring back" }).click();
  await expect(row).toHaveCount(1);
  await expect(gone).toHaveCount(0);

  // Of one that is in the trash its page tells the same.
  await row.getByRole("button", { name: "Throw away" }).click();
  await page.goto(`${stack.url}/runs/${test_id}`);
  await load.hydrated();
  await gone.getByRole("button", { name: "Bring back" }).click();
  await expect(gone).toHaveCount(0);

  await page.goto(`${stack.url}/runs?search=${mark}+nowhere`);
  await expect(page.getByText("No run fits")).toBeVisible();
  await page.goto(`${stack.url}/runs?page=0`);
  await expect(page.getByRole("alert")).toContainText("A whole number from 1");
});

test("runs are compared, held against a baseline, and told by a badge", async ({ page, stack }) => {
  const ids: string[] = [];
  for (const latency_ms of [0, 150]) {
    await stack.turn("checkout-service", { latency_ms, error_share: 0 });
    await stack.api.start({ duration: 60, target_vus: 2, target: "checkout-service", test_type: "smoke" });
    const load = await LoadPage.open(page, stack.url);
    await load.expectLive(4);
    ids.push(String((await stack.api.status()).test_id));
    await stack.api.idle();
  }
  const [fast, slow] = ids;
  // Chosen in the list.
  await page.goto(`${stack.url}/runs?target=checkout-service`);
  await expect(page.locator("html[data-hydrated]")).toBeAttached();
  for (const id of ids) await page.locator(`[data-run="${id}"]`).getByRole("checkbox").check();
  await page.getByRole("button", { name: "Compare the chosen runs" }).click();
  await expect(page.getByRole("heading", { level: 1 })).toHaveText("Compare runs");
  await expect(page.getByTestId("compared").getByRole("listitem")).toHaveCount(2);
  // The newer one comes first in the list, so the other one is better.
  const p95 = page.getByRole("row", { name: /^p95/ }).first();
  await expect(p95).toContainText("better");
  await expect(page.getByTestId("compared-p95").locator(".plot-line")).toHaveCount(2);
  await expectAccessible(page);
  await keepPicture(page, "compare-1440");
  await page.goto(`${stack.url}/runs/compare?ids=${fast}`);
  await expect(page.getByRole("alert")).toContainText("at least two");

  await page.goto(`${stack.url}/runs/${fast}`);
  await expect(page.locator("html[data-hydrated]")).toBeAttached();
  await page.getByRole("button", { name: "Make this the baseline" }).click();
  await expect(page.getByRole("button", { name: "No longer the baseline" })).toBeVisible();
  const refused = await fetch(`${stack.url}/api/v1/runs/${fast}`, { method: "DELETE" });
  expect(refused.status).toBe(409);
  await page.goto(`${stack.url}/runs/${slow}`);
  await expect(page.getByTestId("against").getByRole("row", { name: /^p95/ })).toContainText("worse");
  const badge = await (await fetch(`${stack.url}/badge/checkout-service.svg`)).text();
  expect(badge).toContain("Stopped · p95");
  expect((await fetch(`${stack.url}/badge/nobody.svg`)).status).toBe(404);
});

test("a stop criterion ends a run, whose report leaves as files and by a link", async ({
  browser,
  load,
  page,
  processes: stack,
}) => {
  await load.start({ ...longPlan, thresholds: "", stop_when: "p95 > 1 ms for 3 s", regression: "p95 10 %" });
  await load.expectVerdict("aborted", 60_000);
  await expect(load.verdict).toContainText("Stopped by a stop criterion");
  const { run } = (await stack.api.snapshot()).status;
  const path = `/runs/${run?.id}`;
  await page.goto(stack.url + path);
  await load.hydrated();
  // There is nothing to hold it against, which is told and not passed over.
  await expect(page.locator(".report")).toContainText("no baseline");
  await keepPicture(page, "run-aborted-1440");

  for (const [name, holds] of [
    ["Everything (JSON)", `"verdict":"aborted"`],
    ["Endpoints (CSV)", "GET"],
    ["Values over time (CSV)", "p95"],
    ["Verdict (JUnit XML)", "<testsuite "],
  ] as const) {
    const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name }).click()]);
    const text = await readFile(await file.path(), "utf8");
    expect(text.replace(/"verdict": "/g, `"verdict":"`), name).toContain(holds);
  }

  const share = page.getByTestId("share");
  await share.getByText("Share this report").click();
  await share.getByRole("button", { name: "Make a link" }).click();
  const address = await page.getByTestId("share-address").innerText();
  await keepPicture(page, "share-made-1440");
  const stranger = await (await browser.newContext()).newPage();
  await stranger.goto(address);
  await expect(stranger.getByRole("heading", { level: 1 })).toBeVisible();
  await expect(stranger.locator(".plot-line").first()).toBeVisible();
  await expect(stranger.getByRole("link")).toHaveCount(0);
  await expect(stranger.getByRole("button")).toHaveCount(0);
  await expectAccessible(stranger);
  await page.goto(stack.url + path);
  await load.hydrated();
  await share.getByText("Share this report").click();
  await page.getByTestId("share-link").getByRole("button", { name: "Take back" }).click();
  await expect(page.getByTestId("share-link")).toHaveCount(0);
  expect((await stranger.reload())?.status()).toBe(410);
  await expect(stranger.getByTestId("share-closed")).toBeVisible();
  await stranger.context().close();
});
