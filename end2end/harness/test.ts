import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test as base, type Page } from "@playwright/test";
import { ComposeStack, inContainers } from "./compose.ts";
import { Stack } from "./stack.ts";
import type { System } from "./system.ts";
import { LoadPage } from "../pages/load-page.ts";
import { repository } from "./program.ts";

export { expect } from "@playwright/test";

type Fixtures = {
  /** A calm system of processes; tests of what only those have are skipped elsewhere. */
  processes: Stack;
  /** The calm system of containers. */
  containers: ComposeStack;
  /** The load page, open and taken over by the browser half. */
  load: LoadPage;
  /** A system of this test's own, whose services have two replicas each behind a gateway. */
  staged: Stack;
  /** A system of this test's own, with an empty state folder. */
  freshStack: System;
};

type WorkerFixtures = {
  /** The system that the tests of a worker share; calm before each test that uses it. */
  sharedStack: System;
};

export const test = base.extend<Fixtures & { stack: System }, WorkerFixtures>({
  sharedStack: [
    async ({}, use) => {
      const stack = inContainers ? await ComposeStack.join() : await Stack.start();
      await use(stack);
      await stack.stop();
    },
    { scope: "worker", timeout: 60_000 },
  ],

  stack: async ({ sharedStack }, use) => {
    await sharedStack.calm();
    await use(sharedStack);
  },

  processes: async ({ sharedStack }, use) => {
    test.skip(!(sharedStack instanceof Stack), "the command line's own runs have no containers");
    await sharedStack.calm();
    await use(sharedStack as Stack);
  },

  containers: async ({ sharedStack }, use) => {
    if (!(sharedStack instanceof ComposeStack)) throw new Error("there are no containers here");
    await sharedStack.calm();
    await use(sharedStack);
  },

  staged: async ({}, use) => {
    const stack = await Stack.start({}, 2);
    await use(stack);
    await stack.stop();
  },

  freshStack: async ({}, use) => {
    let stack: System;
    if (inContainers) {
      const compose = await ComposeStack.join();
      await compose.renew();
      stack = compose;
    } else {
      stack = await Stack.start();
    }
    await use(stack);
    await stack.stop();
  },

  load: async ({ page, stack }, use) => {
    await use(await LoadPage.open(page, stack.url));
  },
});

/** By how many pixels the page is wider than its window. */
export const sidewaysPixels = (page: Page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

/** Keeps a picture of the whole page in `end2end/artifacts`. */
export async function keepPicture(page: Page, name: string) {
  const folder = join(repository, "end2end/artifacts");
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
}
