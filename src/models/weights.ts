// The numbers of a model: flat trained weights, fixed buffers and the puzzle table; and their form in files, a state
// dict under the reference's key names (`model.inner.…`; spec/trm.md sections 2 and 13).

import { ToolError } from "../base/errors.ts";
import { elementCount } from "../engine/shape.ts";
import { bfloat16FromFloat32, float32FromBfloat16 } from "../formats/half.ts";
import { isFloat, type SafetensorsFile, type StoredTensor, type TensorType } from "../formats/safetensors.ts";
import { drawInitial, initialize, layOut, type ParameterLayout, viewsOf } from "../nn/parameters.ts";
import type { RecursiveModel } from "./model.ts";
import { copyTable, fillRows, RowMean } from "./puzzle-table.ts";

export interface ModelWeights {
  readonly layout: ParameterLayout;
  /** Flat, by `layout`. */
  readonly weights: Float32Array;
  /** H_init, L_init: saved, never trained. */
  readonly buffers: ReadonlyMap<string, Float32Array>;
  /** Puzzle vectors [identifiers, n]; empty without. */
  readonly table: Float32Array;
}

const PREFIX = "model.inner.";
/** The puzzle table's name in a state dict. */
export const TABLE_KEY = `${PREFIX}puzzle_emb.weights`;

/** Fresh weights; equal seeds give equal weights. The puzzle table starts at zero. */
export function makeWeights(model: RecursiveModel, seed: number): ModelWeights {
  const blank = makeBlankWeights(model);
  const buffers = model.buffers.map((spec): [string, Float32Array] => {
    const values = new Float32Array(elementCount(spec.shape));
    drawInitial(spec, seed, values);
    return [spec.name, float32FromBfloat16(bfloat16FromFloat32(values))]; // the reference draws them in bfloat16
  });
  return { ...blank, weights: initialize(blank.layout, seed), buffers: new Map(buffers) };
}

/** Zeros to be loaded into: drawing seven million numbers takes longer than reading them. */
export function makeBlankWeights(model: RecursiveModel): ModelWeights {
  const layout = layOut(model.parameters);
  return {
    layout,
    weights: new Float32Array(layout.length),
    buffers: new Map(model.buffers.map(({ name, shape }) => [name, new Float32Array(elementCount(shape))])),
    table: allocateTable(model.shape.numPuzzleIdentifiers, model.puzzleVectorSize),
  };
}

/** Zeros; pages of memory that are never written to are never taken. */
function allocateTable(rows: number, size: number): Float32Array {
  try {
    return new Float32Array(rows * size);
  } catch (cause) {
    const gigabytes = ((rows * size * 4) / 1e9).toFixed(1);
    throw new ToolError(`not enough memory for a puzzle table of ${rows} × ${size} (${gigabytes} GB)`, {
      code: "models/table-too-large",
      hint: "take fewer augmentations, or a smaller model.puzzleEmbNdim",
      cause,
    });
  }
}

/** Names and numbers as the reference saves them; views, not copies. */
export function toStateDict(
  model: RecursiveModel,
  { layout, weights, buffers, table }: ModelWeights,
): Map<string, StoredTensor & { data: Float32Array }> {
  const views = viewsOf(layout, weights);
  const entries = [
    ...model.buffers.map(({ name, shape }) => ({ key: PREFIX + name, shape, data: buffers.get(name) })),
    ...model.parameters.map(({ name, shape }) => ({ key: PREFIX + name, shape, data: views.get(name) })),
  ];
  if (model.puzzleVectorSize > 0) {
    const shape = [table.length / model.puzzleVectorSize, model.puzzleVectorSize];
    entries.push({ key: TABLE_KEY, shape, data: table });
  }
  return new Map(
    entries.map(({ key, shape, data }) => [
      key,
      { dtype: "F32" as const, shape, data: data ?? new Float32Array(0) },
    ]),
  );
}

export interface LoadOptions {
  /**
   * What becomes of a puzzle table with another number of rows. `mean`: every row becomes the mean of the stored rows,
   * as the reference does (spec section 13); whoever asks for it must say so, for it ruins the score of a trained model
   * on its own puzzles. Default: an error.
   */
  readonly tableMismatch?: "error" | "mean";
  /** The puzzle table is kept elsewhere and not loaded. */
  readonly withoutTable?: boolean;
}

export interface Loaded {
  /** Rows of the stored table whose mean was taken instead of it. */
  readonly averagedRows: number | undefined;
}

/** Copies a state dict into `target`; every tensor must be there, in its shape, and nothing else. */
export function loadStateDict(
  model: RecursiveModel,
  target: ModelWeights,
  tensors: ReadonlyMap<string, StoredTensor>,
  where: string,
  options: LoadOptions = {},
): Loaded {
  const { expected, averagedRows } = checkFit(model, target, tensors, where, options);
  for (const [name, { data }] of expected) {
    const numbers = tensors.get(name)?.data;
    if (!(numbers instanceof Float32Array)) throw misfit(`'${name}' does not hold floats`, where);
    if (name !== TABLE_KEY) data.set(numbers);
    else if (averagedRows === undefined) copyTable(data, numbers, model.puzzleVectorSize);
    else {
      const mean = new RowMean(model.puzzleVectorSize);
      mean.add(numbers);
      fillRows(data, mean.value());
    }
  }
  return { averagedRows };
}

/** A few MB at once, so that a table of gigabytes needs no second place while it is read. */
const ROWS_AT_ONCE = 2048;

/** `loadStateDict` of an open file, without ever holding more of it than a few MB. */
export async function loadStateFile(
  model: RecursiveModel,
  target: ModelWeights,
  file: SafetensorsFile,
  where: string,
  options: LoadOptions = {},
): Promise<Loaded> {
  const { expected, averagedRows } = checkFit(model, target, file.entries, where, options);
  const size = model.puzzleVectorSize;
  const mean = new RowMean(size);
  for (const [name, { data }] of expected) {
    let at = 0;
    for await (const piece of file.floats(name, ROWS_AT_ONCE * Math.max(size, 1))) {
      if (name !== TABLE_KEY) data.set(piece, at);
      else if (averagedRows !== undefined) mean.add(piece);
      else copyTable(data.subarray(at, at + piece.length), piece, size);
      at += piece.length;
    }
  }
  if (averagedRows !== undefined) fillRows(target.table, mean.value());
  return { averagedRows };
}

/** The tensors to be loaded, all of which were found to fit. */
function checkFit(
  model: RecursiveModel,
  target: ModelWeights,
  found: ReadonlyMap<string, TensorType>,
  where: string,
  { tableMismatch = "error", withoutTable = false }: LoadOptions,
) {
  const expected = toStateDict(model, target);
  if (withoutTable) expected.delete(TABLE_KEY);
  let averagedRows: number | undefined;
  for (const [name, { shape }] of expected) {
    const stored = found.get(name);
    if (!stored) throw misfit(`the weights have no '${name}'`, where);
    if (!isFloat(stored.dtype)) throw misfit(`'${name}' holds ${stored.dtype}, not floats`, where);
    if (stored.shape.join() === shape.join()) continue;
    const isOtherTable = name === TABLE_KEY && stored.shape.length === 2 && stored.shape[1] === shape[1];
    if (!isOtherTable || tableMismatch === "error" || stored.shape[0] === 0)
      throw misfit(
        `'${name}' is [${stored.shape.join(", ")}], this configuration needs [${shape.join(", ")}]`,
        where,
      );
    averagedRows = stored.shape[0];
  }
  for (const name of found.keys())
    if (!expected.has(name))
      throw misfit(`the weights have a '${name}' that this configuration lacks`, where);
  return { expected, averagedRows };
}

function misfit(message: string, where: string): ToolError {
  return new ToolError(message, {
    code: "models/weights-misfit",
    where,
    hint: "use the configuration that the weights were trained with (config.yaml of their run)",
  });
}
