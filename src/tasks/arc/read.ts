// ARC tasks from files: subsets in the layout of the Kaggle competitions (`arc-agi_SUBSET_challenges.json` and
// `…_solutions.json`) and single tasks as ARC-AGI publishes them. Tasks come in the order of the file, whatever their
// names look like, because the reference's random draws follow it. Source: load_puzzles_arcagi of
// dataset/build_arc_dataset.py. Differs from the reference: a missing output stays missing instead of becoming [[0]].

import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { findData } from "../../base/data-folder.ts";
import { ToolError } from "../../base/errors.ts";
import { fileError } from "../../base/files.ts";
import { nearestName } from "../../base/nearest.ts";
import { type OrderedJson, parseOrderedJson } from "../../formats/ordered-json.ts";
import { type Grid, parseGrid } from "./grid.ts";

export interface ArcPair {
  readonly input: Grid;
  readonly output: Grid;
}

export interface ArcTest {
  readonly input: Grid;
  /** Undefined when the file keeps it secret. */
  readonly output: Grid | undefined;
}

export interface ArcTask {
  readonly id: string;
  readonly train: readonly ArcPair[];
  readonly test: readonly ArcTest[];
  /** The file has `test` before `train`: the order in which the reference writes the pairs of a training task. */
  readonly testFirst?: boolean;
}

/** The tasks of a subset. `from` is a folder, or a file prefix such as `data/arc/arc-agi`; here or in the data folder. */
export function readArcSubset(from: string, subset: string): ArcTask[] {
  const prefix = findPrefix(from, subset);
  const path = `${prefix}_${subset}_challenges.json`;
  const solutionsPath = `${prefix}_${subset}_solutions.json`;
  const tasks = mapOf(readJson(path), path, "tasks by their names");
  const solutions = existsSync(solutionsPath) ? readSolutions(solutionsPath) : undefined;
  const read = Array.from(tasks, ([id, json]) => {
    const answers = solutions?.get(id);
    if (solutions && !answers)
      throw misfit(`no solution of task ${id}`, solutionsPath, "the two files must be of the same state");
    return taskOf(id, json, path, answers);
  });
  if (read.length === 0) throw misfit("the file has no tasks", path, "get the file again");
  return read;
}

/** The tasks of a file in either layout. Of `x_challenges.json` the solutions beside it are read as well. */
export function readArcTasks(path: string): ArcTask[] {
  const kaggle = /^(?<prefix>.*)_(?<subset>[^_/\\]+)_challenges\.json$/s.exec(path);
  if (kaggle?.groups) return readArcSubset(kaggle.groups.prefix, kaggle.groups.subset);
  return tasksOf(readJson(path), path, basename(path).replace(/\.json$/i, ""));
}

/** The same from text; `name` is that of the only task when the text gives none. */
export function parseArcTasks(text: string, name: string): ArcTask[] {
  return tasksOf(parseOrderedJson(text, name), name, name);
}

/** Subsets that lie in a folder, by their names. */
export function listArcSubsets(folder: string): string[] {
  const names = readdirSync(folder).map((file) => /^arc-agi_(.+)_challenges\.json$/.exec(file)?.[1]);
  return names.filter((name) => name !== undefined).sort();
}

/** All that can stand in a cell is checked here, so that nothing behind needs to. */
function taskOf(id: string, json: OrderedJson, path: string, solutions?: readonly OrderedJson[]): ArcTask {
  const where = `${path}, task ${id}`;
  if (id === "" || id === "<blank>" || id.includes("|||"))
    throw misfit(
      `a task cannot have the name "${id}"`,
      path,
      "the names of augmented tasks are made of it: rename",
    );
  const fields = mapOf(json, where, "an object with train and test");
  const train = pairsOf(fields, "train", where).map((pair, i) => {
    const place = `${where}, train pair ${i + 1}`;
    return { input: gridOf(pair, "input", place), output: gridOf(pair, "output", place) };
  });
  const tests = pairsOf(fields, "test", where);
  if (solutions && solutions.length !== tests.length)
    throw misfit(
      `${solutions.length} solutions for ${tests.length} test inputs`,
      where,
      "the files of challenges and solutions must be of the same state",
    );
  const test = tests.map((pair, i) => {
    const place = `${where}, test pair ${i + 1}`;
    const input = gridOf(pair, "input", place);
    if (solutions) return { input, output: parseGrid(solutions[i], `${place}, solution`) };
    const isSecret = pair.get("output") === undefined || pair.get("output") === null;
    return { input, output: isSecret ? undefined : gridOf(pair, "output", place) };
  });
  const names = [...fields.keys()];
  return { id, train, test, testFirst: names.indexOf("test") < names.indexOf("train") };
}

function tasksOf(json: OrderedJson, path: string, name: string): ArcTask[] {
  const fields = mapOf(json, path, "an ARC task (train and test), or tasks by their names");
  // A task's own test is a list; a task that is called "test" would be an object.
  if (Array.isArray(fields.get("train")) || Array.isArray(fields.get("test")))
    return [taskOf(name, json, path)];
  const tasks = Array.from(fields, ([id, task]) => taskOf(id, task, path));
  if (tasks.length === 0) throw misfit("the file has no tasks", path, "a task has train and test");
  return tasks;
}

function pairsOf(fields: ReadonlyMap<string, OrderedJson>, part: "train" | "test", where: string) {
  const pairs = fields.get(part);
  if (!Array.isArray(pairs) || pairs.length === 0)
    throw misfit(`no ${part} pairs`, where, `"${part}" is a list of at least one pair of grids`);
  return pairs.map((pair, i) =>
    mapOf(pair, `${where}, ${part} pair ${i + 1}`, "an object with input and output"),
  );
}

function gridOf(pair: ReadonlyMap<string, OrderedJson>, side: "input" | "output", where: string): Grid {
  const grid = pair.get(side);
  if (grid === undefined) throw misfit(`the pair has no ${side}`, where, `add its "${side}" grid`);
  return parseGrid(grid, `${where}, ${side}`);
}

function readSolutions(path: string): Map<string, readonly OrderedJson[]> {
  const solutions = new Map<string, readonly OrderedJson[]>();
  for (const [id, grids] of mapOf(readJson(path), path, "solutions by the names of tasks")) {
    if (!Array.isArray(grids))
      throw misfit("not a list of grids", `${path}, task ${id}`, "get the file again");
    solutions.set(id, grids);
  }
  return solutions;
}

function mapOf(json: OrderedJson, where: string, wanted: string): Map<string, OrderedJson> {
  if (json instanceof Map) return json;
  throw misfit(`expected ${wanted}`, where, "see docs of ARC-AGI for the layout, or get the file again");
}

function readJson(path: string): OrderedJson {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(error, `reading ${path}`);
  }
  return parseOrderedJson(text, path);
}

/** What stands before `_SUBSET_challenges.json`. */
function findPrefix(from: string, subset: string): string {
  const ending = `_${subset}_challenges.json`;
  for (const prefix of [join(from, "arc-agi"), from]) {
    const file = existsSync(prefix + ending) ? prefix + ending : findData(prefix + ending);
    if (file !== undefined) return file.slice(0, -ending.length);
  }
  const parents = basename(from) === "arc-agi" ? [dirname(from)] : []; // a prefix, not a folder
  const folder = [from, findData(from), ...parents].find((path) => path !== undefined && isFolder(path));
  const known = folder === undefined ? [] : listArcSubsets(folder);
  const nearest = nearestName(subset, known);
  throw new ToolError(`data not found: the ARC subset "${subset}"`, {
    code: "arc/no-subset",
    where: `looked for ${join(folder ?? from, `arc-agi${ending}`)}`,
    hint: nearest
      ? `there are ${known.join(", ")}; did you mean "${nearest}"?`
      : "name a folder (or set WHORL_DATA) with arc-agi_SUBSET_challenges.json and _solutions.json in it, as in the Kaggle competitions",
    exitCode: 2,
  });
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function misfit(message: string, where: string, hint: string): ToolError {
  return new ToolError(message, { code: "arc/bad-file", where, hint });
}
