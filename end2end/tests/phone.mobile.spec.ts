import { expect, keepPicture, test } from "../harness/test.ts";
import { LoadPage, longPlan } from "../pages/load-page.ts";

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test("at 390 px nothing is cut off, and a run starts and stops", async ({ page, freshStack: stack }) => {
      const load = await LoadPage.open(page, stack.url);
      const sidewaysPixels = () =>
        page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(await sidewaysPixels()).toBe(0);
      await keepPicture(page, `idle-${colorScheme}-390`);
      await load.start(longPlan);
      await load.expectLive(4);
      expect(await sidewaysPixels()).toBe(0);
      await keepPicture(page, `running-${colorScheme}-390`);
      await expect(load.stopButton).toBeInViewport();
      await load.stopButton.click();
      await load.expectVerdict("stopped");
      expect(await sidewaysPixels()).toBe(0);
      for (const name of ["Services", "Runs"]) {
        await page.getByRole("link", { name }).click();
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        expect(await sidewaysPixels()).toBe(0);
      }
      await page.getByRole("link", { name: "Load", exact: true }).click();
      await stack.crash();
      await expect(page.getByTestId("last-values")).toBeVisible();
      expect(await sidewaysPixels()).toBe(0);
      await keepPicture(page, `lost-${colorScheme}-390`);
      await stack.startDashboard();
      await expect(page.getByTestId("last-values")).toBeHidden({ timeout: 20_000 });
    });
  });
}
