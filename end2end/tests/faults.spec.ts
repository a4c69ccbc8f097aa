import { expectAccessible } from "../harness/axe.ts";
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
});
