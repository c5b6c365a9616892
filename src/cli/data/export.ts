// `whorl data export`: Sudoku and mazes between CSV and the reference's layout, both ways. The folder is what
// dataset/build_sudoku_dataset.py and build_maze_dataset.py write (spec/trm.md section 11).
// Differs from the reference: augmentations of Sudoku come from named random streams, not from an unseeded generator.

import type { Command } from "commander";
import { ToolError } from "../../base/errors.ts";
import { findPuzzleFile } from "../../tasks/puzzle-parts.ts";
import { openReferenceFolder } from "../../tasks/reference-folder.ts";
import { familyOf } from "../../tasks/reference-metadata.ts";
import { parseCount } from "../options.ts";
import { type CsvExport, exportCsv } from "./export-csv.ts";
import { exportFolder, type FolderExport } from "./export-folder.ts";
import { csvFamilyOf, mazeFamily, sudokuFamily } from "./families.ts";
import { mainPart } from "./folder-summary.ts";
import { checkTargetFolder, isDataFolder } from "./target.ts";
import { parseWhole } from "./words.ts";

interface ExportOptions {
  out: string;
  to?: string;
  test?: string;
  augmentations: string;
  seed: string;
  subsample?: string;
  force?: boolean;
  json?: boolean;
}

const MAX_SEED = 0xffffffff;

const HELP = `
From CSV: training puzzles, each followed by its augmentations, and --test as they are. Sudoku is augmented as training
does it with equal data.augmentations and train.seed; a maze has 7 images besides itself, in the reference's order.
From a folder: train.csv and test.csv with the first puzzle of each group, the original, and so many augmentations.

Examples:
  whorl data export train.csv --test test.csv --augmentations 1000 --out sudoku-aug-1000
  whorl data export maze/maze-30x30-hard-1k-train.csv --out maze-30x30-hard-1k
  whorl data export sudoku-aug-1000 --to csv --out csv`;

export function registerExport(data: Command): void {
  data
    .command("export")
    .description("convert Sudoku and mazes between CSV and the reference's folder layout")
    .argument("<path>", "CSV file of the training puzzles, or folder in the reference's layout")
    .requiredOption("--out <dir>", "folder to write")
    .option("--to <layout>", "reference or csv (default: the one that <path> is not)")
    .option("--test <file.csv>", "CSV file of the test puzzles")
    .option("--augmentations <n>", "augmented copies of each training puzzle", "0")
    .option("--seed <n>", "start of the random numbers", "0")
    .option("--subsample <n>", "training puzzles at most, drawn at random")
    .option("--force", "replace what is there")
    .option("--json", "print one JSON value")
    .addHelpText("after", HELP)
    .action(runExport);
}

async function runExport(name: string, options: ExportOptions): Promise<void> {
  const shared = {
    out: options.out,
    augmentations: parseWhole("--augmentations", options.augmentations),
    json: options.json === true,
  };
  const path = findPuzzleFile(name);
  const family = csvFamilyOf(path);
  if (family !== undefined) {
    checkLayout(options.to, "reference", path);
    checkTargetFolder(options.out, options.force === true);
    const subsample = options.subsample === undefined ? null : parseCount("--subsample", options.subsample);
    const seed = parseWhole("--seed", options.seed, MAX_SEED);
    const test = options.test === undefined ? undefined : findPuzzleFile(options.test);
    const settings: FolderExport = { ...shared, train: path, test, subsample, seed };
    return family === "sudoku" ? exportFolder(sudokuFamily, settings) : exportFolder(mazeFamily, settings);
  }
  if (!isDataFolder(path)) throw cannotExport(path);
  checkLayout(options.to, "csv", path);
  if (options.test !== undefined) throw testOfFolder();
  return exportFromFolder(path, { ...shared, force: options.force === true });
}

async function exportFromFolder(path: string, settings: Omit<CsvExport, "folder">): Promise<void> {
  const folder = openReferenceFolder(path);
  try {
    switch (familyOf(mainPart(folder).metadata)?.family) {
      case "sudoku":
        return await exportCsv(sudokuFamily, { ...settings, folder });
      case "maze":
        return await exportCsv(mazeFamily, { ...settings, folder });
    }
  } finally {
    folder.close();
  }
  throw cannotExport(path);
}

function checkLayout(asked: string | undefined, possible: "reference" | "csv", path: string): void {
  if (asked === undefined || asked === possible) return;
  const isKnown = asked === "reference" || asked === "csv";
  throw new ToolError(
    isKnown ? `${path} is ${asked} already` : `--to takes reference or csv, not '${asked}'`,
    {
      code: "usage/layout",
      hint: `leave --to out, or write --to ${possible}`,
      exitCode: 2,
    },
  );
}

function testOfFolder(): ToolError {
  return new ToolError("--test is for CSV files: a folder has its own test part", {
    code: "usage/option",
    hint: "leave it out",
    exitCode: 2,
  });
}

function cannotExport(path: string): ToolError {
  return new ToolError("neither Sudoku nor mazes, in CSV or in the reference's layout", {
    code: "data/cannot-export",
    where: path,
    hint: "ARC is written by `whorl data build arc`; `whorl data inspect` says what a file is",
  });
}
