import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import type { Browser, Page } from "@playwright/test";
import { expectAccessible } from "../harness/axe.ts";
import { binary, until } from "../harness/program.ts";
import { Stack } from "../harness/stack.ts";
import { Team } from "../harness/team.ts";
import { expect, sidewaysPixels, test } from "../harness/test.ts";

const password = "correct horse battery";

/** A page of somebody who shares nothing with the others. */
async function somebody(browser: Browser, options = {}): Promise<Page> {
  return (await browser.newContext(options)).newPage();
}

async function logIn(page: Page, url: string, name: string, word: string) {
  await page.goto(`${url}/login`);
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(word);
  await page.getByRole("button", { name: "Log in" }).click();
}

const connection = (page: Page) => page.getByTestId("connection");

test("where a login is needed everybody may what their role says, and what is taken back ends at once", async ({
  browser,
  page,
}) => {
  const team = await Team.start({ bob: ["speakers"], carl: ["strangers"] });
  const stack = await Stack.start({ HAD_LOGIN: "required", HAD_VIEWERS: "link", ...team.settings });
  try {
    await team.knows(stack.url);
    const log = () => readFile(stack.program.logFile, "utf8");
    const link = await until("the first link", async () => /http:\S+\/enter\/had_\w+/.exec(await log())?.[0]);
    const secret = link.split("/").at(-1) ?? "";

    // Nobody sees anything but the way in.
    const nobody = await somebody(browser);
    await nobody.goto(`${stack.url}/runs`);
    await expect(nobody).toHaveURL(/\/login\?back=%2Fruns$/);
    expect((await fetch(`${stack.url}/api/v1/live`)).status).toBe(401);
    const refused = await fetch(`${stack.url}/api/v1/faults/restore-all`, { method: "POST" });
    expect([refused.status, (await refused.json()).code]).toEqual([401, "login_needed"]);

    // Looking at the link uses nothing up; the secret goes nowhere else.
    const referers: string[] = [];
    page.on("request", (request) => referers.push(request.headers()["referer"] ?? ""));
    await nobody.goto(link);
    await page.goto(link);
    await page.getByRole("button", { name: "Come in" }).click();
    await expect(page.getByRole("button", { name: "Log out" })).toBeVisible();
    await expect(connection(page)).toHaveAttribute("data-state", "live");
    expect(page.url()).toBe(`${stack.url}/`);
    expect(referers.filter((referer) => referer.includes(secret))).toEqual([]);
    await nobody.goto(link);
    await expect(nobody.getByTestId("no-link")).toBeVisible();
    await page.goto(`${stack.url}/load`);
    await expect(page.getByRole("button", { name: "Start load test" })).toBeVisible();
    await expect(page.getByText("press “Start load test”")).toBeVisible();
    await expect(page.getByText("when a presenter starts a load test")).toBeHidden();
    await expect(page.getByRole("link", { name: "Access" })).toBeHidden();
    await page.goto(`${stack.url}/access`);
    await expect(page.getByRole("alert")).toContainText("Your role does not allow this");

    // An admin, made on the machine, logs in without JavaScript; nothing typed is lost but the password.
    const env = { ...process.env, ...stack.environment };
    execFileSync(binary, ["access", "account", "anna", "--role", "admin"], { env, input: password });
    const plain = await somebody(browser, { javaScriptEnabled: false });
    await logIn(plain, stack.url, "anna", "not the password");
    await expect(plain.getByRole("alert")).toContainText("don't go together");
    await expect(plain.getByLabel("Name")).toHaveValue("anna");
    await logIn(plain, stack.url, "anna", password);
    await expect(plain.getByRole("button", { name: "Log out" })).toBeVisible();
    const admin = await somebody(browser);
    await admin.goto(`${stack.url}/login`);
    await expectAccessible(admin);
    await logIn(admin, stack.url, "anna", password);
    await admin.getByRole("link", { name: "Access" }).click();
    await expect(admin.getByTestId("accounts")).toContainText("anna");
    await expectAccessible(admin);

    // The team logs in with its own provider, and goes on where it was.
    const bob = await somebody(browser);
    await bob.goto(`${stack.url}/load`);
    await bob.getByRole("link", { name: `Log in with ${team.host}` }).click();
    await team.logIn(bob, "bob");
    await expect(bob).toHaveURL(`${stack.url}/load`);
    await expect(bob.getByRole("button", { name: "Start load test" })).toBeVisible();
    await expect(connection(bob)).toHaveAttribute("data-state", "live");
    const carl = await somebody(browser);
    await carl.goto(`${stack.url}/login`);
    await carl.getByRole("link", { name: `Log in with ${team.host}` }).click();
    await team.logIn(carl, "carl");
    await expect(carl.getByRole("alert")).toContainText("nobody said that you may do something here");
    await carl.goto(stack.url);
    await expect(carl).toHaveURL(/\/login/);

    // A guest comes by a link that the admin makes.
    await admin.getByText("New token or link").click();
    const made = admin.getByTestId("add-pass");
    await made.getByLabel("Name").fill("The audience");
    await made.getByRole("button", { name: "Make" }).click();
    const invitation = (await admin.getByTestId("secret").textContent()) ?? "";
    expect(invitation).toContain(`${stack.url}/enter/had_`);
    const guest = await somebody(browser);
    await guest.goto(invitation);
    await guest.getByRole("button", { name: "Come in" }).click();
    await expect(connection(guest)).toHaveAttribute("data-state", "live");
    await guest.goto(`${stack.url}/load`);
    await expect(connection(guest)).toHaveAttribute("data-state", "live");
    await expect(guest.getByRole("button", { name: "Start load test" })).toBeHidden();
    // What is empty asks for nothing that a guest can't do.
    await expect(guest.getByText("when a presenter starts a load test")).toBeVisible();
    await expect(guest.getByText("press “Start load test”")).toBeHidden();
    const start = await guest.request.post(`${stack.url}/start`, { form: { "draft[peak]": "1" } });
    expect(start.url()).toContain("error=forbidden");

    // What is taken back ends at once, for who is looking, too.
    await admin.goto(`${stack.url}/access`);
    await admin
      .getByTestId("passes")
      .getByRole("button", { name: /Take back/ })
      .click();
    await expect(admin.getByTestId("access-done")).toBeVisible();
    await expect(guest).toHaveURL(/\/login\?back=%2Fload$/);
    await expect(connection(page)).toHaveAttribute("data-state", "live");

    // Who logs out is out in every tab.
    const tab = await page.context().newPage();
    await tab.goto(stack.url);
    await expect(connection(tab)).toHaveAttribute("data-state", "live");
    await page.getByRole("button", { name: "Log out" }).click();
    await expect(page).toHaveURL(/\/login/);
    await expect(tab).toHaveURL(/\/login/);

    // All of it is on record.
    await admin.goto(`${stack.url}/access#record`);
    const record = admin.getByTestId("record");
    for (const act of [
      "enter",
      "log_in",
      "add_account",
      "add_pass",
      "revoke_pass",
      "turned_away",
      "start",
      "log_out",
      "log_in_by_team",
    ])
      await expect(record.getByText(act, { exact: true }).first()).toBeVisible();
    await expect(record.locator("[data-refused]", { hasText: "wrong_login" })).toContainText("anna");
    await admin.screenshot({ path: "artifacts/access-light.png", fullPage: true });
    await admin.setViewportSize({ width: 390, height: 844 });
    expect(await sidewaysPixels(admin)).toBe(0);
    const text = (await log())
      .split("\n")
      .filter((line) => !line.includes("/enter/had_"))
      .join("\n");
    for (const word of [secret, password, team.settings["HAD_OIDC_SECRET"] ?? "", invitation.split("/").at(-1) ?? ""])
      expect(text).not.toContain(word);
  } finally {
    // A page that looks for its dashboard goes on drawing beside the tests that follow.
    await Promise.all(browser.contexts().map((context) => context !== page.context() && context.close()));
    await stack.stop();
    await team.stop();
  }
});
