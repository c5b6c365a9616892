// Where the puzzles of a data set come from: made up or read from files, and split into parts for training, for checks
// and for the final test.

import { existsSync } from "node:fs";
import { requireData } from "../base/data-folder.ts";
import { invariant, ToolError } from "../base/errors.ts";
import { stream } from "../base/random/threefry.ts";
import { keyOf } from "./puzzle-rows.ts";
import type { Task } from "./task.ts";

/** The settings that all tasks of this kind have in their `data` section. */
export interface PuzzleData {
  readonly train: string | null;
  readonly test: string | null;
  readonly generate: {
    readonly train: number;
    readonly validation: number;
    readonly test: number;
    readonly seed: number;
  } | null;
  readonly subsample: number | null;
  readonly augmentations: number | "fresh";
  readonly validation: number;
}

/** Where the puzzles of a configuration come from. */
export interface PuzzleOrigin<Puzzle> {
  /** What is special about generated puzzles, for instance `16 clues`; may be empty. */
  readonly recipe: string;
  /** Different puzzles, none with a key in `exclude`; equal settings give equal puzzles. */
  generate(settings: { seed: number; count: number; exclude: ReadonlySet<string> }): Iterable<Puzzle>;
  /** All puzzles of a file. */
  read(path: string): readonly Puzzle[];
  /** Which of a training file are used; default: all. */
  isWanted?(puzzle: Puzzle): boolean;
}

/** Puzzles in a row that were all known already, after which a set counts as exhausted. */
const MAX_REPEATS = 2000;

export interface Parts<Puzzle> {
  readonly train: readonly Puzzle[];
  readonly validation: readonly Puzzle[];
  readonly test: readonly Puzzle[];
  readonly from: { readonly train: string; readonly test: string };
}

/** Made up or read, as the configuration says. */
export function findParts<Puzzle>(
  task: Task<Puzzle>,
  origin: PuzzleOrigin<Puzzle>,
  data: PuzzleData,
  seed: number,
): Parts<Puzzle> {
  return data.generate ? generateParts(task, origin, data) : readParts(task, origin, data, seed);
}

/** A file by its path, else by its name in the data folder. */
export function findPuzzleFile(name: string): string {
  return existsSync(name) ? name : requireData(name);
}

/** Different puzzles of a task that makes one at a time: those of the indices 0, 1, … with a new key. */
export function* generateDistinct<Puzzle>(
  task: Task<Puzzle>,
  { seed, count, exclude }: { seed: number; count: number; exclude: ReadonlySet<string> },
): Generator<Puzzle> {
  invariant(task.generate, `${task.family} makes no puzzles`);
  const known = new Set<string>();
  let repeats = 0;
  for (let index = 0; known.size < count; index++) {
    const puzzle = task.generate(stream(seed, `${task.family}-puzzle`, index));
    const key = keyOf(task, puzzle);
    if (known.has(key) || exclude.has(key)) {
      if (++repeats >= MAX_REPEATS) throw exhausted(task.title, known.size, count);
      continue;
    }
    repeats = 0;
    known.add(key);
    yield puzzle;
  }
}

/** Held-out puzzles come first from the generator, so that more training puzzles leave them as they are. */
function generateParts<Puzzle>(
  task: Task<Puzzle>,
  origin: PuzzleOrigin<Puzzle>,
  { generate }: PuzzleData,
): Parts<Puzzle> {
  invariant(generate, "no generator settings");
  const known = new Set<string>();
  const draw = (part: number, count: number): Puzzle[] => {
    const puzzles = [...origin.generate({ seed: 3 * generate.seed + part, count, exclude: new Set(known) })];
    for (const puzzle of puzzles) known.add(keyOf(task, puzzle));
    return puzzles;
  };
  const test = draw(0, generate.test);
  const validation = draw(1, generate.validation);
  const train = draw(2, generate.train);
  const recipe = origin.recipe === "" ? "" : `${origin.recipe}, `;
  const from = `generated: ${recipe}seed ${generate.seed}`;
  return { train, validation, test, from: { train: from, test: from } };
}

function readParts<Puzzle>(
  task: Task<Puzzle>,
  origin: PuzzleOrigin<Puzzle>,
  data: PuzzleData,
  seed: number,
): Parts<Puzzle> {
  if (data.train === null) throw noTrainingPuzzles(task.family);
  const trainFile = findPuzzleFile(data.train);
  const all = origin.read(trainFile);
  const puzzles = origin.isWanted ? all.filter(origin.isWanted) : all;
  const order = stream(seed, `${task.family}-subsample`).permutation(puzzles.length);
  const validation = Array.from(order.slice(0, data.validation), (index) => puzzles[index]);
  const rest = Array.from(order.slice(data.validation)).sort((a, b) => a - b);
  const chosen =
    data.subsample === null || data.subsample >= rest.length
      ? rest
      : stream(seed, `${task.family}-subsample`, 1)
          .permutation(rest.length)
          .slice(0, data.subsample)
          .map((i) => rest[i]);
  const train = Array.from(chosen, (index) => puzzles[index]);
  if (train.length === 0)
    throw new ToolError(`no training puzzle is left of the ${all.length} in ${trainFile}`, {
      code: `${task.family}/no-data`,
      where: "data.validation, data.minDifficulty",
      hint: `${puzzles.length} are difficult enough, ${data.validation} are held out of them: lower one of the two`,
      exitCode: 2,
    });
  const test = data.test === null ? [] : origin.read(findPuzzleFile(data.test));
  return { train, validation, test, from: { train: data.train, test: data.test ?? "none" } };
}

function noTrainingPuzzles(family: string): ToolError {
  return new ToolError("the configuration names no puzzles to train on", {
    code: `${family}/no-data`,
    where: "data.train, data.generate",
    hint: "set data.train to a file, or data.generate to have puzzles made",
    exitCode: 2,
  });
}

function exhausted(title: string, found: number, count: number): ToolError {
  return new ToolError(`only ${found} of ${count} different puzzles (${title}) were found`, {
    code: "data/set-exhausted",
    where: `the last ${MAX_REPEATS} were all images of known ones`,
    hint: `ask for at most ${found} in all`,
  });
}
