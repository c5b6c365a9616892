// Vitest reporter (v4 API) whose line `N passed, N failed, N skipped` is the very last of a run, after the skipped
// tests with their reasons. A suite or file that cannot be collected and an unhandled error count as one failure each.

import { writeSync } from "node:fs";
import { relative } from "node:path";
import type { SerializedError } from "vitest";
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from "vitest/node";

export default class SummaryReporter implements Reporter {
  private watch = false;
  private root = process.cwd();

  onInit(vitest: Vitest) {
    this.watch = vitest.config.watch;
    this.root = vitest.config.root;
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]) {
    const summary = summarize(modules, unhandledErrors.length, this.root);
    // Other reporters may still have something to say now, so the line waits for the end of the process.
    if (this.watch) process.stdout.write(summary);
    else process.once("exit", () => printAtExit(summary));
  }
}

/** The text printed at the end: skipped tests, one a line, then the counts. */
export function summarize(modules: readonly TestModule[], unhandledErrors: number, root: string): string {
  const tests = modules.flatMap((module) => [...module.children.allTests()]);
  const count = (state: string) => tests.filter((test) => test.result().state === state).length;
  const failed =
    count("failed") + modules.reduce((sum, each) => sum + brokenSuites(each), 0) + unhandledErrors;
  // A test that was never reached (a hook failed, or the run was interrupted) is pending: it did not pass.
  const skipped = tests.filter((test) => ["skipped", "pending"].includes(test.result().state));
  const lines = skipped.map((test) => `skipped: ${describeTest(test, root)}`);
  return `${[...lines, `${count("passed")} passed, ${failed} failed, ${skipped.length} skipped`].join("\n")}\n`;
}

/** Collection errors and failed hooks, of the file and of the suites inside. */
function brokenSuites(module: TestModule): number {
  const suites: (TestModule | TestSuite)[] = [module, ...module.children.allSuites()];
  return suites.filter((suite) => suite.errors().length > 0).length;
}

function describeTest(test: TestCase, root: string): string {
  const result = test.result();
  const note = result.state === "skipped" && result.note ? ` (${result.note})` : "";
  return `${relative(root, test.module.moduleId)} > ${test.fullName}${note}`;
}

/** A pipe may be full for a moment (EAGAIN) and there is no later: try until everything is out. */
function printAtExit(text: string) {
  let rest = Buffer.from(text);
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(1, rest));
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EAGAIN")) return;
    }
  }
}
