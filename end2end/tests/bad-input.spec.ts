import { request } from "node:http";
import { expect, test } from "../harness/test.ts";
import { LoadPage, injection, longPlan, shortPlan, type FieldName } from "../pages/load-page.ts";

/** Texts that mean something to PromQL, JSON, HTML, shells and file systems. */
const hostile = [
  `"}) or vector(1) # {job=~".*"}`,
  `","target":"x"},{"a":"`,
  `<img src=x onerror="document.title='owned'">`,
  `'; $(touch /tmp/owned) \`id\` ; --`,
  `\${__ENV} {{7*7}} %s %n \\u0000`,
];

test.describe("the form", () => {
  const refused: [FieldName, string][] = [
    ["peak", "0"],
    ["peak", "-1"],
    ["peak", "1e9"],
    ["peak", "1000000000"],
    ["peak", "ten"],
    ["peak", ""],
    ["duration", "0"],
    ["duration", "30d"],
    ["duration", "2592000"],
    ["duration", "-5s"],
    ["duration", "soon"],
    ["ramp", "1h"],
    ["request_timeout", "2 min"],
    ["thresholds", "http_req_duration:p(95)"],
    ["thresholds", "no such metric:p(95)<5"],
    ["duration", "1:5"],
    ["stop_when", "p95 < 2 s for 15 s"],
    ["regression", "p95 10"],
  ];
  for (const [field, value] of refused) {
    test(`${field} ${JSON.stringify(value)} is refused while typing, with what is allowed`, async ({ load }) => {
      await load.fill(shortPlan);
      await load.set(field, value);
      await load.field(field).first().blur();
      await expect(load.error(field)).toBeVisible();
      await expect(load.error(field)).not.toBeEmpty();
      await expect(load.field(field).first()).toHaveAttribute("aria-invalid", "true");
      await expect(load.field(field).first()).toHaveAccessibleDescription(/\S/);
      // Start goes to the field instead of starting.
      await load.startButton.click();
      await expect(load.field(field).first()).toBeFocused();
      await expect(load.state).not.toHaveAttribute("data-state", /starting|running/);
      // Mending the field takes the error away.
      await load.set(field, field in shortPlan ? shortPlan[field as keyof typeof shortPlan] : "");
      await expect(load.error(field)).not.toBeVisible();
    });
  }

  test("quotes, braces and markup in every text field are text", async ({ load, page, stack }) => {
    for (const text of hostile) {
      for (const field of ["peak", "duration", "ramp", "thresholds"] as const) {
        await load.set(field, text);
        await load.field(field).first().blur();
        await expect(load.error(field)).toBeVisible();
      }
    }
    await expect(page).not.toHaveTitle("owned");
    expect(await page.locator("img[src='x']").count()).toBe(0);
    expect((await stack.api.status()).running).toBe(false);
  });
});

test("a metric that the script does not make is refused at the start, and nothing typed is lost", async ({
  load,
  stack,
}) => {
  const thresholds = "no_such_metric:p(95)<5";
  await load.fill({ ...shortPlan, thresholds });
  await load.startButton.click();
  await expect(load.error("thresholds")).toContainText("no_such_metric");
  await expect(load.field("thresholds").first()).toHaveValue(thresholds);
  expect((await stack.api.status()).running).toBe(false);
});

test("a link can put no form of its own into the page", async ({ page, stack }) => {
  const load = new LoadPage(page);
  await page.goto(`${stack.url}/load?error=invalid&thresholds=${encodeURIComponent(injection)}`);
  await expect(page.locator("html")).toHaveAttribute("data-hydrated", "true");
  await expect(load.field("thresholds")).toHaveValue(injection);
  await expect(page.locator("#injected")).toHaveCount(0);
});

test.describe("the REST API", () => {
  const good = { duration: 12, target_vus: 2, target: "all-services", test_type: "baseline" };
  const refused: [string, Record<string, unknown>][] = [
    ["VUs 0", { target_vus: 0 }],
    ["VUs -1", { target_vus: -1 }],
    ["VUs 1e9", { target_vus: 1e9 }],
    ["VUs as a word", { target_vus: "ten" }],
    ["VUs as a fraction", { target_vus: 1.5 }],
    ["duration 0", { duration: 0 }],
    ["duration of 30 days", { duration: 30 * 24 * 3600 }],
    ["unknown target", { target: "no-such-service" }],
    ["an address as target", { target: "http://127.0.0.1:9/" }],
    ["a path as target", { target: "../../etc/passwd" }],
    ["unknown type", { test_type: "no-such-type" }],
    ["a path as script", { script: "../../etc/passwd" }],
    ...hostile.map((text): [string, Record<string, unknown>] => [`target ${text}`, { target: text }]),
    ...hostile.map((text): [string, Record<string, unknown>] => [`script ${text}`, { script: text }]),
  ];
  for (const [name, change] of refused) {
    test(`${name} is refused`, async ({ stack }) => {
      const answer = await stack.api.start({ ...good, ...change });
      const body = (await answer.json()) as { success: boolean; error: string; correlation_id: string };
      expect([400, 422]).toContain(answer.status);
      expect(body.success).toBe(false);
      expect(body.error).not.toBe("");
      expect(body.correlation_id).not.toBe("");
      expect((await stack.api.status()).running).toBe(false);
    });
  }

  const start = "/api/v1/analytics/load-test/start";
  const malformed: [string, RequestInit, number[]][] = [
    ["no JSON", { body: "{" }, [400]],
    ["a list", { body: "[]" }, [400, 422]],
    ["deep nesting", { body: "[".repeat(30_000) }, [400]],
    ["a wrong content type", { body: "<a/>", headers: { "content-type": "text/xml" } }, [415]],
  ];
  for (const [name, init, statuses] of malformed) {
    test(`${name} is refused`, async ({ stack }) => {
      const answer = await fetch(stack.url + start, {
        method: "POST",
        headers: { "content-type": "application/json" },
        ...init,
      });
      expect(statuses).toContain(answer.status);
      expect(await answer.json()).toMatchObject({ success: false, error: /\S/, correlation_id: /\S/ });
    });
  }

  test("a body of 10 MB is refused without reading it", async ({ stack }) => {
    const body = JSON.stringify({ target: "x".repeat(10_000_000) });
    // As curl does it with large bodies: ask first.
    const headers = { "content-type": "application/json", "content-length": body.length, expect: "100-continue" };
    const status = await new Promise((done, failed) => {
      const asked = request(stack.url + start, { method: "POST", headers }, (answer) => done(answer.statusCode));
      asked.on("continue", () => failed(new Error("the dashboard wants to read it")));
      asked.on("error", failed);
      asked.flushHeaders();
    });
    expect(status).toBe(413);
    // Who does not ask may find the connection closed while still writing; the dashboard goes on.
    const unasked = await fetch(stack.url + start, { method: "POST", body }).then(
      ({ status }) => status,
      () => "closed",
    );
    expect([413, "closed"]).toContain(unasked);
    expect((await stack.api.status()).running).toBe(false);
  });

  test("two Starts at the same instant: one wins, one gets 409 with the running id", async ({ stack }) => {
    const answers = await Promise.all([stack.api.start(good), stack.api.start(good)]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409]);
    const of = (status: number) => answers.find((answer) => answer.status === status)?.json();
    const winner = await of(200);
    const loser = await of(409);
    expect(loser).toMatchObject({ code: "already_running", running: winner.test_id });
    expect(loser.error).toContain(winner.test_id);
    expect((await stack.api.status()).test_id).toBe(winner.test_id);
  });

  test("Stop with nothing running is refused and changes nothing", async ({ stack }) => {
    const answer = await stack.api.stop();
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({ success: false, error: expect.stringMatching(/\S/) });
  });
});

test("two presenters press Start at the same instant: both see the one run", async ({ load, browser, stack }) => {
  const context = await browser.newContext();
  const second = await LoadPage.open(await context.newPage(), stack.url);
  await load.fill(longPlan);
  await second.fill(longPlan);
  // Not click(): it would wait for the button of whose page already shows the other one's run.
  const buttons = await Promise.all([load, second].map(({ startButton }) => startButton.elementHandle()));
  await Promise.all(buttons.map((button) => button?.evaluate((element) => (element as HTMLElement).click())));
  await load.expectState("running");
  await second.expectState("running");
  await load.stopButton.click();
  await load.expectVerdict("stopped");
  await second.expectVerdict("stopped");
  await context.close();
});

test("a service that is down does not stop the dashboard: the run shows it @containers", async ({
  freshStack: stack,
  page,
}) => {
  const load = await LoadPage.open(page, stack.url);
  await stack.endService("user-service");
  await page.getByRole("link", { name: "Services" }).click();
  // Where a gateway stands before it, that answers in its place.
  const service = page.getByTestId("service-user-service").first();
  await expect(service).toHaveAttribute("data-health", /^(down|degraded)$/, { timeout: 15_000 });
  await expect(service).toContainText(/refuses connections|503/);
  await page.goto(`${stack.url}/load`);
  await load.hydrated();
  await load.start({ ...shortPlan, target: "user-service", thresholds: "http_req_failed:rate<0.01" });
  await expect.poll(() => load.stat("failed"), { timeout: 20_000 }).toBeGreaterThan(0.9);
  await load.expectVerdict("failed");
});
