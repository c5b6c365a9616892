// The numbers of a model: flat trained weights, fixed buffers and the puzzle table; and their form in files, a state
// dict under the reference's key names (`model.inner.…`; spec/trm.md sections 2 and 13).

import { ToolError } from "../base/errors.ts";
import { elementCount } from "../engine/shape.ts";
import { bfloat16FromFloat32, float32FromBfloat16 } from "../formats/half.ts";
import type { StoredTensor } from "../formats/safetensors.ts";
import { drawInitial, initialize, layOut, type ParameterLayout, viewsOf } from "../nn/parameters.ts";
import type { RecursiveModel } from "./model.ts";

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
const TABLE_NAME = "puzzle_emb.weights";

/** Fresh weights; equal seeds give equal weights. The puzzle table starts at zero. */
export function makeWeights(model: RecursiveModel, seed: number): ModelWeights {
  const layout = layOut(model.parameters);
  const buffers = model.buffers.map((spec): [string, Float32Array] => {
    const values = new Float32Array(elementCount(spec.shape));
    drawInitial(spec, seed, values);
    return [spec.name, float32FromBfloat16(bfloat16FromFloat32(values))]; // the reference draws them in bfloat16
  });
  return {
    layout,
    weights: initialize(layout, seed),
    buffers: new Map(buffers),
    table: new Float32Array(model.shape.numPuzzleIdentifiers * model.puzzleVectorSize),
  };
}

/** Names and numbers as the reference saves them; views, not copies. */
export function toStateDict(
  model: RecursiveModel,
  { layout, weights, buffers, table }: ModelWeights,
): Map<string, StoredTensor & { data: Float32Array }> {
  const views = viewsOf(layout, weights);
  const entries = [
    ...model.buffers.map(({ name, shape }) => ({ name, shape, data: buffers.get(name) })),
    ...model.parameters.map(({ name, shape }) => ({ name, shape, data: views.get(name) })),
  ];
  if (model.puzzleVectorSize > 0) {
    const shape = [table.length / model.puzzleVectorSize, model.puzzleVectorSize];
    entries.push({ name: TABLE_NAME, shape, data: table });
  }
  return new Map(
    entries.map(({ name, shape, data }) => [
      PREFIX + name,
      { dtype: "F32" as const, shape, data: data ?? new Float32Array(0) },
    ]),
  );
}

/** Copies a state dict into `target`; every tensor must be there, in its shape, and nothing else. */
export function loadStateDict(
  model: RecursiveModel,
  target: ModelWeights,
  tensors: ReadonlyMap<string, StoredTensor>,
  where: string,
): void {
  const expected = toStateDict(model, target);
  for (const [name, { shape, data }] of expected) {
    const found = tensors.get(name);
    if (!found) throw misfit(`the weights have no '${name}'`, where);
    if (found.shape.join() !== shape.join())
      throw misfit(
        `'${name}' is [${found.shape.join(", ")}], this configuration needs [${shape.join(", ")}]`,
        where,
      );
    if (!(found.data instanceof Float32Array))
      throw misfit(`'${name}' holds ${found.dtype}, not floats`, where);
    data.set(found.data);
  }
  for (const name of tensors.keys())
    if (!expected.has(name))
      throw misfit(`the weights have a '${name}' that this configuration lacks`, where);
}

function misfit(message: string, where: string): ToolError {
  return new ToolError(message, {
    code: "models/weights-misfit",
    where,
    hint: "use the configuration that the weights were trained with (config.yaml of their run)",
  });
}
