// A comparison under way: its folder, which units are done, and the ones that this process does.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { ToolError } from "../base/errors.ts";
import { makeFolder, recoverInterrupted, writeFileAtomic } from "../base/files.ts";
import type { EngineConfig } from "../config/schema.ts";
import type { Executor } from "../engine/executors/executor.ts";
import { formatShard, type Shard } from "../eval/shard.ts";
import { openTestSet } from "../eval/test-set.ts";
import type { TestSet } from "../tasks/dataset.ts";
import type { TrainingEvents } from "../train/loop.ts";
import { type Comparison, defineComparison, formatComparison, type Given } from "./definition.ts";
import { planUnits, type Unit } from "./plan.ts";
import { runUnit } from "./run-unit.ts";
import { readUnit, type UnitRecord, writeUnit } from "./unit-record.ts";

/** The definition in the comparison's folder. */
const DEFINITION = "comparison.yaml";

export interface RunOptions {
  readonly dir: string;
  readonly whorlVersion: string;
  /** Only every so manieth unit, so that processes can share the work. */
  readonly shard?: Shard;
  /** Only this entry. */
  readonly only?: string;
  /** The engine that the command asks for, whatever the preset says. */
  engineFor(engine: EngineConfig): EngineConfig;
  executorFor(engine: EngineConfig): Promise<Executor>;
  readonly signal?: AbortSignal;
  /** Called before each unit that is not done yet; gives what its training calls. */
  onUnit?(unit: Unit, place: { readonly number: number; readonly of: number }): TrainingEvents;
  onRecord?(unit: Unit, record: UnitRecord): void;
}

export interface ComparisonState {
  readonly comparison: Comparison;
  /** Of the units that are done, in the order of the units. */
  readonly records: readonly UnitRecord[];
  readonly units: number;
}

/** The comparison that the words define or, without words, the one that the folder holds. */
export async function openComparison(
  words: readonly string[],
  given: Given,
  dir: string,
): Promise<Comparison> {
  if (words.length > 0) return defineComparison(words, given);
  const path = join(dir, DEFINITION);
  if (existsSync(path)) return defineComparison([path], given);
  throw new ToolError("which presets or comparison file?", {
    code: "usage/preset",
    where: `${dir} holds no comparison to go on with`,
    hint: "for instance `whorl compare sudoku-6x6 sudoku-6x6:model.layers=2 --flops 6e12 --out runs/layers`",
    exitCode: 2,
  });
}

/** Does the units of this process that are not done yet, and reads all that are. */
export async function runComparison(comparison: Comparison, options: RunOptions): Promise<ComparisonState> {
  const { dir } = options;
  const units = await planUnits(comparison);
  const mine = chooseUnits(units, options);
  const records = await readRecords(dir, units, comparison);
  const open = mine.filter((unit) => !records.has(unit.id));
  const testSets = makeTestSets(comparison);
  if (open.length > 0) await checkSamePuzzles(units, testSets);
  await makeFolder(dir);
  for (const folder of [dir, join(dir, "units")]) await recoverInterrupted(folder);
  await writeFileAtomic(join(dir, DEFINITION), formatComparison(comparison));
  for (const [i, unit] of open.entries()) {
    if (options.signal?.aborted) break;
    const record = await runOne(unit, await testSets(unit), comparison, options, {
      number: i + 1,
      of: open.length,
    });
    if (!record) break;
    records.set(unit.id, record);
  }
  // Other processes may have finished theirs meanwhile.
  const all = await readRecords(dir, units, comparison);
  const done = units.flatMap((unit) => all.get(unit.id) ?? []);
  checkSameTest(done);
  return { comparison, records: done, units: units.length };
}

async function runOne(
  unit: Unit,
  testSet: TestSet,
  { evaluation }: Comparison,
  options: RunOptions,
  place: { number: number; of: number },
): Promise<UnitRecord | undefined> {
  const { dir, whorlVersion, signal } = options;
  const events = options.onUnit?.(unit, place);
  const engine = options.engineFor(unit.config.engine);
  const executor = await options.executorFor(engine);
  const configured = { ...unit, config: { ...unit.config, engine } };
  const record = await runUnit(configured, {
    ...{ dir, executor, whorlVersion, testSet, evaluation, signal, events },
  });
  if (!record) return undefined;
  await writeUnit(dir, unit, record);
  options.onRecord?.(unit, record);
  return record;
}

function chooseUnits(units: readonly Unit[], { shard, only }: RunOptions): Unit[] {
  const named = only === undefined ? units : units.filter(({ entry }) => entry.name === only);
  if (named.length === 0) {
    const names = [...new Set(units.map(({ entry }) => entry.name))];
    throw new ToolError(`no entry is called ${only}`, {
      code: "compare/no-entry",
      hint: `there are ${names.join(", ")}`,
      exitCode: 2,
    });
  }
  if (shard && shard.count > named.length)
    throw new ToolError(`--shard ${formatShard(shard)} of ${named.length} units leaves some parts empty`, {
      code: "usage/shard",
      hint: `give at most ${named.length} parts`,
      exitCode: 2,
    });
  return named.filter((_, i) => !shard || i % shard.count === shard.index);
}

async function readRecords(dir: string, units: readonly Unit[], comparison: Comparison) {
  const records = new Map<string, UnitRecord>();
  for (const unit of units) {
    const record = await readUnit(dir, unit, comparison);
    if (record) records.set(unit.id, record);
  }
  return records;
}

/** Test sets by data section: made once, however many units share it. */
function makeTestSets({ evaluation }: Comparison): (unit: Unit) => Promise<TestSet> {
  const opened = new Map<string, Promise<TestSet>>();
  return ({ config: { data } }) => {
    const key = JSON.stringify(data);
    const testSet = opened.get(key) ?? openTestSet({ data, file: null, limit: evaluation.limit });
    opened.set(key, testSet);
    return testSet;
  };
}

/** Before hours are spent: entries with data of their own must still be tested on the same puzzles. */
async function checkSamePuzzles(
  units: readonly Unit[],
  testSets: (unit: Unit) => Promise<TestSet>,
): Promise<void> {
  const [first, ...others] = new Map(units.map((unit) => [JSON.stringify(unit.config.data), unit])).values();
  for (const other of others) {
    const [a, b] = [(await testSets(first)).manifest, (await testSets(other)).manifest];
    if (a.sha256 !== b.sha256) throw otherPuzzles(first.entry.name, a.from, other.entry.name, b.from);
  }
}

function checkSameTest([first, ...others]: readonly UnitRecord[]): void {
  for (const other of others)
    if (other.data.testSha256 !== first.data.testSha256)
      throw otherPuzzles(first.name, first.data.testFrom, other.name, other.data.testFrom);
}

function otherPuzzles(first: string, from: string, second: string, otherFrom: string): ToolError {
  return new ToolError(
    `${first} and ${second} would be tested on different puzzles: ${from}, and ${otherFrom}`,
    {
      code: "compare/other-puzzles",
      hint: "accuracies on different puzzles cannot be compared: give all entries the same held-out puzzles (data.test, data.generate)",
      exitCode: 2,
    },
  );
}
