// `whorl export`: the weights of a run in one file that other programs load.

import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { printJson, printLine } from "../base/log.ts";
import { openWeights, writeWeightsAsSafetensors, writeWeightsAsTorch } from "../runs/export-weights.ts";
import { describeWeights } from "../runs/weights-description.ts";
import { integer, mebibytes } from "./render/numbers.ts";

interface ExportOptions {
  readonly to: string;
  readonly out: string;
  readonly json?: boolean;
}

/** Writes the model at `path` to `out` and returns what is said of it, one line of JSON. */
type Target = (path: string, out: string) => Promise<ExportReport>;

export interface ExportReport {
  readonly format: string;
  readonly out: string;
  readonly sizeBytes: number;
  readonly parameters: number;
  /** Rows of the puzzle table. */
  readonly identifiers: number;
}

const targets: Readonly<Record<string, Target>> = {
  safetensors: (path, out) => exportWeights("safetensors", path, out),
  torch: (path, out) => exportWeights("torch", path, out),
};

export function registerExport(program: Command): void {
  program
    .command("export")
    .description("write the weights of a run to one file for other programs")
    .argument("<model>", "run folder, checkpoint folder, .safetensors or .pt file")
    .requiredOption("--to <format>", Object.keys(targets).join(" or "))
    .requiredOption("--out <file>", "file to write")
    .option("--json", "print the result as one line of JSON")
    .addHelpText("after", "\nExample:\n  whorl export runs/sudoku --to torch --out sudoku.pt")
    .action(runExport);
}

async function runExport(path: string, { to, out, json }: ExportOptions): Promise<void> {
  if (!Object.hasOwn(targets, to))
    throw new ToolError(`--to takes ${Object.keys(targets).join(" or ")}, not '${to}'`, {
      code: "usage/export-target",
      exitCode: 2,
    });
  const report = await targets[to](path, out);
  if (json) return printJson(report);
  const { sizeBytes, parameters, identifiers } = report;
  const table = identifiers > 0 ? ` and ${integer(identifiers)} puzzle vectors` : "";
  printLine(`${out}: ${integer(parameters)} parameters${table}, ${mebibytes(sizeBytes)}`);
}

async function exportWeights(
  format: "safetensors" | "torch",
  path: string,
  out: string,
): Promise<ExportReport> {
  const write = format === "torch" ? writeWeightsAsTorch : writeWeightsAsSafetensors;
  const weights = await openWeights(path);
  try {
    const { parameters, identifiers } = describeWeights(weights.entries);
    return { format, out, sizeBytes: await write(out, weights), parameters, identifiers };
  } finally {
    await weights.close();
  }
}
