import { expect, test } from "../harness/test.ts";
import { longPlan } from "../pages/load-page.ts";

test("a test is planned, started and stopped without a mouse", async ({ load, page }) => {
  const focused = page.locator(":focus");
  /** Goes on with Tab until the field or button has the focus, as a person would. */
  const tabTo = async (what: string, matches: () => Promise<boolean>) => {
    for (let presses = 0; presses < 60; presses++) {
      if (await matches()) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`60 times Tab did not reach ${what}`);
  };
  const isField = (name: string) => async () =>
    (await focused.getAttribute("name").catch(() => null)) === `draft[${name}]`;
  const isButton = (name: RegExp) => async () => name.test((await focused.textContent().catch(() => "")) ?? "");

  await page.locator("body").press("Tab");
  // The focus must be visible wherever it is.
  const ring = await focused.evaluate((element) => {
    const style = getComputedStyle(element);
    return style.outlineStyle !== "none" || style.boxShadow !== "none";
  });
  expect(ring).toBe(true);

  await tabTo("the patterns", isField("pattern"));
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowLeft");
  for (const name of ["peak", "duration", "ramp"] as const) {
    await tabTo(name, isField(name));
    await page.keyboard.press("Control+A");
    await page.keyboard.type(String(longPlan[name]));
  }
  await tabTo("Start", isButton(/^\s*start load test\s*$/i));
  await page.keyboard.press("Enter");
  await load.expectLive();

  await tabTo("Stop", isButton(/stop load test/i));
  await page.keyboard.press("Enter");
  await load.expectVerdict("stopped");
  // The button is gone; the focus stays with the run.
  await expect(page.locator("#run-heading")).toBeFocused();

  // The whole row of a run is one link, with the ring around it.
  await page.getByRole("link", { name: "Runs" }).click();
  const row = page.getByTestId("run-row").first();
  await row.getByRole("link").focus();
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Tab");
  expect(await row.evaluate((element) => getComputedStyle(element).outlineStyle)).toBe("solid");
  await page.keyboard.press("Enter");
  await expect(page.getByTestId("verdict")).toHaveAttribute("data-verdict", "stopped");
});

test("the first Tab offers to skip the navigation", async ({ load, page }) => {
  await page.locator("body").press("Tab");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("main")).toBeFocused();
  await expect(page.getByRole("main")).toBeInViewport();
  await expect(load.state).toBeVisible();
});
