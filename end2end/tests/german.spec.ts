import { expect, keepPicture, test } from "../harness/test.ts";
import { LoadPage, longPlan } from "../pages/load-page.ts";

test.describe("a German browser", () => {
  test.use({ locale: "de-DE" });

  test("gets the page in German, from the first HTML on, and a whole run works", async ({ page, stack }) => {
    const html = await (await fetch(stack.url, { headers: { "accept-language": "de-DE,de;q=0.9,en;q=0.5" } })).text();
    expect(html).toMatch(/<html[^>]*lang="de"/);
    expect(html).toContain("Lasttest");

    const load = await LoadPage.open(page, stack.url);
    await expect(page.locator("html")).toHaveAttribute("lang", "de");
    await load.set("peak", "zehn");
    await load.field("peak").blur();
    await expect(load.error("peak")).toContainText(/erlaubt|ganze/i);
    await load.start(longPlan);
    await load.expectLive();
    await keepPicture(page, "running-german-1440");
    await page.getByRole("button", { name: /stoppen|beenden|anhalten/i }).click();
    await load.expectVerdict("stopped");
    await expect(load.verdict).toContainText(/gestoppt|beendet|angehalten/i);
  });
});

test("the language links change the language, and a reload keeps it", async ({ load, page }) => {
  const html = page.locator("html");
  await expect(html).toHaveAttribute("lang", "en");
  await page.getByRole("link", { name: "Deutsch" }).click();
  await expect(html).toHaveAttribute("lang", "de");
  await page.reload();
  await load.hydrated();
  await expect(html).toHaveAttribute("lang", "de");
  await page.getByRole("link", { name: "English" }).click();
  await expect(html).toHaveAttribute("lang", "en");
});
