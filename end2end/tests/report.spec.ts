import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import type { Page } from "@playwright/test";
import { expectAccessible } from "../harness/axe.ts";
import { until } from "../harness/program.ts";
import { expect, keepPicture, test } from "../harness/test.ts";

const plan = ["--target", "all-services", "--pattern", "spike", "--vus", "5", "--duration", "12s"];
const latency = "http_req_duration:p(95)<60";
const failed = "http_req_failed:rate<0.5";

/** A test case of a JUnit file: its name and what became of it. */
type Case = { name: string; outcome: string; message: string };

/** Reads JUnit XML with the browser's own parser, which takes well-formed XML only. */
async function readJunit(page: Page, file: string): Promise<Case[]> {
  const xml = await readFile(file, "utf8");
  return page.evaluate((xml) => {
    const parsed = new DOMParser().parseFromString(xml, "application/xml");
    const broken = parsed.querySelector("parsererror");
    if (broken) throw new Error(broken.textContent ?? "not XML");
    return [...parsed.querySelectorAll("testsuites > testsuite > testcase")].map((one) => {
      const told = one.querySelector("failure, error, skipped");
      return {
        name: one.getAttribute("name") ?? "",
        outcome: told?.tagName ?? "passed",
        message: told?.getAttribute("message") ?? "",
      };
    });
  }, xml);
}

/** Opens a report as a pipeline's artefact would be, and gives what it complains about and asks the network for. */
async function openReport(page: Page, file: string): Promise<string[]> {
  const complaints: string[] = [];
  const own = pathToFileURL(file).href;
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    if (request.url() !== own) complaints.push(request.url());
  });
  await page.goto(own);
  return complaints;
}

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test("a pipeline keeps a JUnit file and a report of a failed test", async ({ page, processes: stack }, info) => {
      const [junit, report] = [info.outputPath("out/junit.xml"), info.outputPath("out/report.html")];
      await stack.turn("checkout-service", { latency_ms: 150, error_share: 0 });
      const rules = ["--threshold", latency, "--threshold", failed];
      const { code, output } = await stack.run([...plan, ...rules, "--junit", junit, "--report", report]);
      expect(code, output).toBe(99);

      const cases = await readJunit(page, junit);
      expect(cases.slice(0, 3).map(({ name, outcome }) => [name, outcome])).toEqual([
        ["the test runs to its end", "passed"],
        [latency, "failure"],
        [failed, "passed"],
      ]);
      const checks = cases.slice(3).map(({ name }) => name);
      expect(checks.length).toBeGreaterThan(0);
      for (const name of checks) expect(name).toMatch(/^check: /);
      expect(cases[1]?.message).toMatch(/^observed \d+ ms, limit 60\.0 ms$/);

      const complaints = await openReport(page, report);
      await expect(page.getByTestId("verdict")).toHaveAttribute("data-verdict", "failed");
      const row = page.locator(`[data-threshold="${latency}"]`);
      await expect(row).toHaveAttribute("data-ok", "false");
      await expect(row).toContainText("60.0 ms");
      for (const chart of ["load", "throughput", "latency"]) {
        const drawn = page.getByTestId(`chart-${chart}`);
        expect(Number(await drawn.getAttribute("data-points")), chart).toBeGreaterThan(5);
        await expect(drawn.locator(".plot-line").first()).toBeVisible();
      }
      await expect(page.getByTestId("chart-latency").locator(".plot-limit-label")).toContainText("p95 < 60 ms");
      await expect(page.getByTestId("report-service").filter({ hasText: "checkout-service" })).toContainText(" ms");
      await expectAccessible(page);
      await keepPicture(page, `report-${colorScheme}-1440`);

      await page.setViewportSize({ width: 390, height: 844 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
      await expectAccessible(page);
      await keepPicture(page, `report-${colorScheme}-390`);
      expect(complaints).toEqual([]);
    });
  });
}

test("a test that can't start leaves both files, and they say why", async ({ page, processes: stack }, info) => {
  const [junit, report] = [info.outputPath("junit.xml"), info.outputPath("report.html")];
  const { code } = await stack.run(["--vus", "ten", "--junit", junit, "--report", report]);
  expect(code).toBe(2);
  const [only] = await readJunit(page, junit);
  expect(only).toMatchObject({ outcome: "error", message: expect.stringContaining('"ten" is not allowed') });
  const complaints = await openReport(page, report);
  await expect(page.getByTestId("verdict")).toContainText('"ten" is not allowed');
  await expectAccessible(page);
  expect(complaints).toEqual([]);
});

test("until a test has ended its files say that it did not, should the program be killed", async ({
  page,
  processes: stack,
}, info) => {
  const junit = info.outputPath("junit.xml");
  const ended = stack.run([...plan, "--junit", junit]);
  await until("the file is there", async () => (await readFile(junit, "utf8")).includes("</testsuites>"));
  expect(await readJunit(page, junit)).toMatchObject([
    { outcome: "error", message: expect.stringContaining("did not end") },
  ]);
  expect((await ended).code).toBe(0);
  for (const { name, outcome } of await readJunit(page, junit)) expect(outcome, name).toBe("passed");
});

test("a folder that can't be written to shows before any load is sent", async ({ processes: stack }) => {
  const { code, output } = await stack.run([...plan, "--junit", "/proc/none/junit.xml"]);
  expect(output).toContain("--junit /proc/none/junit.xml");
  expect(output).not.toContain("starting");
  expect(code).toBe(3);
});
