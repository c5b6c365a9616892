// Files of ARC tasks, as `whorl data inspect` describes them: a folder in the layout of the Kaggle competitions, one of
// its files, or a file of one or several tasks.

import { existsSync, readdirSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { findData } from "../../base/data-folder.ts";
import { type ArcTask, readArcSubset, readArcTasks } from "../../tasks/arc/read.ts";
import { drawArcTask } from "../render/arc-task.ts";
import { integer } from "../render/numbers.ts";
import { formatFields, formatTable } from "../render/table.ts";
import { type DataKind, hashFile, type Inspection, type InspectOptions } from "./inspection.ts";
import { type Spread, spreadOf } from "./spread.ts";

export const arcFiles: DataKind = {
  name: "ARC tasks (a folder with arc-agi_SUBSET_challenges.json, one of those files, or a task's JSON)",
  isKind(path) {
    if (statSync(path).isFile()) return /\.json$/i.test(path);
    return subsetsOf(join(path, ARC_PREFIX)).length > 0;
  },
  inspect: (path, options) =>
    statSync(path).isFile() ? inspectFile(path, options) : inspectArcPrefix(join(path, ARC_PREFIX), options),
};

interface Subset {
  readonly name: string;
  readonly tasks: readonly ArcTask[];
  readonly files: readonly string[];
}

interface SubsetSummary {
  readonly tasks: number;
  readonly trainPairs: number;
  readonly testInputs: number;
  /** Test inputs whose output is known. */
  readonly testOutputs: number;
  /** Cells of a grid's longer side, over all grids. */
  readonly sides: Spread;
}

const ARC_PREFIX = "arc-agi";

/** What stands before `_SUBSET_challenges.json`, when files of that name exist, here or in the data folder. */
export function findArcPrefix(name: string): string | undefined {
  const folder = findData(dirname(name));
  const prefixes = [name, ...(folder === undefined ? [] : [join(folder, basename(name))])];
  return prefixes.find((prefix) => subsetsOf(prefix).length > 0);
}

export async function inspectArcPrefix(prefix: string, options: InspectOptions): Promise<Inspection> {
  const subsets = subsetsOf(prefix).map((name) => ({
    name,
    tasks: readArcSubset(prefix, name),
    files: ["challenges", "solutions"].map((part) => `${prefix}_${name}_${part}.json`).filter(existsSync),
  }));
  return describeSubsets(prefix, subsets, options);
}

async function inspectFile(path: string, options: InspectOptions): Promise<Inspection> {
  const solutions = path.replace(/_challenges\.json$/, "_solutions.json");
  const files = solutions !== path && existsSync(solutions) ? [path, solutions] : [path];
  return describeSubsets(path, [{ name: basename(path), tasks: readArcTasks(path), files }], options);
}

async function describeSubsets(
  path: string,
  subsets: readonly Subset[],
  { show, width, colors }: InspectOptions,
): Promise<Inspection> {
  const summaries = subsets.map((subset) => [subset.name, summarize(subset.tasks)] as const);
  const total = (of: (summary: SubsetSummary) => number) =>
    summaries.reduce((sum, [, summary]) => sum + of(summary), 0);
  const ids = new Set(subsets.flatMap(({ tasks }) => tasks.map(({ id }) => id)));
  const overlaps = overlapsOf(subsets);
  const sha256: Record<string, string> = {};
  for (const file of subsets.flatMap(({ files }) => files)) sha256[basename(file)] = await hashFile(file);
  return {
    summary: {
      task: "arc",
      examples: total(({ trainPairs, testInputs }) => trainPairs + testInputs),
      puzzles: total(({ tasks }) => tasks),
      groups: total(({ tasks }) => tasks),
      identifiers: 1 + ids.size,
      ...{ subsets: Object.fromEntries(summaries), overlaps, sha256 },
    },
    lines: [
      ...formatFields([
        ["files", path],
        ["task", "ARC"],
        ["tasks", `${integer(total(({ tasks }) => tasks))}, different names: ${integer(ids.size)}`],
      ]),
      "",
      ...subsetTable(summaries),
      ...(overlaps.length > 0 ? ["", ...overlaps.map(describeOverlap)] : []),
      "",
      ...formatFields(Object.entries(sha256)),
      ...subsets
        .flatMap(({ tasks }) => tasks)
        .slice(0, show)
        .flatMap((task) => ["", ...drawArcTask(task, colors, width)]),
    ],
  };
}

function summarize(tasks: readonly ArcTask[]): SubsetSummary {
  const tests = tasks.flatMap(({ test }) => test);
  const grids = [...tasks.flatMap(({ train }) => train), ...tests].flatMap(({ input, output }) =>
    output ? [input, output] : [input],
  );
  return {
    tasks: tasks.length,
    trainPairs: tasks.reduce((sum, { train }) => sum + train.length, 0),
    testInputs: tests.length,
    testOutputs: tests.filter(({ output }) => output !== undefined).length,
    sides: spreadOf(grids.map(({ rows, cols }) => Math.max(rows, cols))),
  };
}

function subsetTable(summaries: readonly (readonly [string, SubsetSummary])[]): string[] {
  const right = ["tasks", "train pairs", "test inputs", "outputs known", "sides min", "median", "max"];
  return formatTable(
    [{ title: "subset" }, ...right.map((title) => ({ title, align: "right" as const }))],
    summaries.map(([name, { tasks, trainPairs, testInputs, testOutputs, sides }]) => [
      name,
      ...[tasks, trainPairs, testInputs].map(integer),
      testOutputs === 0 ? "none: no solutions" : integer(testOutputs),
      ...[sides.min, sides.median, sides.max].map(String),
    ]),
  );
}

interface Overlap {
  readonly subsets: readonly [string, string];
  /** Names of tasks that both have. */
  readonly tasks: number;
}

/** A data set must not be built of two subsets that share tasks. */
function overlapsOf(subsets: readonly Subset[]): Overlap[] {
  return subsets.flatMap((first, i) => {
    const known = new Set(first.tasks.map(({ id }) => id));
    return subsets.slice(i + 1).flatMap((second): Overlap[] => {
      const tasks = second.tasks.filter(({ id }) => known.has(id)).length;
      return tasks > 0 ? [{ subsets: [first.name, second.name], tasks }] : [];
    });
  });
}

function describeOverlap({ subsets: [first, second], tasks }: Overlap): string {
  return `${first} and ${second} have ${integer(tasks)} task name${tasks === 1 ? "" : "s"} in common`;
}

/** The subsets whose files begin with the prefix, by their names. */
function subsetsOf(prefix: string): string[] {
  const folder = dirname(prefix);
  if (!existsSync(folder) || !statSync(folder).isDirectory()) return [];
  const start = `${basename(prefix)}_`;
  const end = "_challenges.json";
  return readdirSync(folder)
    .filter((file) => file.startsWith(start) && file.endsWith(end) && file.length > start.length + end.length)
    .map((file) => file.slice(start.length, -end.length))
    .sort();
}
