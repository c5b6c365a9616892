// The result of an evaluation as people read it; `--json` has all of it.

import type { Halting } from "../../eval/halting.ts";
import type { EvalReport } from "../../eval/report.ts";
import { describeDifficulty, describeHalting, describeStops } from "./halting-report.ts";
import { percent } from "./numbers.ts";

/** One line a fact, with the steps that are powers of two, and the last; then tables. */
export function describeReport(report: EvalReport): string[] {
  const [low, high] = report.interval95;
  const bySteps = report.bySteps
    .filter(({ step }) => step === report.supervisionSteps || Number.isInteger(Math.log2(step)))
    .map(({ step, exactAccuracy }) => `${step}: ${percent(exactAccuracy)}`);
  const lines: [string, string | undefined][] = [
    [
      "exact accuracy",
      `${percent(report.exactAccuracy)}  (95 % interval ${percent(low)} to ${percent(high)}; ${report.puzzles} puzzles)`,
    ],
    ["cell accuracy", percent(report.cellAccuracy)],
    ["by steps", bySteps.join("   ")],
    [
      "halting logit",
      `right for ${percent(report.haltAccuracy)}; ${report.meanSteps.toFixed(1)} steps a puzzle`,
    ],
    ["early stop", report.halting && describeStops(report.halting)],
    ["invalid answers", report.invalidRate === undefined ? undefined : percent(report.invalidRate)],
    ...Object.entries(report.measures ?? {}).map(([name, share]): [string, string] => [name, percent(share)]),
    ["pass@K", report.passAt && describePassAt(report.passAt)],
    ["time", `${(1000 * report.secondsPerPuzzle).toFixed(1)} ms a puzzle on ${report.backend}`],
    ["data", `${report.data.from}, SHA-256 ${report.data.sha256.slice(0, 16)}…`],
    ["weights", report.checkpoint],
  ];
  return [
    ...lines.flatMap(([name, text]) => (text === undefined ? [] : [`${name.padEnd(15)} ${text}`])),
    ...afterEmptyLine(report.byDifficulty ? describeDifficulty(report.byDifficulty) : []),
    ...afterEmptyLine(report.halting?.measured ? describeBothWays(report, report.halting) : []),
  ];
}

function describeBothWays(report: EvalReport, halting: Halting): string[] {
  const { supervisionSteps: steps, exactAccuracy, secondsPerPuzzle } = report;
  return describeHalting(halting, { steps, exactAccuracy, secondsPerPuzzle });
}

function afterEmptyLine(lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? lines : ["", ...lines];
}

/** Share of the test tasks solved by the first K of the ranked votes, by K. */
export function describePassAt(passAt: Readonly<Record<string, number>>): string {
  const shares = Object.entries(passAt).map(([count, share]) => `${count}: ${percent(share)}`);
  return shares.length === 0 ? "unknown: no task has known outputs" : shares.join("   ");
}
