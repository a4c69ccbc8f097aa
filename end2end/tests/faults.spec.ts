import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expectAccessible } from "../harness/axe.ts";
import { Cable, freePort } from "../harness/net.ts";
import { Program, repository } from "../harness/program.ts";
import { expect, keepPicture, sidewaysPixels, test } from "../harness/test.ts";

test("a replica is killed under load, what it cost is told, and it comes back by itself", async ({
  staged,
  page,
  browser,
}) => {
  const active = page.getByTestId("fault");
  const earlier = page.getByTestId("earlier-fault");
  const set = page.getByRole("button", { name: "Set fault" });
  const kind = (name: string) => page.locator(`[name="draft[kind]"][value="${name}"]`);
  await staged.api.start({ duration: 60, target_vus: 6, target: "product-service" });
  await expect.poll(async () => (await staged.api.status()).current_vus, { timeout: 20_000 }).toBeGreaterThan(3);
  const { test_id } = await staged.api.status();

  await page.goto(`${staged.url}/faults`);
  await expect(page.locator("html")).toHaveAttribute("data-hydrated", "true", { timeout: 15_000 });
  await expect(page.getByLabel("Where")).toHaveValue("product-service-1");
  await expect(kind("kill")).toBeChecked();
  await page.getByLabel("Duration").fill("0");
  await expect(page.locator(".fault-form .field-error")).toContainText("1 s");
  await page.getByLabel("Duration").fill("5 s");
  await expect(page.getByTestId("fault-summary")).toContainText("product-service-1 (1 of 2 replicas)");
  await expectAccessible(page);
  await set.click();
  await expect(active).toContainText("Kill · product-service-1");
  await expect(page.getByTestId("fault-badge")).toHaveText("1 fault");
  await keepPicture(page, "faults-light-1440");

  // What is at work there is named, and the last replica is not taken without being asked twice.
  await page.getByLabel("Where").selectOption("product-service-2");
  await set.click();
  await expect(page.getByTestId("fault-problem")).toContainText("without a replica");
  await expect(page.getByLabel("Even if no replica is left")).toBeVisible();
  await page.getByLabel("Where").selectOption("product-service-1");
  await expect(page.getByTestId("fault-problem")).toHaveCount(0);
  await kind("freeze").check({ force: true });
  await set.click();
  await expect(page.getByTestId("fault-problem")).toContainText("“Kill” is at work on product-service-1");

  await expect(active).toHaveCount(0, { timeout: 20_000 });
  await expect(earlier).toContainText("healthy again after", { timeout: 20_000 });
  await expect(earlier.getByTestId("fault-cost")).toContainText(/detected after .* requests failed/i);
  await expect(earlier.getByTestId("fault-clocks")).toContainText(/Detected by the gateway\s*\d/);
  await earlier.getByText("All figures").click();
  await expect(earlier.getByTestId("fault-figures")).toContainText("Availability until recovered");
  const { faults } = (await (await staged.api.get("/api/v1/faults")).json()) as {
    faults: { state: string; why: string }[];
  };
  expect(faults).toMatchObject([{ state: "restored", why: "time" }]);

  // A door's fault, felt by callers, and taken back by one button.
  const time = async () => {
    const from = performance.now();
    await (await fetch(`${staged.serviceUrl("user-service")}/health`)).text();
    return performance.now() - from;
  };
  await page.getByLabel("Where").selectOption("user-service");
  await kind("latency").check({ force: true });
  await page.getByLabel("Intensity").fill("8");
  await expect(page.getByTestId("fault-summary")).toContainText("2 of 2 replicas");
  await expect(page.getByTestId("fault-summary")).toContainText("800 ms ± 160 ms on every answer");
  await page.getByLabel("Duration").fill("60 s");
  await set.click();
  await expect(active).toContainText("Latency · user-service, 2 replicas");
  expect(await time()).toBeGreaterThan(600);
  await page.getByRole("button", { name: "Restore everything" }).click();
  await expect(active).toHaveCount(0);
  expect(await time()).toBeLessThan(500);

  await page.setViewportSize({ width: 390, height: 844 });
  expect(await sidewaysPixels(page)).toBe(0);
  await page.emulateMedia({ colorScheme: "dark" });
  await keepPicture(page, "faults-dark-390");

  // A scenario is told in words, and chosen for a load test: its steps are in the preview, and the load is long enough.
  await staged.api.stop();
  const scenario = page.getByTestId("scenario").filter({ hasText: "failover.yaml" });
  await expect(scenario).toContainText("Kill · product-service-1");
  await scenario.getByRole("link").click();
  await expect(page.getByLabel("Scenario")).toHaveValue("failover.yaml");
  await expect(page.getByLabel("Duration", { exact: true })).toHaveValue("90 s");
  await expect(page.getByTestId("chart-preview")).toContainText("Freeze");

  // The same without JavaScript.
  const plain = await (await browser.newContext({ javaScriptEnabled: false, locale: "de-DE" })).newPage();
  await plain.goto(`${staged.url}/faults`);
  await plain.getByLabel("Wo", { exact: true }).selectOption("checkout-service-2");
  await plain.locator('[name="draft[duration]"]').fill("ewig");
  await plain.getByRole("button", { name: "Störung auslösen" }).click();
  await expect(plain.locator('[name="draft[duration]"]')).toHaveValue("ewig");
  await expect(plain.locator(".field-error")).toBeVisible();
  await plain.locator('[name="draft[duration]"]').fill("50 s");
  await plain.getByRole("button", { name: "Störung auslösen" }).click();
  await expect(plain.getByTestId("fault")).toContainText("checkout-service-2");
  await plain.getByRole("button", { name: "Zurücknehmen", exact: true }).click();
  await expect(plain.getByTestId("fault")).toHaveCount(0);
  await plain.context().close();

  // The report needs neither the dashboard that saw the test nor the store's data.
  await staged.forgetMetrics();
  await page.setViewportSize({ width: 1440, height: 900 });
  await page.goto(`${staged.url}/runs/${test_id}`);
  await expect(page.getByTestId("chart-latency").locator(".plot-line").first()).toBeVisible();
  await expect(page.getByTestId("report-fault").first()).toContainText(/detected after .* requests failed/i);
  await expect(page.locator(".report")).toContainText("The gateway sends nothing to product-service-1");
});

test("the overview: a replica that is killed goes dark on the map, and comes back", async ({
  staged,
  page,
  browser,
}) => {
  const place = (name: string) => page.getByTestId(`map-replica-${name}`);
  const [one, two] = [place("product-service-1"), place("product-service-2")];
  await page.goto(staged.url);
  await expect(page.locator("html")).toHaveAttribute("data-hydrated", "true", { timeout: 15_000 });
  await expect(one).toHaveAttribute("data-light", "on", { timeout: 20_000 });
  await expect(page.getByTestId("banner")).toHaveCount(0);
  await expect(page.getByTestId("stat-rps")).toHaveAttribute("data-value", "");
  await expectAccessible(page);
  await keepPicture(page, "overview-idle-light-1440");

  // What was planned on the load page starts here.
  await page.getByRole("link", { name: "Change" }).click();
  await page.locator('[name="draft[peak]"]').fill("6");
  await page.locator('[name="draft[duration]"]').fill("5 min");
  await page.getByRole("link", { name: "Overview" }).click();
  await expect(page.getByTestId("quick-plan")).toContainText("6 VUs, 5 min");
  await page.getByRole("button", { name: "Start load test" }).click();
  await expect(page.getByTestId("banner-load")).toContainText(/Running.*left/s, { timeout: 20_000 });
  // Shares are told from thirty requests in ten seconds on, and the load only begins to rise.
  await expect(one).not.toHaveAttribute("data-flow", "0", { timeout: 60_000 });

  await page.getByLabel("Kill a replica").selectOption("product-service-1");
  await page.getByRole("button", { name: "Kill for 15 s" }).click();
  await expect(one).toHaveAttribute("data-light", "dark", { timeout: 10_000 });
  await expect(one).toContainText(/held down.*Kill · 00:\d\d/);
  await expect(one).toHaveAttribute("data-flow", "0");
  await expect(two).toHaveAttribute("data-light", "on");
  await expect(two).not.toHaveAttribute("data-flow", "0");
  await expect(page.getByTestId("banner")).toContainText("Kill · product-service-1");
  await expectAccessible(page);
  await keepPicture(page, "overview-light-1440");

  await expect(one).toHaveAttribute("data-light", "on", { timeout: 40_000 });
  await expect(page.getByTestId("banner")).not.toContainText("Kill");

  // Nothing moves for those who ask for that, and a phone has room for all of it.
  const fault = { kind: "kill", replica: "product-service-1", duration: "10 min" };
  await fetch(`${staged.url}/api/v1/faults`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(fault),
  });
  await expect(one).toHaveAttribute("data-light", "dark", { timeout: 10_000 });
  await page.emulateMedia({ reducedMotion: "reduce", colorScheme: "dark" });
  await keepPicture(page, "overview-dark-1440");
  expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
  for (const width of [390, 320]) {
    await page.setViewportSize({ width, height: 844 });
    await expect.poll(() => sidewaysPixels(page), { message: `${width} px` }).toBe(0);
    await keepPicture(page, `overview-dark-${width}`);
  }

  // The same without JavaScript; every form leads back here.
  const plain = await (await browser.newContext({ javaScriptEnabled: false, locale: "de-DE" })).newPage();
  await plain.goto(staged.url);
  await expect(plain.getByTestId("map-replica-product-service-1")).toHaveAttribute("data-light", "dark");
  await plain.getByRole("button", { name: "Alles zurücknehmen" }).click();
  await expect(plain).toHaveURL(`${staged.url}/`);
  await expect(one).toHaveAttribute("data-light", "on", { timeout: 20_000 });
  await plain.getByLabel("Ein Replikat abschießen").selectOption("user-service-2");
  await plain.getByRole("button", { name: "15 s lang abschießen" }).click();
  await expect(place("user-service-2")).toHaveAttribute("data-light", "dark", { timeout: 10_000 });
  await expect(plain).toHaveURL(`${staged.url}/`);
  await plain.getByRole("button", { name: "Lasttest stoppen" }).click();
  await expect(page.getByRole("button", { name: "Start load test" })).toBeVisible({ timeout: 20_000 });
  await expect(plain).toHaveURL(`${staged.url}/`);
  await plain.context().close();
});

test("the guided demo explains itself to everybody, and ends on its report", async ({ staged, page, browser }) => {
  const one = page.getByTestId("map-replica-product-service-1");
  const button = page.getByRole("button", { name: "Guided demo" });
  const now = page.locator('[data-testid="guide-leg"][aria-current="step"]');
  await page.goto(staged.url);
  await expect(page.locator("html")).toHaveAttribute("data-hydrated", "true", { timeout: 15_000 });
  await expect(one).toHaveAttribute("data-light", "on", { timeout: 20_000 });
  await expect(button).toBeEnabled({ timeout: 20_000 });
  await expect(button).toHaveAccessibleDescription(/Three minutes/);
  await expect(page.getByTestId("guide")).toHaveCount(0);

  // Not beside a fault.
  const fault = { kind: "latency", replica: "user-service-1", duration: "5m" };
  expect((await staged.api.post("/api/v1/faults", fault)).status).toBe(200);
  await expect(button).toBeDisabled();
  await expect(button).toHaveAccessibleDescription(/Restore it first/);
  await page.getByRole("button", { name: "Restore everything" }).click();
  await expect(button).toBeEnabled({ timeout: 20_000 });

  await button.click();
  await expect(page.getByRole("heading", { name: "Step by step" })).toBeFocused();
  await expect(now).toContainText("Load begins", { timeout: 20_000 });
  await expect(page.getByTestId("guide-next")).toHaveText(/In 00:\d\d: Kill · product-service-1/);
  await expect(button).toBeDisabled();
  await expectAccessible(page);

  // Who comes later sees the same, without JavaScript too.
  const plain = await (await browser.newContext({ javaScriptEnabled: false, locale: "de-DE" })).newPage();
  await plain.goto(staged.url);
  await expect(plain.getByTestId("guide-leg")).toHaveCount(6);
  await expect(plain.getByRole("button", { name: "Geführte Demo" })).toBeDisabled();

  await expect(now).toContainText("Kill · product-service-1", { timeout: 60_000 });
  await expect(page.getByTestId("guide-said")).toContainText("The replica goes dark on the map");
  await expect(one).toHaveAttribute("data-light", "dark", { timeout: 10_000 });
  await expect(page.getByTestId("fault-cost")).toContainText(/detected after .* requests failed/i, { timeout: 20_000 });
  await keepPicture(page, "guide-light-1440");
  await page.setViewportSize({ width: 390, height: 844 });
  expect(await sidewaysPixels(page)).toBe(0);
  await page.setViewportSize({ width: 1440, height: 900 });

  await page.getByRole("button", { name: "Stop load test" }).click();
  await expect(page.getByTestId("guide-leg").nth(3)).toHaveAttribute("data-turn", "missed", { timeout: 20_000 });
  const told = page.getByTestId("guide-leg").nth(1);
  await expect(told).toHaveAttribute("data-turn", "done");
  await expect(told).toContainText(/requests failed/, { timeout: 20_000 });
  const report = await page.getByRole("link", { name: "Open the report" }).getAttribute("href");
  await expect(page).toHaveURL(`${staged.url}${report}`, { timeout: 30_000 });
  await expect(one).toHaveCount(0);
  await plain.goto(staged.url);
  await expect(plain.getByRole("link", { name: "Bericht öffnen" })).toHaveAttribute("href", report ?? "");
  await plain.context().close();
});

test("the presentation: keys start a test and set a fault, and a room reads what it costs", async ({
  staged,
  page,
}) => {
  test.setTimeout(240_000);
  const cable = await Cable.to(staged.url);
  // Counts who asks that the screen stays on.
  await page.addInitScript(() => {
    const asked = { wakeLocks: 0 };
    const request = () => {
      asked.wakeLocks += 1;
      return Promise.resolve({ release: () => Promise.resolve() });
    };
    Object.defineProperty(navigator, "wakeLock", { value: { request } });
    Object.assign(window, { asked });
  });
  const wakeLocks = () => page.evaluate(() => (window as unknown as { asked: { wakeLocks: number } }).asked.wakeLocks);
  const state = page.getByTestId("run-state");
  const one = page.getByTestId("map-replica-product-service-1");
  await page.setViewportSize({ width: 1920, height: 1080 });
  await page.goto(cable.url);
  await expect(page.locator("html")).toHaveAttribute("data-hydrated", "true", { timeout: 15_000 });
  await page.getByRole("link", { name: "Presentation" }).click();
  await expect(page.getByTestId("present")).toHaveAttribute("data-view", "all");
  await expect(one).toHaveAttribute("data-light", "on", { timeout: 20_000 });
  await expect(page.getByRole("button")).toHaveCount(0);
  const address = page.getByRole("figure").getByRole("link");
  await expect(address).toHaveText(cable.url);
  const code = page.getByRole("img", { name: "Code to scan" });
  expect(await code.evaluate((image: HTMLImageElement) => image.naturalWidth)).toBeGreaterThan(0);

  await page.keyboard.press("?");
  await expect(page.getByTestId("present-keys")).toContainText("Kill · product-service-1, 15 s");
  await expectAccessible(page);
  await keepPicture(page, "present-keys-1080");
  await page.keyboard.press("Escape");
  await expect(page.getByTestId("present-keys")).toHaveCount(0);

  await page.keyboard.press("s");
  await expect(state).toHaveAttribute("data-state", "running", { timeout: 20_000 });
  await expect(one).not.toHaveAttribute("data-flow", "0", { timeout: 20_000 });
  await page.keyboard.press("1");
  await expect(one).toHaveAttribute("data-light", "dark", { timeout: 10_000 });
  await expect(page.getByTestId("ticker")).toContainText("product-service-1");
  await expect(page.getByTestId("present-cost")).toContainText(/detected after .* requests failed/i, {
    timeout: 20_000,
  });
  for (const [name, width, height] of [
    ["1080", 1920, 1080],
    ["2160", 3840, 2160],
  ] as const) {
    await page.setViewportSize({ width, height });
    for (const id of ["stat-vus", "stat-p95", "chart-throughput", "chart-latency", "map", "ticker", "present-cost"]) {
      await expect(page.getByTestId(id), `${id} at ${width}×${height}`).toBeInViewport({ ratio: 1 });
    }
    await keepPicture(page, `present-${name}`);
  }
  // A chart that was away is as wide as its place again.
  const filled = () =>
    page
      .getByTestId("chart-latency")
      .locator(".chart-canvas")
      .evaluate((place) => (place.firstElementChild?.clientWidth ?? 0) / place.clientWidth);
  for (const view of ["numbers", "map", "charts", "all"]) {
    await page.keyboard.press("n");
    await expect(page.getByTestId("present")).toHaveAttribute("data-view", view);
    if (view === "charts" || view === "all") await expect.poll(filled).toBeGreaterThan(0.99);
    await keepPicture(page, `present-${view}-2160`);
  }

  // What was there before is said to be old while nothing comes, and is gone without the page being loaded again.
  let loads = 0;
  page.on("load", () => (loads += 1));
  const old = page.getByTestId("present-old");
  await expect(old).toHaveCount(0);
  cable.cut();
  await expect(old).toContainText(/Reconnecting… Values are \d+:\d+ old/, { timeout: 20_000 });
  cable.mend();
  await expect(old).toHaveCount(0, { timeout: 20_000 });

  // A page that slept knows what happened meanwhile, and a screen that was locked is asked for again.
  const sleep = async (state: "frozen" | "active") => {
    const browser = await page.context().newCDPSession(page);
    await browser.send("Page.setWebLifecycleState", { state });
    await browser.detach();
  };
  const other = page.getByTestId("map-replica-user-service-2");
  await expect(other).toHaveAttribute("data-light", "on", { timeout: 20_000 });
  await sleep("frozen");
  const fault = { kind: "kill", replica: "user-service-2", duration: "2m" };
  expect((await staged.api.post("/api/v1/faults", fault)).status).toBe(200);
  await sleep("active");
  await expect(other).toHaveAttribute("data-light", "dark", { timeout: 20_000 });
  await expect(old).toHaveCount(0, { timeout: 20_000 });
  const before = await wakeLocks();
  expect(before).toBeGreaterThan(0);
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange", { bubbles: true })));
  await expect.poll(wakeLocks).toBeGreaterThan(before);
  expect(loads).toBe(0);
  await page.keyboard.press("x");
  await expect(state).toHaveAttribute("data-state", "finished", { timeout: 20_000 });

  // Each number sets its fault, and 0 takes it back. What was pressed while the one before was still on its way is pressed again.
  const on = page.getByTestId("present-fault");
  const kinds = async () => {
    const { faults } = (await (await staged.api.get("/api/v1/faults")).json()) as {
      faults: { request: { kind: string; service: string } }[];
    };
    return faults.map(({ request }) => `${request.kind} ${request.service}`);
  };
  const restored = () =>
    expect(async () => {
      await page.keyboard.press("0");
      await expect(on).toHaveCount(0, { timeout: 3_000 });
    }).toPass({ timeout: 30_000 });
  await restored();
  for (const [key, kind] of [
    ["2", "freeze product-service"],
    ["3", "cut product-service"],
    ["4", "latency product-service"],
    ["5", "errors product-service"],
    ["6", "cpu product-service"],
    ["7", "rolling-restart product-service"],
    ["8", "kill user-service"],
    ["9", "freeze user-service"],
  ] as const) {
    await expect(async () => {
      await page.keyboard.press(key);
      await expect.poll(kinds, { timeout: 2_000 }).toContain(kind);
    }).toPass({ timeout: 30_000 });
    await restored();
  }

  await page.emulateMedia({ colorScheme: "dark" });
  await keepPicture(page, "present-dark-2160");
  await page.setViewportSize({ width: 390, height: 844 });
  await expect.poll(() => sidewaysPixels(page)).toBe(0);
  await keepPicture(page, "present-dark-390");
  await cable.close();
});

test("eight services of three replicas fit on the wall", async ({ page }, info) => {
  const names = ["catalog", "user", "checkout", "payment", "shipping", "search", "stock", "mail"];
  const here = async () => `"http://127.0.0.1:${await freePort()}"`;
  let table = "";
  for (const name of names) {
    table += `[[service]]\nname = "${name}-service"\nurl = ${await here()}\ndepends_on = ["catalog-service"]\n`;
    for (const number of [1, 2, 3]) {
      table += `[[service.replica]]\nname = "${name}-service-${number}"\nurl = ${await here()}\ndoor = ${await here()}\n`;
    }
  }
  const [folder, port] = [info.outputPath("state"), await freePort()];
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, "many.toml"), table.replace('"catalog-service"]', "]"));
  // Nobody answers there: a replica that is down says more than one that is up.
  const settings = {
    HAD_ADDR: `127.0.0.1:${port}`,
    HAD_STATE_DIR: folder,
    HAD_CONFIG: join(folder, "many.toml"),
    HAD_SITE_ROOT: join(repository, "target/site"),
    HAD_PROMETHEUS_URL: "http://127.0.0.1:1",
    HAD_ENGINE: "process",
  };
  const dashboard = Program.start(["serve"], settings, join(folder, "dashboard.log"));
  try {
    await dashboard.answers(`http://127.0.0.1:${port}/live`);
    for (const [width, height] of [
      [1920, 1080],
      [3840, 2160],
    ] as const) {
      await page.setViewportSize({ width, height });
      await page.goto(`http://127.0.0.1:${port}/present`);
      await expect(page.locator(".map-place")).toHaveCount(24);
      await expect(page.locator('.map-place[data-light="dark"]')).toHaveCount(24, { timeout: 20_000 });
      for (const part of await page.locator(".map-lane, .map-place, .map-gateway, .map-head").all()) {
        await expect(part, `at ${width}×${height}`).toBeInViewport({ ratio: 1 });
      }
      await keepPicture(page, `present-many-${height}`);
    }
  } finally {
    await dashboard.stop();
  }
});

test("a circuit breaker opens before a service that fails, and closes when it is back", async ({ staged, page }) => {
  const rows = page.locator('[data-testid^="breaker-"][data-testid$="-product-service"]');
  const order = { user_id: 1, items: [{ product_id: 1, quantity: 1 }] };
  const checkOut = () =>
    fetch(`${staged.serviceUrl("checkout-service")}/checkout`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(order),
    });
  // Breakers change with calls alone.
  const whileCalled = (state: string) =>
    expect(async () => {
      await Promise.all(Array.from({ length: 12 }, checkOut));
      for (const row of await rows.all()) await expect(row).toHaveAttribute("data-state", state, { timeout: 1_500 });
    }).toPass({ timeout: 40_000 });

  await page.goto(`${staged.url}/services`);
  await expect(rows).toHaveCount(2, { timeout: 20_000 });
  await whileCalled("closed");
  const fault = { kind: "errors", service: "product-service", intensity: 10, duration: "2m", even_last: true };
  expect((await staged.api.post("/api/v1/faults", fault)).status).toBe(200);
  await whileCalled("open");
  await expect(rows.first()).toContainText("Open");
  const pulse = page.getByTestId("pulse-product-service-1").getByRole("img");
  await expect(pulse.first()).toHaveAccessibleName(/^Latency of our probe in the last .+ ms.*; no good answer for \d/);
  await expect(pulse.last()).toHaveAccessibleName(/^product-service-1: .*Down for \d/);
  await expect(page.getByTestId("breaker-checkout-service-1-user-service")).toHaveAttribute("data-state", "closed");
  await expectAccessible(page);
  await keepPicture(page, "breakers-open-light-1440");
  expect((await staged.api.post("/api/v1/faults/restore-all")).status).toBe(200);
  await whileCalled("closed");
  await expect(rows.first().locator("time")).toBeVisible();
});
