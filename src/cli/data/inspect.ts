// `whorl data inspect`: tells what kind of data set it is and describes it. A new kind is one more entry of the list.

import { existsSync, statSync } from "node:fs";
import type { Command } from "commander";
import { findData, requireData } from "../../base/data-folder.ts";
import { ToolError } from "../../base/errors.ts";
import { printJson, printLine } from "../../base/log.ts";
import { stdoutColors } from "../render/colors.ts";
import { terminalWidth } from "../render/table.ts";
import { arcFiles, findArcPrefix, inspectArcPrefix } from "./inspect-arc.ts";
import { inspectConfiguration, isConfiguration } from "./inspect-config.ts";
import { referenceFolder } from "./inspect-folder.ts";
import { mazeCsv } from "./inspect-maze.ts";
import { sudokuCsv } from "./inspect-sudoku.ts";
import type { DataKind, Inspection, InspectOptions } from "./inspection.ts";
import { parseWhole } from "./words.ts";

interface InspectCommandOptions {
  check?: boolean;
  show: string;
  json?: boolean;
}

const dataKinds: readonly DataKind[] = [sudokuCsv, mazeCsv, referenceFolder, arcFiles];

const HELP = `
PATH is a CSV of Sudoku or mazes, a folder in the reference's layout, a folder or file of ARC tasks, or a configuration
(preset or .yaml), whose data set is then built. Of a folder's figures in --json those of its training part come first.

Examples:
  whorl data inspect train.csv --check
  whorl data inspect sudoku/sudoku-extreme-1k-train.csv --show 3
  whorl data inspect arc
  whorl data inspect sudoku-4x4`;

export function registerInspect(data: Command): void {
  data
    .command("inspect")
    .description("say what a data set holds")
    .argument(
      "<path>",
      "file or folder, also by its name in the data folder (WHORL_DATA); or a configuration",
    )
    .option("--check", "confirm every puzzle: one solution, the right path, tokens that are puzzles")
    .option("--show <n>", "puzzles to draw, each with two of its augmentations", "1")
    .option("--json", "print one JSON value")
    .addHelpText("after", HELP)
    .action(runInspect);
}

async function runInspect(name: string, options: InspectCommandOptions): Promise<void> {
  const inspection = await inspectData(name, {
    check: options.check === true,
    show: options.json ? 0 : parseWhole("--show", options.show),
    width: terminalWidth(),
    colors: stdoutColors(),
  });
  if (options.json) return printJson(inspection.summary);
  for (const line of inspection.lines) printLine(line);
}

/** A path comes first, then a name in the data folder, then a preset. */
async function inspectData(name: string, options: InspectOptions): Promise<Inspection> {
  const found = existsSync(name) ? name : findData(name);
  if (isConfiguration(name, found)) return inspectConfiguration(name, options);
  const prefix = found === undefined ? findArcPrefix(name) : undefined;
  if (prefix !== undefined) return inspectArcPrefix(prefix, options);
  const path = found ?? requireData(name);
  const kind = dataKinds.find(({ isKind }) => isKind(path));
  if (kind) return kind.inspect(path, options);
  const what = statSync(path).isDirectory() ? "folder" : "file";
  throw new ToolError(`this ${what} is no data set that Whorl knows`, {
    code: "data/unknown-kind",
    where: path,
    hint: `known are: ${dataKinds.map((known) => known.name).join("; ")}; a configuration`,
  });
}
