// `whorl verify`: whether an exported ONNX file computes what the engine computes, on puzzles of its own task.

import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { readBytes } from "../base/files.ts";
import { printJson, printLine } from "../base/log.ts";
import { openTestSet } from "../eval/test-set.ts";
import { openOnnx } from "../onnx/open-onnx.ts";
import { ONNX_RUNTIMES } from "../onnx/run.ts";
import { DEFAULT_TOLERANCE, type Verification, verifyOnnx } from "../onnx/verify.ts";
import { openModel } from "../runs/open-model.ts";
import { oneOf } from "./onnx-options.ts";
import { addComputeOptions, type ComputeOptions, executorFrom, parseCount } from "./options.ts";

interface VerifyCommandOptions extends ComputeOptions {
  model?: string;
  data?: string;
  limit: string;
  steps?: string;
  batch: string;
  tolerance: string;
  runtime?: string;
  locate?: boolean;
  json?: boolean;
}

const HELP = `
Without --model the engine computes with the weights in the file: that judges the graph. With it, the weights too.

Example:
  whorl export runs/sudoku-6x6 --to onnx --out sudoku.onnx
  whorl verify sudoku.onnx --model runs/sudoku-6x6 --locate`;

export function registerVerify(program: Command): void {
  const command = program
    .command("verify")
    .description("compare an exported ONNX file with the engine")
    .argument("<onnx>", "file that `whorl export --to onnx` wrote")
    .option("--model <run>", "compare with this run, checkpoint or weights file")
    .option("--data <file>", "puzzles to compare on (default: the run's own test set)")
    .option("--limit <n>", "only so many puzzles, drawn at random with a fixed seed", "20")
    .option("--steps <k>", "supervision steps (default: the file's own)")
    .option("--batch <n>", "puzzles computed together", "16")
    .option(
      "--tolerance <x>",
      "largest difference of a logit, as a share of the largest logit (of 1, if none is above)",
      String(DEFAULT_TOLERANCE),
    )
    .option("--runtime <name>", `${ONNX_RUNTIMES.join(" or ")} (default: the first that is installed)`)
    .option("--locate", "name the first node that differs")
    .option("--json", "print the result as one line of JSON");
  addComputeOptions(command).addHelpText("after", HELP).action(runVerify);
}

async function runVerify(path: string, options: VerifyCommandOptions): Promise<void> {
  const tolerance = parseTolerance(options.tolerance);
  const limit = parseCount("--limit", options.limit);
  const runtime =
    options.runtime === undefined ? undefined : oneOf("--runtime", ONNX_RUNTIMES, options.runtime);
  const bytes = await readBytes(path);
  const { config, model, weights } =
    options.model === undefined ? await openOnnx(path) : await openModel(options.model);
  const testSet = await openTestSet({ data: config.data, file: options.data ?? null, limit });
  const { count, inputs, identifiers } = testSet.examples.slice(0, limit);
  const result = await verifyOnnx(
    bytes,
    { model, weights },
    { rows: count, inputs, identifiers },
    {
      ...{ tolerance, runtime, where: path, locate: options.locate },
      executor: await executorFrom(options, config.engine),
      steps: options.steps === undefined ? undefined : parseCount("--steps", options.steps),
      batchSize: parseCount("--batch", options.batch),
    },
  );
  if (options.json) printJson(result);
  else for (const line of describeVerification(result, options.locate === true)) printLine(line);
  if (!result.ok) process.exitCode = 3;
}

function describeVerification(result: Verification, isLocated: boolean): string[] {
  const { ok, rows, steps, sameAnswers, maxAbsDiff, maxRelDiff, provider, firstDifference } = result;
  const lines = [
    `${ok ? "agrees" : "does not agree"} with the engine: ${sameAnswers} of ${rows} answers are the same after ${steps} steps`,
    `logits differ by at most ${maxAbsDiff.toExponential(1)}, ${maxRelDiff.toExponential(1)} of the largest (${provider})`,
    `a puzzle takes ${seconds(result.secondsPerPuzzle.onnx)} there, ${seconds(result.secondsPerPuzzle.engine)} in the engine`,
  ];
  if (firstDifference) {
    const { node, op, row, step, maxRelDiff: part } = firstDifference;
    lines.push(
      `first to differ: ${node} (${op}), puzzle ${row + 1}, step ${step}, by ${part.toExponential(1)} of its largest`,
    );
  } else if (!ok && isLocated)
    lines.push("no node differs by itself: small differences add up over the steps");
  return lines;
}

function seconds(value: number): string {
  return value < 1 ? `${(1000 * value).toPrecision(3)} ms` : `${value.toFixed(2)} s`;
}

function parseTolerance(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && Number.isFinite(value)) return value;
  throw new ToolError(`--tolerance takes a number from 0, not '${text}'`, {
    code: "usage/tolerance",
    exitCode: 2,
  });
}
