// What a state dict tells of its model by names and shapes (spec/trm.md section 2, spec/hrm.md): sizes, but never how
// often the network is applied. For people and for whoever has to write the configuration.

import type { TensorType } from "../formats/safetensors.ts";
import { TABLE_KEY } from "../models/weights.ts";

export interface WeightsDescription {
  readonly architecture: "trm" | "hrm" | "direct" | "unknown";
  /** How positions see each other: `mlp_t` mixes them by an MLP. */
  readonly mixing: "attention" | "mlp_t" | null;
  readonly hiddenSize: number | null;
  /** Blocks of the network (HRM: of the low-level module). */
  readonly layers: number | null;
  /** Blocks of a second network, which updates the answer (HRM: the high-level module); 0 without. */
  readonly answerLayers: number;
  /** Latents beside the answer; 0 where one state is both. */
  readonly latents: number;
  /** Whether cells are read by the table of token vectors. */
  readonly tiedHead: boolean;
  readonly vocabSize: number | null;
  /** Positions, prefix included, where a weight has their number: token mixing and learned positions. */
  readonly tokens: number | null;
  /** Rows of the puzzle table and numbers of a row; 0 without. */
  readonly identifiers: number;
  readonly puzzleEmbNdim: number;
  readonly posEncodings: "learned" | null;
  /** Trained numbers, the puzzle table not among them. */
  readonly parameters: number;
  readonly tensors: number;
  /** Settings that a configuration must add because no shape tells them. */
  readonly notInWeights: readonly string[];
}

const INNER = "model.inner.";

export function describeWeights(entries: ReadonlyMap<string, TensorType>): WeightsDescription {
  const shapeOf = (name: string) => entries.get(INNER + name)?.shape;
  const latentLayers = countLayers(entries, "L_level");
  const answerLayers = countLayers(entries, "H_level");
  const layers = latentLayers || answerLayers;
  const [vocabSize = null, hiddenSize = null] = shapeOf("embed_tokens.embedding_weight") ?? [];
  const block = `${latentLayers > 0 ? "L" : "H"}_level.layers.0.`;
  const mixesTokens = shapeOf(`${block}mlp_t.down_proj.weight`);
  const attends = shapeOf(`${block}self_attn.qkv_proj.weight`);
  const positions = shapeOf("embed_pos.embedding_weight");
  const [identifiers = 0, puzzleEmbNdim = 0] = entries.get(TABLE_KEY)?.shape ?? [];
  const otherMixing = attends ? "attention" : null;
  const mixing = mixesTokens ? "mlp_t" : otherMixing;
  return {
    architecture: hiddenSize === null ? "unknown" : architectureOf(latentLayers, answerLayers),
    mixing,
    hiddenSize,
    layers: layers || null,
    answerLayers: latentLayers > 0 ? answerLayers : 0,
    latents: countLatents(entries),
    tiedHead: !entries.has(`${INNER}lm_head.weight`),
    vocabSize,
    tokens: mixesTokens?.[0] ?? positions?.[0] ?? null,
    identifiers,
    puzzleEmbNdim,
    posEncodings: positions ? "learned" : null,
    parameters: countParameters(entries),
    tensors: entries.size,
    notInWeights: [
      ...(latentLayers > 0 ? ["hCycles", "lCycles"] : []),
      "haltMaxSteps",
      ...(mixing === "attention" ? ["numHeads"] : []),
      ...(mixing === "attention" && !positions ? ["posEncodings"] : []),
      ...(puzzleEmbNdim > 0 ? ["puzzleEmbLen"] : []),
    ],
  };
}

/** By the networks there are. A TRM with a network of its own for the answer looks like HRM: its configuration says so. */
function architectureOf(latentLayers: number, answerLayers: number) {
  if (latentLayers > 0) return answerLayers > 0 ? "hrm" : "trm";
  return answerLayers > 0 ? "direct" : "unknown";
}

function countLatents(entries: ReadonlyMap<string, TensorType>): number {
  if (!entries.has(`${INNER}H_init`)) return 0;
  return [...entries.keys()].filter((name) => /^model\.inner\.L\d*_init$/.test(name)).length;
}

function countLayers(entries: ReadonlyMap<string, TensorType>, module: string): number {
  const pattern = new RegExp(`^model\\.inner\\.${module}\\.layers\\.(\\d+)\\.`);
  let layers = 0;
  for (const name of entries.keys()) layers = Math.max(layers, 1 + Number(pattern.exec(name)?.[1] ?? -1));
  return layers;
}

function countParameters(entries: ReadonlyMap<string, TensorType>): number {
  let count = 0;
  for (const [name, { shape }] of entries)
    if (name !== TABLE_KEY && !/\.[HL]\d*_init$/.test(name))
      count += shape.reduce((product, size) => product * size, 1);
  return count;
}
