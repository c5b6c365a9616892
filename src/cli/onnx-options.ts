// The options of `whorl export --to onnx` (and web), and what they mean to the exporter.

import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import type { OnnxExportOptions } from "../onnx/export.ts";
import type { WeightFormat } from "../onnx/weight-writer.ts";
import { parseCount } from "./options.ts";

/** Values of the options that `addOnnxOptions` adds, as typed. */
export interface OnnxOptions {
  readonly form?: string;
  readonly steps?: string;
  readonly loop?: boolean;
  readonly batch?: string;
  readonly weights?: string;
  readonly puzzle?: string;
}

export function addOnnxOptions(command: Command): Command {
  return command
    .option("--form <form>", "onnx: step (one supervision step, the carry goes in and out) or solve", "step")
    .option("--steps <k>", "onnx: supervision steps of a solve (default: the model's own)")
    .option("--loop", "onnx: the steps of a solve as a Loop instead of one after another")
    .option("--batch <n>", "onnx: a fixed number of rows (default: any)")
    .option(
      "--weights <format>",
      "float32, or float16 for half the size (default: onnx float32, web float16)",
    )
    .option("--puzzle <input>", "onnx: identifiers, or vectors to leave the puzzle table out", "identifiers");
}

export function onnxOptionsFrom(options: OnnxOptions): OnnxExportOptions {
  return {
    form: oneOf("--form", ["step", "solve"], options.form ?? "step"),
    steps: options.steps === undefined ? undefined : parseCount("--steps", options.steps),
    loop: options.loop,
    batch: options.batch === undefined ? undefined : parseCount("--batch", options.batch),
    weights: weightsFrom(options, "float32"),
    puzzle: oneOf("--puzzle", ["identifiers", "vectors"], options.puzzle ?? "identifiers"),
  };
}

export function weightsFrom({ weights }: OnnxOptions, usual: WeightFormat): WeightFormat {
  return oneOf("--weights", ["float32", "float16"], weights ?? usual);
}

/** The choice that was typed; anything else is wrong usage. */
export function oneOf<const T extends string>(option: string, choices: readonly T[], text: string): T {
  const choice = choices.find((name) => name === text);
  if (choice) return choice;
  throw new ToolError(`${option} takes ${choices.join(" or ")}, not '${text}'`, {
    code: "usage/choice",
    exitCode: 2,
  });
}
