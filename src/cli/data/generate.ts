// `whorl data generate`: puzzles of a family with a generator, written to a CSV file.

import { createHash } from "node:crypto";
import { dirname } from "node:path";
import type { Command } from "commander";
import { invariant, ToolError } from "../../base/errors.ts";
import { makeFolder, writeFileAtomic } from "../../base/files.ts";
import { logInfo, printJson, printLine } from "../../base/log.ts";
import type { SolvedMaze } from "../../tasks/maze/dataset.ts";
import { generateMazes, usualMinPath } from "../../tasks/maze/generate.ts";
import { LARGEST_SIZE, type Maze, SMALLEST_SIZE } from "../../tasks/maze/rules.ts";
import { findPuzzleFile } from "../../tasks/puzzle-parts.ts";
import type { SudokuPuzzle } from "../../tasks/sudoku/dataset.ts";
import { generateSet } from "../../tasks/sudoku/generate.ts";
import type { SudokuSize } from "../../tasks/sudoku/rules.ts";
import { parseCount } from "../options.ts";
import { duration, integer } from "../render/numbers.ts";
import type { StatusLine } from "../render/status-line.ts";
import { formatFields } from "../render/table.ts";
import { type CsvFamily, mazeFamily, sudokuFamily } from "./families.ts";
import { makeProgress } from "./progress.ts";
import { spreadOf, spreadTable } from "./spread.ts";
import { checkTargetFile } from "./target.ts";
import { parseWhole } from "./words.ts";

interface GenerateOptions {
  size: string;
  count: string;
  seed: string;
  clues?: string;
  minPath?: string;
  out: string;
  exclude?: string[];
  force?: boolean;
  json?: boolean;
}

/** What to make, of one family. */
interface Job<Puzzle> {
  readonly family: CsvFamily<Puzzle>;
  readonly size: number;
  readonly count: number;
  readonly seed: number;
  /** Further settings by their names in `--json`, and in words. */
  readonly settings: Readonly<Record<string, number>>;
  readonly recipe: string;
  make(exclude: ReadonlySet<string>): Iterable<Puzzle>;
}

/** A little above the fewest there can be, where the generator still finds most of what it tries. */
const DEFAULT_CLUES: Record<SudokuSize, number> = { 4: 6, 6: 16, 9: 28 };

const TASKS = ["sudoku", "maze"];

const HELP = `
No two puzzles are symmetric images of each other. A Sudoku has exactly one solution; the path of a maze is the one of
the shortest that Maze-Hard's labels follow. Equal settings give equal files.

Examples:
  whorl data generate sudoku --size 4 --count 1000 --seed 1 --out train.csv
  whorl data generate sudoku --size 4 --count 50 --seed 2 --exclude train.csv --out test.csv
  whorl data generate maze --size 30 --count 100 --seed 1 --out mazes.csv`;

export function registerGenerate(data: Command): void {
  data
    .command("generate")
    .description("make puzzles and write them to a CSV file")
    .argument("<task>", "sudoku or maze")
    .requiredOption(
      "--size <n>",
      `rows of a board: 4, 6 or 9; of a maze: ${SMALLEST_SIZE} to ${LARGEST_SIZE}`,
    )
    .requiredOption("--count <n>", "puzzles to make")
    .option("--seed <n>", "start of the random numbers", "0")
    .option("--clues <n>", "Sudoku: given cells of a puzzle (default: 6, 16 or 28 by size)")
    .option("--min-path <n>", "maze: least cells of the shortest path (default: as hard as 110 for 30 × 30)")
    .requiredOption("--out <file.csv>", "file to write")
    .option("--exclude <file.csv...>", "make no puzzle that is equivalent to one in these files")
    .option("--force", "replace the file if there is one")
    .option("--json", "print one JSON value")
    .addHelpText("after", HELP)
    .action(runGenerate);
}

async function runGenerate(task: string, options: GenerateOptions): Promise<void> {
  switch (task) {
    case "sudoku":
      return generate(sudokuJob(options), options);
    case "maze":
      return generate(mazeJob(options), options);
  }
  throw new ToolError(`there is no generator for '${task}'`, {
    code: "usage/task",
    hint: `known are: ${TASKS.join(", ")}`,
    exitCode: 2,
  });
}

function sudokuJob(options: GenerateOptions): Job<SudokuPuzzle> {
  if (options.minPath !== undefined) throw otherTask("--min-path", "mazes");
  const size = parseSudokuSize(options.size);
  const { count, seed } = parseShared(options);
  const clues = options.clues === undefined ? DEFAULT_CLUES[size] : parseCount("--clues", options.clues);
  return {
    ...{ family: sudokuFamily, size, count, seed },
    settings: { clues },
    recipe: `${clues} clues`,
    make: (exclude) => generateSet({ size, clues, seed, count, exclude }),
  };
}

function mazeJob(options: GenerateOptions): Job<SolvedMaze> {
  if (options.clues !== undefined) throw otherTask("--clues", "Sudoku");
  const size = parseMazeSize(options.size);
  const { count, seed } = parseShared(options);
  const minPath =
    options.minPath === undefined ? usualMinPath(size) : parseCount("--min-path", options.minPath);
  return {
    ...{ family: mazeFamily, size, count, seed },
    settings: { minPath },
    recipe: `paths of ${minPath} cells or more`,
    make: (exclude) => solvedOf(generateMazes({ size, minPath, seed, count, exclude })),
  };
}

async function generate<Puzzle>(job: Job<Puzzle>, options: GenerateOptions): Promise<void> {
  const { family, size, count, seed, settings } = job;
  const path = options.out;
  checkTargetFile(path, options.force === true);
  const status = makeProgress();
  const startMs = performance.now();
  const exclude = excludedKeys(job, options.exclude ?? [], status);
  await makeFolder(dirname(path));
  const puzzles: Puzzle[] = [];
  for (const puzzle of job.make(exclude)) {
    puzzles.push(puzzle);
    status.update(() => progress(puzzles.length, count, (performance.now() - startMs) / 1000));
  }
  const pieces = family.format(puzzles);
  await writeFileAtomic(path, pieces);
  const seconds = (performance.now() - startMs) / 1000;
  status.finish();
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  const sha256 = hash.digest("hex");
  const ratings = spreadOf(puzzles.map(family.ratingOf));
  if (options.json)
    return printJson({ path, puzzles: count, size, ...settings, seed, sha256, seconds, ratings });
  const fields = formatFields([
    ["written", path],
    ["puzzles", `${integer(count)} ${family.title(size)} with ${job.recipe}, seed ${seed}`],
    ["sha256", sha256],
  ]);
  for (const line of [...fields, "", ...spreadTable([[family.rating.label, ratings]])]) printLine(line);
  logInfo(`took ${duration(seconds)}`);
}

function progress(made: number, count: number, seconds: number): string {
  const left = (seconds / made) * (count - made);
  return `${integer(made)} of ${integer(count)} puzzles made, ${duration(left)} left`;
}

/** Keys of the puzzles that must not come up again. */
function excludedKeys<Puzzle>(
  { family, size }: Job<Puzzle>,
  files: readonly string[],
  status: Pick<StatusLine, "update">,
): Set<string> {
  const keys = new Set<string>();
  for (const name of files) {
    for (const puzzle of family.read(findPuzzleFile(name))) {
      const found = family.sizeOf(puzzle);
      if (found !== size) throw otherSize(name, found, size);
      keys.add(family.keyOf(puzzle));
      status.update(() => `${integer(keys.size)} puzzles excluded so far`);
    }
  }
  return keys;
}

function* solvedOf(mazes: Iterable<Maze>): Generator<SolvedMaze> {
  for (const maze of mazes) {
    const { path } = maze;
    invariant(path, "a generated maze has no answer");
    yield { ...maze, path };
  }
}

function parseShared(options: GenerateOptions): { count: number; seed: number } {
  return { count: parseCount("--count", options.count), seed: parseWhole("--seed", options.seed) };
}

function parseSudokuSize(text: string): SudokuSize {
  if (text === "4") return 4;
  if (text === "6") return 6;
  if (text === "9") return 9;
  throw new ToolError(`--size takes 4, 6 or 9, not '${text}'`, { code: "usage/size", exitCode: 2 });
}

function parseMazeSize(text: string): number {
  const size = Number(text);
  if (Number.isInteger(size) && size >= SMALLEST_SIZE && size <= LARGEST_SIZE) return size;
  throw new ToolError(`--size takes ${SMALLEST_SIZE} to ${LARGEST_SIZE} for mazes, not '${text}'`, {
    code: "usage/size",
    exitCode: 2,
  });
}

function otherTask(option: string, task: string): ToolError {
  return new ToolError(`${option} is for ${task}`, {
    code: "usage/option",
    hint: "leave it out",
    exitCode: 2,
  });
}

function otherSize(name: string, found: number, size: number): ToolError {
  return new ToolError(`${name} has puzzles of ${found} × ${found}, --size is ${size}`, {
    code: "data/exclude-size",
    hint: "exclude only files of the size that is made: others cannot hold the same puzzles",
    exitCode: 2,
  });
}
