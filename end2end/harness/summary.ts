import { appendFileSync } from "node:fs";
import { stripVTControlCharacters } from "node:util";
import type { FullResult, Reporter, TestCase, Suite } from "@playwright/test/reporter";

/**
 * Prints the ten slowest tests, and `N passed, N failed, N skipped` as the last line: flaky counts as passed, as in
 * Playwright's own exit code. The file that `TEST_TIMES` names gets a line a test: its seconds and its name; those that
 * `TEST_FAILED` and `TEST_FLAKY` name get the tests that failed each time or at first only, with the first words of why.
 */
export default class Summary implements Reporter {
  private tests: TestCase[] = [];

  onBegin(_config: unknown, suite: Suite) {
    this.tests = suite.allTests();
  }

  onEnd(result: FullResult) {
    const seconds = (test: TestCase) => test.results.reduce((sum, { duration }) => sum + duration, 0) / 1000;
    const name = (test: TestCase) => test.titlePath().filter(Boolean).join(" › ");
    const lines = this.tests
      .filter(({ results }) => results.length > 0)
      .sort((a, b) => seconds(b) - seconds(a))
      .map((test) => `${seconds(test).toFixed(1)} ${name(test)}`);
    const file = process.env.TEST_TIMES;
    if (file) appendFileSync(file, lines.map((line) => `${line}\n`).join(""));
    else console.log(`\nthe slowest, in seconds:\n${lines.slice(0, 10).join("\n")}`);

    const note = (path: string | undefined, outcome: string) => {
      const such = this.tests.filter((test) => test.outcome() === outcome);
      if (path) appendFileSync(path, such.map((test) => `${name(test)}\n${why(test)}`).join(""));
    };
    note(process.env.TEST_FAILED, "unexpected");
    note(process.env.TEST_FLAKY, "flaky");

    const count = (...outcomes: string[]) => this.tests.filter((test) => outcomes.includes(test.outcome())).length;
    // A test that never ran, for example after an interruption, has the outcome "skipped".
    const failed = count("unexpected") + (result.status === "passed" || count("unexpected") > 0 ? 0 : 1);
    console.log(`\n${count("expected", "flaky")} passed, ${failed} failed, ${count("skipped")} skipped`);
  }

  printsToStdio() {
    return false;
  }
}

/** What the first failure said, without colours, and where. */
function why(test: TestCase) {
  const error = test.results.map((result) => result.error).find(Boolean);
  const words = stripVTControlCharacters(error?.message ?? "").split("\n");
  const { file, line } = error?.location ?? test.location;
  return [...words.filter((text) => text.trim()).slice(0, 8), `${file}:${line}`]
    .map((text) => `    ${text}\n`)
    .join("");
}
