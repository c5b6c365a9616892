// What a comparison allows one to say, and what not. Every sentence follows from the numbers by a rule; nothing here knows
// any model.

import type { Budget } from "../../compare/definition.ts";
import { LEAST_SEEDS } from "../../compare/statistics.ts";
import type { Difference, EntrySummary } from "../../compare/summary.ts";
import type { UnitRecord } from "../../compare/unit-record.ts";
import { wilsonInterval } from "../../eval/wilson.ts";
import { flop, integer, percent } from "./numbers.ts";

/** Shares this near to all or nothing leave no room for a difference. */
const EDGE = 0.02;
/** A loss that fell by more than this share in the last tenth of the training was still falling. */
const STILL_FALLING = 0.02;
/** Amounts that differ by more than this factor are worth a word. */
const UNEQUAL = 1.1;

/** One sentence for each entry but the baseline. */
export function findings(entries: readonly EntrySummary[]): string[] {
  return entries.flatMap(({ name, difference }) =>
    difference ? [describeDifference(name, difference)] : [],
  );
}

function describeDifference(name: string, difference: Difference): string {
  const { baseline, mean, interval95, adjustedP, seeds, verdict } = difference;
  const amount = `${points(Math.abs(mean))} points`;
  if (verdict === "not judged" || interval95 === null || adjustedP === null)
    return `**${name}** and **${baseline}** are ${amount} apart, which ${seeds} paired ${seeds === 1 ? "seed does" : "seeds do"} not allow to judge: at least ${LEAST_SEEDS} are needed.`;
  const range = `95 % interval ${signed(interval95[0])} to ${signed(interval95[1])}`;
  const evidence = `${range}, p ${pValue(adjustedP)} after Holm's correction, ${seeds} paired seeds`;
  if (verdict === "not told apart") {
    const excludesZero = interval95[0] > 0 || interval95[1] < 0;
    if (excludesZero)
      return `**${name}** solves ${amount} ${mean > 0 ? "more" : "less"} than **${baseline}**, and taken alone that is beyond chance; among so many comparisons at ${seeds} seeds it is not proven, and more seeds would decide it (${evidence}).`;
    const seen =
      mean === 0 ? "no difference was seen" : `the difference of ${signed(mean)} points could be chance`;
    return `**${name}** is not told apart from **${baseline}** at ${seeds} seeds: ${seen} (${evidence}).`;
  }
  const word = verdict === "higher" ? "more" : "less";
  return `**${name}** solves ${amount} ${word} than **${baseline}** (${evidence}).`;
}

/** What the numbers do not show, each with the number that says so. */
export function limits(
  entries: readonly EntrySummary[],
  records: readonly UnitRecord[],
  budget: Budget,
): string[] {
  return [
    ...aboutSeeds(entries),
    aboutPuzzles(entries, records),
    aboutScale(entries),
    ...aboutBudget(entries, budget),
    ...aboutStage(entries),
    ...aboutEdges(entries),
    ...aboutSettings(entries),
    ...aboutSameness(records),
  ];
}

function aboutSeeds(entries: readonly EntrySummary[]): string[] {
  const halves = entries.flatMap(({ difference }) => {
    const interval = difference?.interval95;
    return interval ? [(interval[1] - interval[0]) / 2] : [];
  });
  const seeds = Math.min(...entries.map((entry) => entry.seeds.length));
  if (entries.length < 2) return ["There is one entry: nothing is compared."];
  if (halves.length === 0)
    return [
      `With ${seeds} ${seeds === 1 ? "seed" : "seeds"} no difference is judged, however large it looks.`,
    ];
  return [
    `Seeds: with ${seeds} of them, differences below about ${points(Math.min(...halves))} to ${points(Math.max(...halves))} points (the half-widths of the intervals) cannot be seen here. "Not told apart" does not mean equal. Intervals are of each difference alone; Holm's correction is in the p-values.`,
  ];
}

function aboutPuzzles(entries: readonly EntrySummary[], records: readonly UnitRecord[]): string {
  const { puzzles, data } = records[0];
  const halves = entries.map(({ exactAccuracy: { mean } }) => {
    const [low, high] = wilsonInterval(Math.round(mean * puzzles), puzzles);
    return (high - low) / 2;
  });
  return `Puzzles: all entries face the same ${integer(puzzles)} (${data.testFrom}). The seeds say nothing of other puzzles; for an accuracy taken by itself, the choice of so many puzzles adds up to ± ${points(Math.max(...halves))} points. Other sizes, difficulties and tasks were not tried.`;
}

function aboutScale(entries: readonly EntrySummary[]): string {
  const range = (of: (entry: EntrySummary) => number, show: (value: number) => string) => {
    const values = entries.map(of);
    const [low, high] = [Math.min(...values), Math.max(...values)].map(show);
    return low === high ? low : `${low} to ${high}`;
  };
  const weights = range(({ parameters }) => parameters, integer);
  const cost = range(({ flops }) => flops, flop);
  return `Scale: networks of ${weights} weights, trained with ${cost} each. What holds here need not hold for larger models, more data or longer training.`;
}

function aboutBudget(entries: readonly EntrySummary[], budget: Budget): string[] {
  const ratio = (of: (entry: EntrySummary) => number) => {
    const values = entries.map(of);
    return Math.max(...values) / Math.min(...values);
  };
  const unequal = [
    ...("flops" in budget || ratio(({ flops }) => flops) <= UNEQUAL
      ? []
      : [`FLOP (× ${ratio(({ flops }) => flops).toFixed(1)})`]),
    ...(ratio(({ rows }) => rows) <= UNEQUAL
      ? []
      : [`training rows seen (× ${ratio(({ rows }) => rows).toFixed(1)})`]),
    ...("minutes" in budget || ratio(({ trainSeconds }) => trainSeconds) <= UNEQUAL
      ? []
      : [`seconds of training (× ${ratio(({ trainSeconds }) => trainSeconds).toFixed(1)})`]),
  ];
  const kind = "flops" in budget ? "FLOP" : "steps" in budget ? "steps" : "time";
  const constant =
    "minutes" in budget
      ? [
          "Schedule: within a given time the number of steps is not known beforehand, so every learning rate stayed constant after its warm-up, whatever the preset says; and the number of steps is this machine's.",
        ]
      : [];
  if (unequal.length === 0) return constant;
  return [
    `Budget: equal ${kind} is not equal in everything. Between the entries these differ: ${unequal.join(", ")}. With another budget the order may be another.`,
    ...constant,
  ];
}

function aboutStage(entries: readonly EntrySummary[]): string[] {
  const falling = entries.filter(({ lossTrend }) => lossTrend < 1 - STILL_FALLING);
  if (falling.length === 0) return [];
  const each = falling.map(({ name, lossTrend }) => `${name} (−${percent(1 - lossTrend, 0)})`);
  return [
    `Stage: the training loss still fell in the last tenth of the training for ${each.join(", ")}. This is the state at this budget, not where the entries end up.`,
  ];
}

function aboutEdges(entries: readonly EntrySummary[]): string[] {
  const named = (isThere: (mean: number) => boolean) =>
    entries.filter(({ exactAccuracy: { mean } }) => isThere(mean)).map(({ name }) => name);
  const [top, bottom] = [named((mean) => mean >= 1 - EDGE), named((mean) => mean <= EDGE)];
  return [
    ...(top.length > 0
      ? [
          `Ceiling: ${top.join(", ")} ${top.length === 1 ? "solves" : "solve"} nearly all puzzles; harder ones would tell them apart better.`,
        ]
      : []),
    ...(bottom.length > 0
      ? [
          `Floor: ${bottom.join(", ")} ${bottom.length === 1 ? "solves" : "solve"} hardly any puzzle; that may be the budget or the settings as well as the model.`,
        ]
      : []),
  ];
}

/** Whose learning rate and the like were chosen for what. */
function aboutSettings(entries: readonly EntrySummary[]): string[] {
  const changed = entries.filter(({ overrides }) => overrides.length > 0).map(({ name }) => name);
  const presets = [...new Set(entries.map(({ preset }) => preset))];
  if (changed.length === 0)
    return presets.length > 1
      ? [
          "Settings: each preset brings its own learning rate, batch size and the like; they differ in more than the model.",
        ]
      : [];
  return [
    `Settings: ${changed.join(", ")} ${changed.length === 1 ? "runs" : "run"} with the settings of ${presets.length === 1 ? `the preset ${presets[0]}` : "their presets"} but for the overrides. Nothing else was tuned for them: with a learning rate or batch size of its own an entry may do better.`,
  ];
}

/** What was not the same in all units. */
function aboutSameness(records: readonly UnitRecord[]): string[] {
  const kinds = (of: (record: UnitRecord) => string) => [...new Set(records.map(of))];
  const engines = kinds(({ engine }) => `${engine.backend} ${engine.isa ?? ""} ${engine.format}`);
  const machines = kinds(({ machine }) => `${machine.cpuModel}, ${machine.cores} cores`);
  const versions = kinds(({ versions: { whorl, node } }) => `Whorl ${whorl} on Node ${node}`);
  const trained = kinds(({ data }) => data.trainSha256);
  const leaks = Math.max(...records.map(({ data }) => data.heldOutInTraining));
  return [
    ...(trained.length > 1
      ? [`Data: the entries were trained on ${trained.length} different sets of puzzles.`]
      : []),
    ...(leaks > 0 ? [`Leak: up to ${leaks} held-out puzzles are equivalent to a training puzzle.`] : []),
    ...(engines.length > 1 ? [`Engines: the runs were computed by ${engines.join("; ")}.`] : []),
    ...(machines.length > 1 ? [`Machines: ${machines.join("; ")}; seconds are not comparable.`] : []),
    ...(versions.length > 1 ? [`Versions: ${versions.join("; ")}.`] : []),
    ...(records[0].data.task === "arc"
      ? ["ARC: counted are single examples, not votes over the views of a task; `whorl eval` gives pass@2."]
      : []),
    "Seconds are those of this machine with whatever else it did at the time.",
  ];
}

/** Percentage points of a difference of shares. */
function points(share: number): string {
  return (100 * share).toFixed(1);
}

/** With its sign. */
export function signed(share: number): string {
  return `${share < 0 ? "−" : "+"}${points(Math.abs(share))}`;
}

function pValue(p: number): string {
  return p < 0.001 ? "< 0.001" : `= ${p.toFixed(3)}`;
}
