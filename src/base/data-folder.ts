// Where real data and golden traces lie: the folder that WHORL_DATA (WHORL_GOLDEN) names, else ../shared/data
// (../shared/golden) beside the package, else nowhere. The environment is read at each call, never on import.

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ToolError } from "./errors.ts";

/** Folder of package.json; the same distance from src/base and from dist/base. */
export function packageRoot(): string {
  return fileURLToPath(new URL("../..", import.meta.url));
}

/** Path of a data file or folder (`sudoku/17_clue.1.csv`), or undefined when it is not there. */
export function findData(relative: string): string | undefined {
  return findUnder(dataFolder(), relative);
}

/** Path of a golden trace file or folder, or undefined when it is not there. */
export function findGolden(relative: string): string | undefined {
  return findUnder(process.env.WHORL_GOLDEN || resolve(packageRoot(), "../shared/golden"), relative);
}

/** Like `findData`, but a missing file is an error that says how to get it. */
export function requireData(relative: string): string {
  const found = findData(relative);
  if (found) return found;
  throw new ToolError(`data not found: ${relative}`, {
    code: "data/not-found",
    where: `looked in ${dataFolder()} (${process.env.WHORL_DATA ? "WHORL_DATA" : "WHORL_DATA is not set"})`,
    hint: howToGet(relative),
  });
}

function dataFolder(): string {
  return process.env.WHORL_DATA ? resolve(process.env.WHORL_DATA) : resolve(packageRoot(), "../shared/data");
}

function findUnder(folder: string, relative: string): string | undefined {
  const path = join(folder, relative);
  return existsSync(path) ? path : undefined;
}

/** Where the data of others comes from, by folder. */
const SOURCES: Readonly<Record<string, string | undefined>> = {
  sudoku:
    "the puzzles are the data set sapientinc/sudoku-extreme-1k on the Hugging Face hub (CSV with the header source,question,answer,rating)",
  maze: "the mazes are the data set sapientinc/maze-30x30-hard-1k on the Hugging Face hub, as CSV with the header source,question,answer,rating",
};

function howToGet(relative: string): string {
  const setFolder = `put it at <folder>/${relative} and set WHORL_DATA=<folder>`;
  const source = SOURCES[relative.split("/")[0]];
  if (source === undefined) return setFolder;
  const preset = relative.startsWith("maze/") ? "maze-10x10" : "sudoku-4x4";
  return `${source}: ${setFolder}; or train on generated puzzles with a preset such as ${preset}`;
}
