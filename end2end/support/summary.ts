// The closing line of a run, alone on its line: `N passed, N failed, N skipped`. What fails outside of a test (a file
// that does not load, a server that does not end well) counts as failed.
import type { FullConfig, Reporter, Suite } from "@playwright/test/reporter";

export default class Summary implements Reporter {
  private tests: Suite | undefined;
  private failedOutside = 0;

  onBegin(_config: FullConfig, suite: Suite): void {
    this.tests = suite;
  }

  onError(): void {
    this.failedOutside += 1;
  }

  onEnd(): void {
    const outcomes = (this.tests?.allTests() ?? []).map((test) => test.outcome());
    const count = (...wanted: string[]) => outcomes.filter((outcome) => wanted.includes(outcome)).length;
    const failed = count("unexpected", "flaky") + this.failedOutside;
    process.stdout.write(`\n${count("expected")} passed, ${failed} failed, ${count("skipped")} skipped\n`);
  }

  printsToStdio(): boolean {
    return true;
  }
}
