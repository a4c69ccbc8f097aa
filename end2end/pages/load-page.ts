import { expect, type Locator, type Page } from "@playwright/test";

/** What is typed into the form; a field left out keeps the form's own suggestion. */
export type Plan = {
  script?: string;
  target?: string;
  pattern?: string;
  model?: "vus" | "arrival-rate";
  peak?: string | number;
  duration?: string | number;
  ramp?: string | number;
  pre_allocated_vus?: string | number;
  max_vus?: string | number;
  thresholds?: string;
  request_timeout?: string | number;
  stop_when?: string;
  regression?: string;
};

export type FieldName = keyof Plan;

/** What a link from another site may carry: a form that would start a test from our own origin. */
export const injection = `</textarea><form id="injected" method="post" action="/start"></form><textarea>`;

/** A short closed test that every demo service passes. */
export const shortPlan = {
  target: "all-services",
  pattern: "load",
  model: "vus",
  peak: 4,
  duration: "12s",
  ramp: "2s",
  thresholds: "http_req_duration:p(95)<2000\nhttp_req_failed:rate<0.05",
  request_timeout: "3s",
} satisfies Plan;

/** The same for tests that stop it by hand: no machine is so busy that it ends by itself before. */
export const longPlan = { ...shortPlan, duration: "5m" } satisfies Plan;

export type Chart = "load" | "throughput" | "latency" | "errors" | "cpu" | "memory";

/** The load page: form, running state, numbers, charts. */
export class LoadPage {
  readonly state: Locator;
  readonly verdict: Locator;
  readonly startButton: Locator;
  readonly stopButton: Locator;
  readonly connection: Locator;
  readonly actionError: Locator;
  readonly form: Locator;
  /** Changes between thresholds one by one and thresholds as text. */
  readonly thresholdsView: Locator;

  constructor(readonly page: Page) {
    this.state = page.getByTestId("run-state");
    this.verdict = page.getByTestId("verdict");
    this.form = page.getByRole("form", { name: /load test|lasttest/i });
    this.startButton = page.getByRole("button", { name: /^(start load test|lasttest starten)$/i });
    this.stopButton = page.getByRole("button", { name: /^(stop load test|lasttest stoppen)$/i });
    this.connection = page.getByTestId("connection");
    this.thresholdsView = page.getByTestId("thresholds-view");
    this.actionError = page.getByTestId("action-error");
  }

  /** Opens the page of a dashboard, or another that shows a test, and waits until the browser half has taken over. */
  static async open(page: Page, dashboard: string, path = "/load"): Promise<LoadPage> {
    const load = new LoadPage(page);
    await page.goto(dashboard + path);
    await load.hydrated();
    return load;
  }

  async hydrated() {
    await expect(this.page.locator("html")).toHaveAttribute("data-hydrated", "true", { timeout: 15_000 });
  }

  field(name: FieldName): Locator {
    return this.page.locator(`[name="draft[${name}]"]`);
  }

  error(name: FieldName): Locator {
    return this.page.getByTestId(`error-${name}`);
  }

  async set(name: FieldName, value: string | number) {
    const field = this.field(name);
    const first = field.first();
    // The text is there all the time, behind the rows that say the same.
    if (name === "thresholds" && !(await first.isVisible())) await this.thresholdsView.click();
    // So is what is asked for seldom, behind its heading.
    if ((name === "stop_when" || name === "regression") && !(await first.isVisible()))
      await this.form.locator(`#label-${name}`).click();
    if ((await first.getAttribute("type")) === "radio") {
      const choice = this.page.locator(`[name="draft[${name}]"][value="${value}"]`);
      // The input itself may be drawn by its card, so people click what labels it.
      await choice.evaluate((input: HTMLInputElement) => input.labels?.[0]?.scrollIntoView({ block: "center" }));
      const id = await choice.getAttribute("id");
      await this.page
        .locator("label")
        .filter({ has: choice })
        .or(this.page.locator(`label[for="${id}"]`))
        .click();
      await expect(choice).toBeChecked();
    } else if ((await first.evaluate((element) => element.tagName)) === "SELECT") {
      await first.selectOption(String(value));
    } else {
      await first.fill(String(value));
    }
  }

  async fill(plan: Plan) {
    // The model decides which fields there are, and the pattern which models: they come first.
    const order: FieldName[] = ["script", "target", "pattern", "model", "peak", "duration", "ramp"];
    order.push("pre_allocated_vus", "max_vus", "thresholds", "request_timeout", "stop_when", "regression");
    for (const name of order) {
      const value = plan[name];
      if (value !== undefined) await this.set(name, value);
    }
  }

  /** Opens the form where it is folded after a test. */
  async unfold() {
    if (await this.form.isVisible()) return;
    await this.page.getByRole("button", { name: /^(next test|nächster test)$/i }).click();
  }

  async start(plan: Plan = shortPlan) {
    await this.fill(plan);
    await this.startButton.click();
  }

  async expectState(...states: string[]) {
    await expect(this.state).toHaveAttribute("data-state", new RegExp(`^(${states.join("|")})$`), { timeout: 20_000 });
  }

  async expectVerdict(verdict: string, timeout = 30_000) {
    await expect(this.verdict).toHaveAttribute("data-verdict", verdict, { timeout });
  }

  /** A tile's value now; `null`: no data. */
  async stat(id: string): Promise<number | null> {
    const text = await this.page.getByTestId(`stat-${id}`).getAttribute("data-value");
    return text ? Number(text) : null;
  }

  chart(name: Chart): Locator {
    return this.page.getByTestId(`chart-${name}`);
  }

  async points(name: Chart = "load"): Promise<number> {
    return Number((await this.chart(name).getAttribute("data-points")) ?? 0);
  }

  async lastMs(name: Chart = "load"): Promise<number> {
    return Number((await this.chart(name).getAttribute("data-last-ms")) ?? 0);
  }

  threshold(rule: string): Locator {
    return this.page.locator(`[data-testid="threshold"][data-threshold="${rule}"]`);
  }

  /** Waits until load is on the chart: `points` rows, requests are counted. */
  async expectLive(points = 3) {
    await this.expectState("running");
    await expect.poll(() => this.points(), { timeout: 20_000 }).toBeGreaterThanOrEqual(points);
    await expect.poll(() => this.stat("rps"), { timeout: 10_000 }).toBeGreaterThan(0);
  }
}
