// What a puzzle is to a network: token vectors, before them the puzzle's own vector as a prefix, positions, and the
// factor √D (spec/trm.md section 3; `_input_embeddings` of the reference's models).

import type { Graph, Value } from "../engine/graph.ts";
import { concat, pad } from "../engine/ops/axis.ts";
import { addBroadcast, narrow, reshape, scale } from "../engine/ops/elementwise.ts";
import { embedding } from "../engine/ops/embedding.ts";
import type { ParameterSpec } from "./parameters.ts";

export interface EmbeddingConfig {
  /** D, the width. */
  readonly hiddenSize: number;
  /** S, cells of a puzzle. */
  readonly seqLen: number;
  /** L, cells and prefix. */
  readonly tokens: number;
  /** n, size of a puzzle's vector; 0 without. */
  readonly puzzleEmbNdim: number;
  readonly learnsPositions: boolean;
}

/** Finds a weight of the graph by its name. */
export type FindWeight = (name: string) => Value;

/** A table of vectors [lines, D] under the reference's initialisation. */
export function vectorTable(name: string, lines: number, hiddenSize: number): ParameterSpec {
  const initial = { kind: "truncatedNormal", std: 1 / Math.sqrt(hiddenSize) } as const;
  return { name, shape: [lines, hiddenSize], initial };
}

/** The rows' puzzle vectors [rows, n] as an input, if there are any. */
export function puzzleRows(graph: Graph, ndim: number): Value | undefined {
  if (ndim === 0) return undefined;
  return graph.input("puzzle_rows", ["rows", ndim], { storage: "row", dtype: "float32" });
}

/** Tokens and puzzle vector -> e [rows, L, D]. */
export function inputEmbedding(
  graph: Graph,
  config: EmbeddingConfig,
  weight: FindWeight,
  puzzle: Value | undefined,
): Value {
  const { hiddenSize: D, seqLen, tokens } = config;
  const inputs = graph.input("inputs", ["rows", seqLen], { storage: "row", dtype: "int" });
  let e = embedding(graph, inputs, weight("embed_tokens.embedding_weight"));
  if (puzzle) {
    const P = tokens - seqLen;
    // Zeros on the right: with the published sizes the first prefix position carries the whole vector.
    const padded = pad(graph, narrow(graph, puzzle), { axis: -1, start: 0, length: P * D });
    e = concat(graph, reshape(graph, padded, ["rows", P, D]), e, { axis: -2 });
  }
  if (config.learnsPositions)
    e = scale(graph, addBroadcast(graph, e, weight("embed_pos.embedding_weight")), Math.SQRT1_2);
  return scale(graph, e, Math.sqrt(D));
}
