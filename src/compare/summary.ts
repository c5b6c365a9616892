// What the units of a comparison tell together: each entry's numbers over its seeds, and how it differs from the first
// entry, the baseline, seed by seed.

import type { AfterStep } from "../eval/rows.ts";
import type { Comparison } from "./definition.ts";
import { holm, intervalOf, LEAST_SEEDS, pValueOf, type Spread, spreadOf } from "./statistics.ts";
import type { UnitRecord } from "./unit-record.ts";

export interface EntrySummary {
  readonly name: string;
  readonly preset: string;
  readonly overrides: readonly string[];
  readonly note: string | undefined;
  readonly seeds: readonly number[];
  readonly exactAccuracy: Spread;
  readonly cellAccuracy: Spread;
  /** Means over the seeds. */
  readonly bySteps: readonly AfterStep[];
  readonly parameters: number;
  readonly puzzleTable: number;
  readonly effectiveDepth: number;
  readonly hiddenSize: number;
  readonly supervisionSteps: number;
  /** Of the training; means over the seeds. */
  readonly steps: number;
  readonly rows: number;
  readonly flops: number;
  readonly trainSeconds: number;
  readonly evalSeconds: number;
  /** Supervision steps a puzzle got near the end of the training; null if none halted. */
  readonly haltingStepsInTraining: number | null;
  /** Had each answer been taken when the model first asked to halt. */
  readonly halting: { readonly meanSteps: number; readonly exactAccuracy: number };
  readonly lastLoss: number;
  /** Loss of the last tenth of the training over that of the tenth before. */
  readonly lossTrend: number;
  readonly lastTrainAccuracy: number | null;
  /** Undefined for the baseline. */
  readonly difference: Difference | undefined;
}

/** Exact accuracy minus the baseline's, over the seeds that both have. */
export interface Difference {
  readonly baseline: string;
  readonly seeds: number;
  readonly mean: number;
  readonly deviation: number | null;
  /** For this entry alone. */
  readonly interval95: readonly [number, number] | null;
  /** By Student's t over the pairs; null below three. */
  readonly p: number | null;
  /** After Holm's correction for the number of entries. */
  readonly adjustedP: number | null;
  readonly verdict: Verdict;
}

export type Verdict = "higher" | "lower" | "not told apart" | "not judged";

const SIGNIFICANT = 0.05;

/** In the order of the entries; those without a finished seed are left out. */
export function summarizeComparison({ entries }: Comparison, records: readonly UnitRecord[]): EntrySummary[] {
  const groups = entries.flatMap((entry) => {
    const own = records.filter(({ name }) => name === entry.name);
    return own.length > 0 ? [{ entry, own }] : [];
  });
  const baseline = groups.find(({ entry }) => entry === entries[0]);
  const compared = groups.filter((group) => baseline && group !== baseline);
  const differences = judge(
    compared.map(({ own }) => differenceOf(own, baseline!.own)),
    baseline?.entry.name ?? "",
  );
  return groups.map(({ entry, own }) => {
    const place = compared.findIndex((group) => group.entry === entry);
    return summarizeEntry(own, entry.note, differences[place]);
  });
}

function summarizeEntry(
  records: readonly UnitRecord[],
  note: string | undefined,
  difference: Difference | undefined,
): EntrySummary {
  const [first] = records;
  const mean = (of: (record: UnitRecord) => number) => spreadOf(records.map(of)).mean;
  const meanIfAny = (of: (record: UnitRecord) => number | null) => {
    const values = records.flatMap((record) => of(record) ?? []);
    return values.length > 0 ? spreadOf(values).mean : null;
  };
  return {
    name: first.name,
    preset: first.preset,
    overrides: first.overrides,
    note,
    seeds: records.map(({ seed }) => seed),
    exactAccuracy: spreadOf(records.map(({ exactAccuracy }) => exactAccuracy)),
    cellAccuracy: spreadOf(records.map(({ cellAccuracy }) => cellAccuracy)),
    bySteps: first.bySteps.map(({ step }, i) => ({
      step,
      exactAccuracy: mean(({ bySteps }) => bySteps[i].exactAccuracy),
      cellAccuracy: mean(({ bySteps }) => bySteps[i].cellAccuracy),
    })),
    parameters: first.parameters,
    puzzleTable: first.puzzleTable,
    effectiveDepth: first.effectiveDepth,
    hiddenSize: first.hiddenSize,
    supervisionSteps: first.supervisionSteps,
    steps: mean(({ training }) => training.steps),
    rows: mean(({ training }) => training.rows),
    flops: mean(({ training }) => training.flops),
    trainSeconds: mean(({ training }) => training.seconds),
    evalSeconds: mean(({ evalSeconds }) => evalSeconds),
    haltingStepsInTraining: meanIfAny(({ training }) => training.haltingSteps),
    halting: {
      meanSteps: mean(({ halting }) => halting.meanSteps),
      exactAccuracy: mean(({ halting }) => halting.exactAccuracy),
    },
    lastLoss: mean(({ training }) => training.lastLoss),
    lossTrend: mean(({ training }) => training.lastLoss) / mean(({ training }) => training.lossBefore),
    lastTrainAccuracy: meanIfAny(({ training }) => training.lastExactAccuracy),
    difference,
  };
}

type RawDifference = Omit<Difference, "baseline" | "adjustedP" | "verdict">;

/**
 * Differences all alike have no spread to go by, and would be certain at any number of seeds: they are given that of one
 * puzzle, the smallest step that an accuracy can make.
 */
function differenceOf(own: readonly UnitRecord[], baseline: readonly UnitRecord[]): RawDifference {
  const pairs = own.flatMap(({ seed, exactAccuracy }) => {
    const other = baseline.find((record) => record.seed === seed);
    return other ? [exactAccuracy - other.exactAccuracy] : [];
  });
  if (pairs.length === 0) return { seeds: 0, mean: Number.NaN, deviation: null, interval95: null, p: null };
  const { mean, deviation } = spreadOf(pairs);
  const least = 1 / Math.max(1, own[0].puzzles);
  const floored = deviation === null ? null : Math.max(deviation, least);
  const interval = intervalOf(mean, floored, pairs.length);
  return {
    seeds: pairs.length,
    mean,
    deviation,
    interval95: interval && [Math.max(-1, interval[0]), Math.min(1, interval[1])],
    p: floored === null || pairs.length < LEAST_SEEDS ? null : pValueOf(mean, floored, pairs.length),
  };
}

function judge(raw: readonly RawDifference[], baseline: string): Difference[] {
  const judged = raw.flatMap(({ p }) => p ?? []);
  const adjusted = holm(judged);
  let next = 0;
  return raw.map((difference) => {
    const adjustedP = difference.p === null ? null : adjusted[next++];
    return { ...difference, baseline, adjustedP, verdict: verdictOf(difference.mean, adjustedP) };
  });
}

function verdictOf(mean: number, adjustedP: number | null): Verdict {
  if (adjustedP === null) return "not judged";
  if (adjustedP >= SIGNIFICANT) return "not told apart";
  return mean > 0 ? "higher" : "lower";
}
