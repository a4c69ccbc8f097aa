import { expectAccessible } from "../harness/axe.ts";
import { expect, keepPicture, test } from "../harness/test.ts";
import { type FieldName, shortPlan } from "../pages/load-page.ts";

test("a pattern brings its own peak and length, never over what was typed, and forbids what can't be", async ({
  load,
  page,
}) => {
  const values = (...names: FieldName[]) => Promise.all(names.map((name) => load.field(name).inputValue()));
  const choice = (field: FieldName, value: string) => page.locator(`[name="draft[${field}]"][value="${value}"]`);
  const openModel = choice("model", "arrival-rate");
  // A click on the word itself, wherever its radio button is.
  const click = async (word: string) => {
    const place = page.locator("form").getByText(word, { exact: true });
    await place.scrollIntoViewIfNeeded();
    const box = await place.boundingBox();
    await page.mouse.click((box?.x ?? 0) + (box?.width ?? 0) / 2, (box?.y ?? 0) + (box?.height ?? 0) / 2);
  };
  await click("Smoke");
  await expect(choice("pattern", "smoke")).toBeChecked();
  expect(await values("peak", "duration")).toEqual(["2", "30 s"]);
  await expect(openModel).toBeDisabled();
  await expect(openModel).toHaveAccessibleDescription(/Smoke tests need virtual users/);

  await click("Breakpoint");
  await expect(openModel).toBeChecked();
  expect(await values("peak", "duration")).toEqual(["100", "5 min"]);
  await expect(choice("pattern", "smoke")).toBeEnabled();

  await load.set("peak", 70);
  await click("Spike");
  expect(await values("peak", "duration")).toEqual(["70", "60 s"]);
  await click("Arrival rate (open)");
  await expect(openModel).toBeChecked();
  await expect(choice("pattern", "soak")).toBeDisabled();
  await expect(choice("pattern", "soak")).toHaveAccessibleDescription("Not with an arrival rate");
  await expectAccessible(page);

  // As many phases as are listed: jumps have no length.
  const phases = await page.getByTestId("chart-preview").getByRole("listitem").count();
  await expect(page.getByTestId("summary")).toContainText(`60 s in ${phases} phases`);
});

test("thresholds are edited one by one by keyboard, in k6's words behind it", async ({ load, page }) => {
  const text = load.field("thresholds");
  const rows = page.getByRole("group", { name: /^Threshold \d+$/ });
  const part = (row: number, name: string | RegExp) => rows.nth(row).getByLabel(name);
  await expect(rows).toHaveCount(2);

  // What is wrong with a field that is left takes more lines than its hint, and does not move a button from under the pointer.
  await load.set("duration", "45s");
  await load.set("ramp", "30s");
  await load.thresholdsView.click();
  await expect(text).toBeVisible();
  await expect(load.error("ramp")).toBeVisible();
  await load.set("ramp", "2s");
  await load.thresholdsView.click();

  await page.getByRole("button", { name: "Add a threshold" }).focus();
  await page.keyboard.press("Enter");
  await expect(part(2, "Metric")).toBeFocused();
  await expect(text).toHaveValue(/\nchecks:rate>=0.99$/);

  await part(0, "Service").selectOption("user-service");
  await part(0, "Statistic").selectOption("p99");
  await part(0, "Comparison").selectOption("at most");
  await part(0, "Limit ms").fill("1,250.5");
  await expect(text).toHaveValue(/^http_req_duration{service:user-service}:p\(99\)<=1250.5\n/);
  await part(1, "Metric").selectOption("Dropped iterations");
  await expect(part(1, "Service")).toHaveCount(0);
  await expect(part(1, "Statistic").getByRole("option")).toHaveText(["in total", "per second"]);

  await part(2, /^Limit/).fill("all");
  await load.startButton.click();
  await expect(part(2, /^Limit/)).toBeFocused();
  await expect(part(2, /^Limit/)).toHaveAttribute("aria-invalid", "true");
  await expect(load.error("thresholds")).toContainText("Line 3, “checks:rate>=all”");
  await expectAccessible(page);
  await rows.nth(2).getByRole("button").press("Enter");
  await expect(rows.nth(1).getByRole("button")).toBeFocused();
  await expect(load.error("thresholds")).not.toBeVisible();

  // Both edit the same, and text that rows can't say stays as it is.
  await load.set("thresholds", "my_trend:avg<1\nhttp_req_failed:rate<0.005");
  await load.thresholdsView.click();
  await expect(part(0, "Thresholds as text")).toHaveValue("my_trend:avg<1");
  await expect(part(1, "Limit %")).toHaveValue("0.5");
});

test("what was typed survives a reload and another language", async ({ load, page }) => {
  const typed = {
    pattern: "spike",
    model: "arrival-rate",
    peak: "7",
    duration: "1:30",
    ramp: "5",
    pre_allocated_vus: "3",
    request_timeout: "1:00",
  };
  await load.fill({ ...typed, model: "arrival-rate", target: "user-service", thresholds: "checks:rate>0.5" });
  const expectTyped = async () => {
    await load.hydrated();
    await expect(page.locator('[name="draft[pattern]"]:checked')).toHaveValue("spike");
    await expect(page.locator('[name="draft[model]"]:checked')).toHaveValue("arrival-rate");
    for (const name of ["peak", "duration", "ramp", "pre_allocated_vus", "request_timeout"] as const) {
      await expect(load.field(name)).toHaveValue(typed[name]);
    }
    await expect(load.field("target")).toHaveValue("user-service");
    await expect(load.field("thresholds")).toHaveValue("checks:rate>0.5");
    await expect(page.getByRole("group", { name: /^(Threshold|Schwellenwert) \d+$/ })).toHaveCount(1);
    await expect(page.getByTestId("summary")).toContainText("90 s");
  };
  await page.reload();
  await expectTyped();
  await page.getByRole("link", { name: "Deutsch" }).click();
  await expect(page.locator("html")).toHaveAttribute("lang", "de");
  await expectTyped();
  await page.getByRole("link", { name: "English" }).click();
});

test("a plan is saved under a name, fills the form again, and is deleted with a way back", async ({
  load,
  page,
  stack,
}) => {
  await load.fill({ ...shortPlan, peak: 7 });
  await page.getByRole("button", { name: "Save plan" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Evening peak");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  const plan = page.getByTestId("plan").filter({ hasText: "Evening peak" });
  await expect(plan).toContainText("All services");
  await expect(page.getByTestId("plan-done")).toBeVisible();
  await load.hydrated();
  await expectAccessible(page);
  await keepPicture(page, "plans-1440");

  await plan.getByRole("link", { name: /^Fill in the form/ }).click();
  await load.hydrated();
  await expect(load.field("peak")).toHaveValue("7");
  await load.set("peak", 8);
  await page.getByRole("button", { name: "Save plan" }).click();
  await page.getByRole("textbox", { name: "Name" }).fill("Evening peak");
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(page.getByTestId("plan-problem")).toContainText("already");
  await page.getByLabel("Replace the plan").check();
  await page.getByRole("button", { name: "Save", exact: true }).click();
  await expect(plan).toContainText("8 VUs");

  // By itself: what never comes is refused with nothing lost, the next five times are told, and the plan is held.
  const form = page.getByTestId("schedule-form");
  await form.getByLabel("Plan").selectOption("Evening peak");
  await form.getByLabel("cron").fill("0 9 31 2 *");
  await form.getByLabel("Time zone").fill("Europe/Berlin");
  await form.getByRole("button", { name: "Schedule" }).click();
  await expect(form).toContainText("No day fits this line of cron");
  await expect(form.getByLabel("Time zone")).toHaveValue("Europe/Berlin");
  await form.getByLabel("cron").fill("0 9 * * 1-5");
  await form.getByRole("button", { name: "Schedule" }).click();
  const schedule = page.getByTestId("schedule").filter({ hasText: "Evening peak" });
  await expect(schedule.getByRole("status")).toContainText("starts by itself");
  await expect(schedule.getByRole("listitem")).toHaveCount(5);
  await expect(schedule.getByRole("listitem").first()).toContainText("09:00");
  await load.hydrated();
  await expectAccessible(page);
  await keepPicture(page, "schedules-1440");
  await plan.getByRole("button", { name: /^Delete/ }).click();
  await expect(page.getByText("delete its schedules first")).toBeVisible();
  await schedule.getByRole("button", { name: /^Delete schedule/ }).click();
  await expect(schedule).toHaveCount(0);

  await plan.getByRole("button", { name: /^Delete/ }).click();
  await expect(plan).toBeHidden();
  await page.getByRole("button", { name: "Undo" }).click();
  await expect(plan).toBeVisible();
  await plan.getByRole("button", { name: /^Delete/ }).click();
  await expect(plan).toBeHidden();

  // What is wrong with a plan is said where it is typed.
  await page.goto(`${stack.url}/load`);
  await load.hydrated();
  await load.set("peak", "ten");
  await page.getByRole("button", { name: "Save plan" }).click();
  await expect(load.error("peak")).toContainText("whole number");
});
