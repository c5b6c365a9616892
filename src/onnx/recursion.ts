// An exported file as a runner of supervision steps, the same contract as the engine's (eval/recursion.ts): what
// evaluates, solves or compares does not see which of the two computes.

import { ToolError } from "../base/errors.ts";
import type { Recursion, RecursionBatch, RecursionResults } from "../eval/recursion.ts";
import type { OnnxAbout } from "./about.ts";
import { readAbout } from "./about.ts";
import { decodeModel, type OnnxModel } from "./proto.ts";
import {
  type OnnxArray,
  type OnnxNumbers,
  type OnnxSession,
  openSession,
  type SessionOptions,
} from "./run.ts";
import { checkRunnable } from "./runnable.ts";

export interface OnnxRecursion extends Recursion {
  readonly about: OnnxAbout;
  readonly provider: string;
  close(): Promise<void>;
}

export interface OnnxRecursionOptions extends SessionOptions {
  /** Rows computed together, where the file leaves the batch open. */
  readonly batchSize: number;
  /** Puzzle vectors [identifiers, n], for files that take vectors. */
  readonly table?: Float32Array;
}

/** Sizes that the file's inputs and outputs tell. */
interface Sizes {
  /** Rows of a run: at most `batchSize`; exactly so many where the file fixes them. */
  readonly batchSize: number;
  readonly isFixed: boolean;
  readonly seqLen: number; // S
  readonly vocabSize: number; // V
  readonly vectorSize: number; // n, 0 without vectors as input
  /** Carries with their [L, D]. */
  readonly carries: readonly { name: string; dims: readonly number[] }[];
}

export async function openOnnxRecursion(
  bytes: Uint8Array,
  options: OnnxRecursionOptions,
): Promise<OnnxRecursion> {
  const where = options.where ?? "the ONNX file";
  const model = decodeModel(bytes, where);
  const about = readAbout(model, where);
  const sizes = readSizes(model, options.batchSize, where);
  checkRunnable(model, about, sizes.batchSize, where);
  if (about.puzzle === "vectors" && !options.table)
    throw new ToolError("this file takes puzzle vectors as an input, and there is no table of them", {
      code: "onnx/no-table",
      where,
      hint: "export it with puzzle identifiers, or name the model that it was exported from",
    });
  const session = await openSession(bytes, options);
  const run = about.form === "step" ? runSteps : runSolve;
  return {
    about,
    provider: session.provider,
    batchSize: sizes.batchSize,
    format: "float32",
    run: (batch, steps) => run({ session, sizes, about, table: options.table, where }, batch, steps),
    close: () => session.close(),
  };
}

interface Runner {
  readonly session: OnnxSession;
  readonly sizes: Sizes;
  readonly about: OnnxAbout;
  readonly table: Float32Array | undefined;
  readonly where: string;
}

async function* runSteps(runner: Runner, batch: RecursionBatch, steps: number) {
  const { session, sizes } = runner;
  const feeds = questionOf(runner, batch);
  const rows = rowsOf(sizes, batch);
  for (const { name, dims } of sizes.carries) feeds.set(name, arrayOf(Float32Array, [rows, ...dims]));
  for (let step = 1; step <= steps; step++) {
    feeds.set("reset", { dims: [rows], data: new Int32Array(rows).fill(step === 1 ? 1 : 0) });
    const outputs = await session.run(feeds);
    for (const { name } of sizes.carries) feeds.set(name, outputNamed(outputs, `${name}_next`));
    yield { step, results: resultsOf(outputs, sizes, batch.rows, { index: 0, lines: 1 }) };
  }
}

/** All steps are computed before the first is given out. */
async function* runSolve(runner: Runner, batch: RecursionBatch, steps: number) {
  const { session, sizes, about, where } = runner;
  if (steps > about.steps)
    throw new ToolError(`the file solves in ${about.steps} steps, ${steps} are asked for`, {
      code: "onnx/steps",
      where,
      hint: `ask for at most ${about.steps}, or export with --steps ${steps}`,
    });
  const outputs = await session.run(questionOf(runner, batch));
  for (let step = 1; step <= steps; step++)
    yield { step, results: resultsOf(outputs, sizes, batch.rows, { index: step - 1, lines: about.steps }) };
}

/** Rows that a fixed batch has too many are zeros. */
function questionOf({ sizes, about, table }: Runner, batch: RecursionBatch): Map<string, OnnxArray> {
  const { seqLen, vectorSize } = sizes;
  const rows = rowsOf(sizes, batch);
  const inputs = arrayOf(Int32Array, [rows, seqLen]);
  inputs.data.set(batch.inputs.subarray(0, batch.rows * seqLen));
  const feeds = new Map<string, OnnxArray>([["inputs", inputs]]);
  if (about.puzzle === "identifiers") {
    const identifiers = arrayOf(Int32Array, [rows]);
    identifiers.data.set(batch.identifiers.subarray(0, batch.rows));
    feeds.set("puzzle_identifiers", identifiers);
  }
  if (about.puzzle === "vectors" && table) {
    const vectors = arrayOf(Float32Array, [rows, vectorSize]);
    for (let row = 0; row < batch.rows; row++) {
      const start = batch.identifiers[row] * vectorSize;
      vectors.data.set(table.subarray(start, start + vectorSize), row * vectorSize);
    }
    feeds.set("puzzle_rows", vectors);
  }
  return feeds;
}

function rowsOf({ isFixed, batchSize }: Sizes, { rows }: RecursionBatch): number {
  if (rows > batchSize)
    throw new ToolError(`${rows} rows are given, the file takes ${batchSize}`, { code: "onnx/batch" });
  return isFixed ? batchSize : rows;
}

function arrayOf<T extends OnnxNumbers>(
  kind: new (length: number) => T,
  dims: readonly number[],
): { dims: readonly number[]; data: T } {
  return { dims, data: new kind(dims.reduce((product, dim) => product * dim, 1)) };
}

/** What a run says of one of its `lines` steps. Measures that need labels are left out. */
function resultsOf(
  outputs: ReadonlyMap<string, OnnxArray>,
  { seqLen, vocabSize }: Sizes,
  rows: number,
  { index, lines }: { index: number; lines: number },
): RecursionResults {
  const part = <T extends OnnxNumbers>(name: string, kind: new () => T, perRow: number): T => {
    const { data } = outputNamed(outputs, name);
    const start = (index * data.length) / lines;
    const found = data.subarray(start, start + rows * perRow);
    if (found instanceof kind && found.length === rows * perRow) return found;
    throw new ToolError(`the output '${name}' holds other numbers than expected`, { code: "onnx/output" });
  };
  const halt = part("q_halt", Float32Array, 1);
  const goOn = part("q_continue", Float32Array, 1);
  const none = new Float32Array(0);
  return {
    predictions: part("preds", Int32Array, seqLen),
    logits: part("logits", Float32Array, seqLen * vocabSize),
    qLogits: Float32Array.from(
      { length: 2 * rows },
      (_, i) => (i % 2 === 0 ? halt : goOn)[Math.floor(i / 2)],
    ),
    ...{ lmLoss: none, qHaltLoss: none, labelled: none, correct: none, exact: none },
  };
}

function outputNamed(outputs: ReadonlyMap<string, OnnxArray>, name: string): OnnxArray {
  const found = outputs.get(name);
  if (found) return found;
  throw new ToolError(`the ONNX file has no output '${name}'`, {
    code: "onnx/output",
    hint: "export the model again",
  });
}

function readSizes({ graph }: OnnxModel, batchSize: number, where: string): Sizes {
  const dimsOf = (name: string): readonly (number | string)[] | undefined =>
    [...graph.inputs, ...graph.outputs].find((value) => value.name === name)?.dims;
  const numberAt = (name: string, at: number): number => {
    const size = dimsOf(name)?.at(at);
    if (typeof size === "number" && size >= 1) return size;
    throw new ToolError(`the file does not say the size of '${name}'`, { code: "onnx/foreign", where });
  };
  const rows = dimsOf("inputs")?.[0];
  const carries = graph.inputs
    .filter(({ name }) => graph.outputs.some((output) => output.name === `${name}_next`))
    .map(({ name }) => ({ name, dims: [numberAt(name, 1), numberAt(name, 2)] }));
  return {
    batchSize: typeof rows === "number" ? rows : batchSize,
    isFixed: typeof rows === "number",
    seqLen: numberAt("inputs", 1),
    vocabSize: numberAt("logits", -1),
    vectorSize: dimsOf("puzzle_rows") ? numberAt("puzzle_rows", 1) : 0,
    carries,
  };
}
