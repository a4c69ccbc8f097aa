import { expectAccessible } from "../harness/axe.ts";
import { expect, keepPicture, test } from "../harness/test.ts";
import { LoadPage, longPlan, shortPlan } from "../pages/load-page.ts";

for (const colorScheme of ["light", "dark"] as const) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme });

    test("axe finds nothing while idle, running and finished", async ({ page, freshStack: stack }) => {
      test.slow();
      const load = await LoadPage.open(page, stack.url);
      await load.expectState("idle");
      await expectAccessible(page);
      await keepPicture(page, `idle-${colorScheme}-1440`);

      await load.set("peak", "ten");
      await load.field("peak").blur();
      await expect(load.error("peak")).toBeVisible();
      await expectAccessible(page);

      await load.start(longPlan);
      await load.expectLive(5);
      await expectAccessible(page);
      await keepPicture(page, `running-${colorScheme}-1440`);
      await load.stopButton.click();
      await load.expectVerdict("stopped");
      await expectAccessible(page);

      for (const name of ["Overview", "Services", "Runs"]) {
        await page.getByRole("link", { name }).click();
        await expect(page.getByRole("heading", { level: 1 })).toBeVisible();
        await expectAccessible(page);
        await keepPicture(page, `${name.toLowerCase()}-${colorScheme}-1440`);
      }
    });
  });
}

test("the theme button changes the theme, and a reload keeps it", async ({ load, page }) => {
  const html = page.locator("html");
  const background = () => page.locator("body").evaluate((body) => getComputedStyle(body).backgroundColor);
  const before = await background();
  await page.getByRole("button", { name: /dark theme/i }).click();
  await expect(html).toHaveAttribute("data-theme", "dark");
  await expect.poll(background).not.toBe(before);
  await page.reload();
  await load.hydrated();
  await expect(html).toHaveAttribute("data-theme", "dark");
  await page.getByRole("button", { name: /light theme/i }).click();
  await expect(html).toHaveAttribute("data-theme", "light");
  await expect.poll(background).toBe(before);
});

test("the system's own colours leave progress, limits and the current page visible, and more contrast is given", async ({
  load,
  page,
}) => {
  const style = (selector: string, property: string) =>
    page
      .locator(selector)
      .first()
      .evaluate((element, property) => getComputedStyle(element).getPropertyValue(property), property);
  await load.start(longPlan);
  await load.expectLive();
  const muted = await style(".muted", "color");
  await page.emulateMedia({ contrast: "more" });
  expect(await style(".muted", "color")).not.toBe(muted);
  await expectAccessible(page);
  await keepPicture(page, "contrast-1440");

  await page.emulateMedia({ contrast: "no-preference", forcedColors: "active" });
  expect(await style(".bar-fill", "background-color")).not.toBe(await style(".bar", "background-color"));
  expect(await style('nav [aria-current="page"]', "outline-style")).toBe("solid");
  await keepPicture(page, "forced-colours-1440");
  await load.stopButton.click();
  await load.expectVerdict("stopped");
});

test("nothing on the page complains: no errors in the console, no failed requests", async ({ page, stack }) => {
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`${response.status()} ${response.url()}`);
  });
  const load = await LoadPage.open(page, stack.url);
  await load.start({ ...shortPlan, duration: "10s" });
  await load.expectLive(4);
  await page.getByRole("link", { name: "Runs" }).click();
  await page.getByRole("link", { name: "Load" }).first().click();
  await load.expectVerdict("passed");
  expect(complaints).toEqual([]);
});

test("everything comes from the dashboard itself", async ({ page, stack }) => {
  const foreign: string[] = [];
  page.on("request", (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith("http") && origin !== stack.url) foreign.push(request.url());
  });
  await LoadPage.open(page, stack.url);
  expect(foreign).toEqual([]);
});
