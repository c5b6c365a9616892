// Small ARC tasks made up for tests, in the competition's layout: each replaces one colour by another, or mirrors.

import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RandomStream, stream } from "../../src/base/random/threefry.ts";

type Grid = number[][];

export interface MadeUpTask {
  readonly train: readonly { input: Grid; output: Grid }[];
  readonly test: readonly { input: Grid; output: Grid }[];
}

/** A task whose rule follows from its number. */
export function madeUpTask(number: number): MadeUpTask {
  const random = stream(7, "made-up-arc", number);
  const from = 1 + (number % 4);
  const to = 5 + (number % 5);
  const rule = (grid: Grid): Grid =>
    number % 2 === 0
      ? grid.map((row) => row.map((cell) => (cell === from ? to : cell)))
      : grid.map((row) => row.toReversed());
  const pair = () => {
    const input = randomGrid(random);
    return { input, output: rule(input) };
  };
  return { train: [pair(), pair(), pair()], test: [pair()] };
}

/** A folder with subsets `made` (so many tasks) and its solutions. */
export function madeUpFolder(tasks: number): string {
  const folder = mkdtempSync(join(tmpdir(), "whorl-test-arc-"));
  const all = Array.from({ length: tasks }, (_, i) => [`task${i}`, madeUpTask(i)] as const);
  const challenges = all.map(([id, { train, test }]) => [
    id,
    { train, test: test.map(({ input }) => ({ input })) },
  ]);
  const solutions = all.map(([id, { test }]) => [id, test.map(({ output }) => output)]);
  writeFileSync(join(folder, "arc-agi_made_challenges.json"), JSON.stringify(Object.fromEntries(challenges)));
  writeFileSync(join(folder, "arc-agi_made_solutions.json"), JSON.stringify(Object.fromEntries(solutions)));
  return folder;
}

/** A task as a file of its own, for instance to adapt to. */
export function madeUpFile(folder: string, number: number, withOutputs = true): string {
  const { train, test } = madeUpTask(number);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `new${number}.json`);
  writeFileSync(
    path,
    JSON.stringify({ train, test: withOutputs ? test : test.map(({ input }) => ({ input })) }),
  );
  return path;
}

function randomGrid(random: RandomStream): Grid {
  const rows = 2 + random.below(2);
  const columns = 2 + random.below(3);
  return Array.from({ length: rows }, () => Array.from({ length: columns }, () => random.below(5)));
}
