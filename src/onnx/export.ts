// A model as an ONNX file, in two forms: one supervision step, with the carry as inputs and outputs, for programs that
// look at every step; and the whole solve of K steps from a fresh carry, unrolled or in a `Loop`, for those that want
// answers. All integers are int32; the outputs of a solve have the step as their first axis.

import { ToolError } from "../base/errors.ts";
import type { WhorlConfig } from "../config/schema.ts";
import type { Graph, Value } from "../engine/graph.ts";
import type { RecursiveModel } from "../models/model.ts";
import type { ModelWeights } from "../models/weights.ts";
import { aboutMetadata, type OnnxAbout } from "./about.ts";
import { BATCH_DIM } from "./graph-writer.ts";
import { startParts, writeInputs } from "./parts.ts";
import type { OnnxModel } from "./proto.ts";
import { writeSolve } from "./solve-form.ts";
import { writeStep } from "./step-form.ts";
import type { WeightFormat } from "./weight-writer.ts";

export interface OnnxExportOptions {
  readonly form: "step" | "solve";
  /** Supervision steps of a solve; default: those the model was trained for. */
  readonly steps?: number;
  /** The steps of a solve in a `Loop` instead of one after another: a small file, fewer runtimes. */
  readonly loop?: boolean;
  /** A fixed number of rows; default: open. */
  readonly batch?: number;
  /** How matrices are stored; they are computed with in float32. */
  readonly weights?: WeightFormat;
  /** `vectors`: the puzzle's vector is an input, and the table of all puzzles stays outside. */
  readonly puzzle?: "identifiers" | "vectors";
  /** Stored with the file. */
  readonly config?: WhorlConfig;
}

/** Opset 17 and its IR: what runtimes of the last years all read. */
const OPSET = 17;
const IR_VERSION = 8;

/**
 * @example
 * const { model, weights, config } = await openModel("runs/sudoku-6x6");
 * await writeFileAtomic("step.onnx", encodeModel(exportOnnx(model, weights, { form: "step", config })));
 */
export function exportOnnx(
  model: RecursiveModel,
  weights: ModelWeights,
  options: OnnxExportOptions,
): OnnxModel {
  const { form, steps = model.haltMaxSteps, batch, loop = false } = options;
  checkCount("steps", steps);
  if (batch !== undefined) checkCount("batch", batch);
  const parts = startParts(model, weights, options);
  const puzzle = model.puzzleVectorSize === 0 ? "none" : (options.puzzle ?? "identifiers");
  const inputs = writeInputs(parts, puzzle);
  const written = form === "step" ? writeStep(parts) : writeSolve(parts, { steps, loop });
  const about: OnnxAbout = {
    version: 1,
    model: model.name,
    form,
    steps,
    weights: options.weights ?? "float32",
    puzzle,
    halts: model.wantsToHalt(1, 2) ? "positive" : "above-continue",
  };
  return {
    irVersion: IR_VERSION,
    opset: OPSET,
    producer: "whorl",
    description: describeForm(about),
    metadata: aboutMetadata(about, options.config),
    graph: {
      name: `${model.name}_${form}`,
      inputs: [...inputs, ...written.inputs],
      outputs: written.outputs,
      values: parts.writer.values.filter(
        ({ name }) => !written.outputs.some((output) => output.name === name),
      ),
      initializers: parts.writer.initializers,
      nodes: parts.writer.nodes,
    },
  };
}

/** The names that the step form gives to the values of the model's evaluation graph, for whoever compares the two. */
export function nameStepValues(
  model: RecursiveModel,
  weights: ModelWeights,
): { graph: Graph; names: ReadonlyMap<Value, string> } {
  const parts = startParts(model, weights, {});
  writeInputs(parts, model.puzzleVectorSize === 0 ? "none" : "vectors");
  writeStep(parts);
  return { graph: parts.graph, names: parts.names };
}

function describeForm({ model, form, steps }: OnnxAbout): string {
  const common = `${model}, exported by Whorl. Integers are int32, the first axis of inputs is the ${BATCH_DIM}.`;
  if (form === "step")
    return `One supervision step of ${common} Set reset to 1 in the first step of a row, then to 0, and feed each *_next output to the input of its name; the model was trained for ${steps} steps.`;
  return `A solve of ${steps} supervision steps of ${common} The first axis of every output is the step.`;
}

function checkCount(what: string, value: number): void {
  if (Number.isSafeInteger(value) && value >= 1) return;
  throw new ToolError(`${what} must be a whole number from 1, not ${value}`, {
    code: "usage/count",
    exitCode: 2,
  });
}
