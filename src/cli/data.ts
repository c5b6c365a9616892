// `whorl data`: makes puzzle files and says what is in one. Building and exporting the reference's folders comes with
// the tasks that have them.

import { createHash } from "node:crypto";
import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { makeFolder, writeFileAtomic } from "../base/files.ts";
import { logInfo, printJson, printLine } from "../base/log.ts";
import { findPuzzleFile } from "../tasks/puzzle-dataset.ts";
import { canonicalKey } from "../tasks/sudoku/canonical.ts";
import { formatSudokuCsv, type SudokuPuzzle, sudokuPuzzles } from "../tasks/sudoku/dataset.ts";
import { generateSet } from "../tasks/sudoku/generate.ts";
import { type SudokuSize, sizeOf } from "../tasks/sudoku/rules.ts";
import { inspectData, spreadOf, spreadTable } from "./data-kinds.ts";
import { parseCount } from "./options.ts";
import { duration, integer } from "./render/numbers.ts";
import { makeStatusLine, type StatusLine } from "./render/status-line.ts";
import { formatFields, terminalWidth } from "./render/table.ts";

interface GenerateCommandOptions {
  size: string;
  count: string;
  seed: string;
  clues?: string;
  out: string;
  exclude?: string[];
  force?: boolean;
  json?: boolean;
}

interface InspectCommandOptions {
  check?: boolean;
  show: string;
  json?: boolean;
}

/** A little above the fewest there can be, where the generator still finds most of what it tries. */
const DEFAULT_CLUES: Record<SudokuSize, number> = { 4: 6, 6: 16, 9: 28 };

/** Shorter work needs no progress shown. */
const QUIET_SECONDS = 2;

const GENERATE_HELP = `
No two puzzles are symmetric images of each other, and each has exactly one solution. Equal settings give equal files.

Examples:
  whorl data generate sudoku --size 4 --count 1000 --seed 1 --out train.csv
  whorl data generate sudoku --size 4 --count 50 --seed 2 --exclude train.csv --out test.csv`;

const INSPECT_HELP = `
Examples:
  whorl data inspect train.csv --check
  whorl data inspect sudoku/sudoku-extreme-1k-train.csv --show 3`;

export function registerData(program: Command): void {
  const data = program.command("data").description("make puzzle files, and see what is in one");
  data
    .command("generate")
    .description("make puzzles and write them to a CSV file")
    .argument("<task>", "sudoku")
    .requiredOption("--size <n>", "rows of a board: 4, 6 or 9")
    .requiredOption("--count <n>", "puzzles to make")
    .option("--seed <n>", "start of the random numbers", "0")
    .option("--clues <n>", "given cells of a puzzle (default: 6, 16 or 28 by size)")
    .requiredOption("--out <file.csv>", "file to write")
    .option("--exclude <file.csv...>", "make no puzzle that is equivalent to one in these files")
    .option("--force", "replace the file if there is one")
    .option("--json", "print one JSON value")
    .addHelpText("after", GENERATE_HELP)
    .action(runGenerate);
  data
    .command("inspect")
    .description("say what a data set holds")
    .argument("<path>", "file, also by its name in the data folder (WHORL_DATA)")
    .option("--check", "make sure that every puzzle has exactly one solution")
    .option("--show <n>", "puzzles to draw, each with two of its augmentations", "1")
    .option("--json", "print one JSON value")
    .addHelpText("after", INSPECT_HELP)
    .action(runInspect);
}

async function runInspect(name: string, options: InspectCommandOptions): Promise<void> {
  const show = parseWhole("--show", options.show);
  const path = findPuzzleFile(name);
  const inspection = await inspectData(path, { check: options.check === true, show, width: terminalWidth() });
  if (options.json) return printJson(inspection.summary);
  for (const line of inspection.lines) printLine(line);
}

async function runGenerate(task: string, options: GenerateCommandOptions): Promise<void> {
  checkTask(task);
  const size = parseSize(options.size);
  const count = parseCount("--count", options.count);
  const seed = parseWhole("--seed", options.seed);
  const clues = options.clues === undefined ? DEFAULT_CLUES[size] : parseCount("--clues", options.clues);
  const path = options.out;
  checkTarget(path, options.force === true);
  const status = makeStatusLine();
  const startMs = performance.now();
  const exclude = excludedKeys(options.exclude ?? [], size, status);
  await makeFolder(dirname(path));
  const puzzles: SudokuPuzzle[] = [];
  for (const puzzle of generateSet({ size, clues, seed, count, exclude })) {
    puzzles.push(puzzle);
    const seconds = (performance.now() - startMs) / 1000;
    if (seconds > QUIET_SECONDS) status.update(() => progress(puzzles.length, count, seconds));
  }
  const pieces = formatSudokuCsv(puzzles);
  await writeFileAtomic(path, pieces);
  const seconds = (performance.now() - startMs) / 1000;
  status.finish();
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  const sha256 = hash.digest("hex");
  const ratings = spreadOf(puzzles.map(({ rating }) => rating));
  if (options.json) return printJson({ path, puzzles: count, size, clues, seed, sha256, seconds, ratings });
  const what = `${integer(count)} Sudoku ${size} × ${size} with ${clues} clues, seed ${seed}`;
  const fields = formatFields([
    ["written", path],
    ["puzzles", what],
    ["sha256", sha256],
  ]);
  for (const line of [...fields, "", ...spreadTable([["rating", ratings]])]) printLine(line);
  logInfo(`took ${duration(seconds)}`);
}

function progress(made: number, count: number, seconds: number): string {
  const left = (seconds / made) * (count - made);
  return `${integer(made)} of ${integer(count)} puzzles made, ${duration(left)} left`;
}

/** Canonical keys of the puzzles that must not come up again. */
function excludedKeys(files: readonly string[], size: SudokuSize, status: StatusLine): Set<string> {
  const keys = new Set<string>();
  const startMs = performance.now();
  for (const name of files) {
    for (const { question } of sudokuPuzzles(findPuzzleFile(name))) {
      if (sizeOf(question) !== size) throw otherSize(name, sizeOf(question), size);
      keys.add(canonicalKey(question));
      if (performance.now() > startMs + 1000 * QUIET_SECONDS)
        status.update(() => `${integer(keys.size)} puzzles excluded so far`);
    }
  }
  return keys;
}

function otherSize(name: string, found: SudokuSize, size: SudokuSize): ToolError {
  return new ToolError(`${name} has puzzles of ${found} × ${found}, --size is ${size}`, {
    code: "data/exclude-size",
    hint: "exclude only files of the size that is made: others cannot hold the same puzzles",
    exitCode: 2,
  });
}

/** Before the work, so that minutes of it are not lost to a name that is taken. */
function checkTarget(path: string, force: boolean): void {
  if (!existsSync(path)) return;
  const isFile = statSync(path).isFile();
  if (isFile && force) return;
  throw new ToolError(isFile ? `${path} exists already` : `${path} is not a file`, {
    code: "data/target-exists",
    hint: isFile ? "choose another name, or add --force to replace it" : "give the name of a file",
  });
}

function checkTask(task: string): void {
  if (task === "sudoku") return;
  throw new ToolError(`there is no generator for '${task}'`, {
    code: "usage/task",
    hint: "known is: sudoku",
    exitCode: 2,
  });
}

function parseSize(text: string): SudokuSize {
  if (text === "4") return 4;
  if (text === "6") return 6;
  if (text === "9") return 9;
  throw new ToolError(`--size takes 4, 6 or 9, not '${text}'`, { code: "usage/size", exitCode: 2 });
}

/** A whole number from 0; anything else is wrong usage. */
function parseWhole(option: string, text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw new ToolError(`${option} takes a whole number from 0, not '${text}'`, {
    code: "usage/count",
    hint: `for instance ${option} 1`,
    exitCode: 2,
  });
}
