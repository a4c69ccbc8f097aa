import { expect, keepPicture, sidewaysPixels, test } from "../harness/test.ts";
import { LoadPage, longPlan } from "../pages/load-page.ts";

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test("at 390 px nothing is cut off, and a run starts and stops", async ({ page, freshStack: stack }) => {
      test.slow();
      const load = await LoadPage.open(page, stack.url);
      /** At the width of a phone, and of a page that is enlarged to 400 %. */
      const fits = async () => {
        for (const width of [320, 390]) {
          await page.setViewportSize({ width, height: 844 });
          // Charts take a moment to follow.
          await expect.poll(() => sidewaysPixels(page), { message: `${page.url()} at ${width} px` }).toBe(0);
        }
      };
      await fits();
      await keepPicture(page, `idle-${colorScheme}-390`);
      await load.start(longPlan);
      await load.expectLive(4);
      await fits();
      for (const number of ["vus", "rps", "failed", "p95"]) {
        await expect(page.getByTestId(`stat-${number}`)).toBeInViewport({ ratio: 1 });
      }
      await keepPicture(page, `running-${colorScheme}-390`);
      await expect(load.stopButton).toBeInViewport();
      await load.stopButton.click();
      await load.expectVerdict("stopped");
      await fits();
      await keepPicture(page, `stopped-${colorScheme}-390`);

      // Numbers come first now; the form is a key away.
      await expect(page.getByTestId("stat-p95")).toBeInViewport();
      await expect(load.form).toBeHidden();
      const next = page.getByRole("button", { name: "Next test" });
      await next.focus();
      await page.keyboard.press("Enter");
      await expect(load.startButton).toBeVisible();
      await load.set("peak", "ten");
      await load.startButton.click();
      await expect(load.field("peak")).toBeFocused();
      await expect(load.error("peak")).toBeVisible();

      for (const name of ["Overview", "Services", "Runs"]) {
        await page.getByRole("link", { name }).click();
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        await fits();
        await keepPicture(page, `${name.toLowerCase()}-${colorScheme}-390`);
      }
      // A row says what a run was of, how it ended and its p95, and all of it leads there.
      const row = page.getByTestId("run-row");
      await expect(row).toContainText(/All services.*Stopped.*ms/s);
      await row.click({ position: { x: 300, y: 10 } });
      await expect(page.getByTestId("verdict")).toBeVisible();
      await fits();
      await keepPicture(page, `run-${colorScheme}-390`);
      const run = new URL(page.url()).pathname;

      // German words are longer.
      await page.getByRole("link", { name: "Deutsch" }).click();
      await expect(page.locator("html")).toHaveAttribute("lang", "de");
      await load.hydrated();
      for (const path of ["/", "/load", "/services", "/runs", run, "/nothing"]) {
        await page.goto(stack.url + path);
        await load.hydrated();
        await fits();
      }
      // The bar is two lines, of what a finger hits; who goes on by key sees all of where they are.
      const bar = page.getByRole("banner");
      expect((await bar.boundingBox())?.height).toBeLessThan(110);
      await expect(page.getByRole("button", { name: "Not-Stopp" })).toBeInViewport({ ratio: 1 });
      for (const target of await bar.getByRole("link").or(bar.getByRole("button")).all())
        expect((await target.boundingBox())?.height, (await target.textContent()) ?? "").toBeGreaterThanOrEqual(40);
      await bar.getByRole("link").first().focus();
      for (const name of ["Übersicht", "Lasttest", "Pläne", "Störungen", "Dienste", "Läufe", "Zugang"]) {
        await page.keyboard.press("Tab");
        await expect(bar.getByRole("link", { name })).toBeFocused();
        await expect(bar.getByRole("link", { name })).toBeInViewport({ ratio: 1 });
      }
      await page.getByRole("link", { name: "English" }).click();
      await expect(page.locator("html")).toHaveAttribute("lang", "en");
      await load.hydrated();

      await page.goto(`${stack.url}/load`);
      await load.hydrated();
      await stack.crash();
      await expect(page.getByTestId("last-values")).toBeVisible();
      await fits();
      await keepPicture(page, `lost-${colorScheme}-390`);
      await stack.startDashboard();
      await expect(page.getByTestId("last-values")).toBeHidden({ timeout: 20_000 });
    });
  });
}
