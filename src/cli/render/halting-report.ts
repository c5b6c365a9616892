// Halting and difficulty as small tables.

import type { DifficultyGroup } from "../../eval/by-difficulty.ts";
import type { Halting } from "../../eval/halting.ts";
import { percent } from "./numbers.ts";
import { formatTable, type TableColumn } from "./table.ts";

const right = (title: string): TableColumn => ({ title, align: "right" });
const BAR = 32;

/** One line: what stopping when the model asks to gives and costs. */
export function describeStops({
  meanSteps,
  medianSteps,
  exactAccuracy,
  stepsSaved,
  against,
}: Halting): string {
  const cost =
    against && `, ${points(against.accuracyCost)} (lost ${against.lost}, gained ${against.gained})`;
  const steps = `after ${meanSteps.toFixed(1)} steps (median ${medianSteps})`;
  return `${steps}: exact ${percent(exactAccuracy)}${cost ?? ""}; saves ${percent(stepsSaved)} of the steps`;
}

/** Both ways beside each other, and where the puzzles stop. */
export function describeHalting(
  halting: Halting,
  all: { steps: number; exactAccuracy: number; secondsPerPuzzle: number },
): string[] {
  const { measured, meanSteps, histogram } = halting;
  const milliseconds = (seconds: number | undefined) =>
    seconds === undefined ? "–" : `${(1000 * seconds).toFixed(2)} ms`;
  const rows = [
    ["all steps", all.steps.toFixed(1), percent(all.exactAccuracy), milliseconds(all.secondsPerPuzzle)],
    [
      "as the model asks",
      meanSteps.toFixed(1),
      percent(measured?.exactAccuracy ?? halting.exactAccuracy),
      milliseconds(measured?.secondsPerPuzzleHalted),
    ],
    ["saved", percent(halting.stepsSaved), "", measured ? percent(measured.timeSaved) : "–"],
  ];
  const titles = [{ title: "halting" }, right("steps"), right("exact"), right("time a puzzle")];
  return [...formatTable(titles, rows), "", ...describeHistogram(histogram)];
}

/** A bar for each step after which puzzles stop. */
function describeHistogram(histogram: readonly number[]): string[] {
  const most = Math.max(1, ...histogram);
  const rows = histogram.flatMap((puzzles, i) =>
    puzzles === 0 ? [] : [[String(i + 1), String(puzzles), "█".repeat(Math.ceil((BAR * puzzles) / most))]],
  );
  return formatTable([right("stops after step"), right("puzzles"), { title: "" }], rows);
}

/** A table a scale, an empty line between. */
export function describeDifficulty(groups: readonly DifficultyGroup[]): string[] {
  const units = [...new Set(groups.map(({ unit }) => unit))];
  return units.flatMap((unit, i) => {
    const table = tableOf(
      unit,
      groups.filter((group) => group.unit === unit),
    );
    return i === 0 ? table : ["", ...table];
  });
}

function tableOf(unit: string, groups: readonly DifficultyGroup[]): string[] {
  const titles = ["puzzles", "exact", "95 % interval", "asks to halt", "exact then", "first right"];
  const rows = groups.map((group) => {
    const [low, high] = group.interval95;
    return [
      rangeOf(group),
      String(group.puzzles),
      percent(group.exactAccuracy),
      `${percent(low)} to ${percent(high)}`,
      stepOf(group.meanSteps),
      group.haltedExactAccuracy === undefined ? "–" : percent(group.haltedExactAccuracy),
      stepOf(group.meanFirstRight),
    ];
  });
  return formatTable([{ title: unit }, ...titles.map(right)], rows);
}

/** 0, 1–4, 20 or more; a scale of fractions has no last value below the next group. */
function rangeOf({ from, below }: DifficultyGroup): string {
  if (below === null) return `${from} or more`;
  if (!Number.isInteger(from) || !Number.isInteger(below)) return `${from} to below ${below}`;
  return from === below - 1 ? String(from) : `${from}–${below - 1}`;
}

function stepOf(step: number | null | undefined): string {
  return step === null || step === undefined ? "–" : `step ${step.toFixed(1)}`;
}

function points(cost: number): string {
  return `${(100 * Math.abs(cost)).toFixed(1)} points ${cost < 0 ? "more" : "less"}`;
}
