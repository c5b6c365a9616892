// `whorl export`: a model in one file that other programs load.

import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { logWarning, printJson, printLine } from "../base/log.ts";
import { exportWeb, isLargeForHosts } from "../embed/export-web.ts";
import { exportOnnxFile } from "../onnx/export-file.ts";
import { openWeights, writeWeightsAsSafetensors, writeWeightsAsTorch } from "../runs/export-weights.ts";
import { describeWeights } from "../runs/weights-description.ts";
import { addOnnxOptions, type OnnxOptions, onnxOptionsFrom, weightsFrom } from "./onnx-options.ts";
import { integer, mebibytes } from "./render/numbers.ts";

interface ExportOptions extends OnnxOptions {
  readonly to: string;
  readonly out: string;
  readonly webgpu?: boolean;
  readonly json?: boolean;
}

/** Writes the model at `path` to `out` and returns what is said of it, one line of JSON. */
type Target = (path: string, out: string, options: ExportOptions) => Promise<ExportReport>;

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
  onnx: (path, out, options) => exportOnnxFile(path, out, onnxOptionsFrom(options)),
  web: exportPage,
};

const HELP = `
Examples:
  whorl export runs/sudoku --to torch --out sudoku.pt
  whorl export runs/sudoku --to onnx --form solve --loop --weights float16 --out sudoku.onnx
  whorl export runs/sudoku --to web --out page     # then serve the folder: npx serve page, python3 -m http.server -d page`;

export function registerExport(program: Command): void {
  const command = program
    .command("export")
    .description(
      "write a model for other programs: its weights, an ONNX graph that runs anywhere, or a page that solves puzzles",
    )
    .argument("<model>", "run folder, checkpoint folder, .safetensors or .pt file (web: .onnx too)")
    .requiredOption("--to <format>", Object.keys(targets).join(" or "))
    .requiredOption("--out <file>", "file to write; web: folder")
    .option("--no-webgpu", "web: leave out the runtime for the graphics card, 17 MB")
    .option("--json", "print the result as one line of JSON")
    .addHelpText("after", HELP)
    .action(runExport);
  addOnnxOptions(command);
}

async function runExport(path: string, options: ExportOptions): Promise<void> {
  const { to, out, json } = options;
  if (!Object.hasOwn(targets, to))
    throw new ToolError(`--to takes ${Object.keys(targets).join(" or ")}, not '${to}'`, {
      code: "usage/export-target",
      exitCode: 2,
    });
  const report = await targets[to](path, out, options);
  if (json) return printJson(report);
  const { sizeBytes, parameters, identifiers } = report;
  const table = identifiers > 0 ? ` and ${integer(identifiers)} puzzle vectors` : "";
  printLine(`${out}: ${integer(parameters)} parameters${table}, ${mebibytes(sizeBytes)}`);
}

async function exportPage(path: string, out: string, options: ExportOptions): Promise<ExportReport> {
  const report = await exportWeb(path, out, {
    weights: weightsFrom(options, "float16"),
    webgpu: options.webgpu,
  });
  if (isLargeForHosts(report))
    logWarning(`the model is ${mebibytes(report.modelBytes)}: some hosts of static pages take 25 MiB a file`);
  return report;
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
