import type { FullResult, Reporter, TestCase, Suite } from "@playwright/test/reporter";

/** Prints `N passed, N failed, N skipped` as the last line: flaky counts as passed, as in Playwright's own exit code. */
export default class Summary implements Reporter {
  private tests: TestCase[] = [];

  onBegin(_config: unknown, suite: Suite) {
    this.tests = suite.allTests();
  }

  onEnd(result: FullResult) {
    const count = (...outcomes: string[]) => this.tests.filter((test) => outcomes.includes(test.outcome())).length;
    // A test that never ran, for example after an interruption, has the outcome "skipped".
    const failed = count("unexpected") + (result.status === "passed" || count("unexpected") > 0 ? 0 : 1);
    console.log(`\n${count("expected", "flaky")} passed, ${failed} failed, ${count("skipped")} skipped`);
  }

  printsToStdio() {
    return false;
  }
}
