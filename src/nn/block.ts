// The block of TRM and HRM: mixing over positions, then a SwiGLU MLP over features, each followed by the residual sum
// and an RMS norm without weight (post-norm). Mixing is attention, or an MLP over the token axis (`mlp_t`).
// Source: models/recursive_reasoning/trm.py and models/layers.py of TinyRecursiveModels.

import type { Graph, Value } from "../engine/graph.ts";
import { addRmsNorm } from "../engine/ops/add-rms-norm.ts";
import { attention } from "../engine/ops/attention.ts";
import { linear } from "../engine/ops/linear.ts";
import { mixTokens } from "../engine/ops/mix-tokens.ts";
import { rope } from "../engine/ops/rope.ts";
import { swiglu } from "../engine/ops/swiglu.ts";
import type { ParameterSpec } from "./parameters.ts";

export interface BlockConfig {
  /** D, the width. */
  readonly hiddenSize: number;
  /** L, positions including the prefix. */
  readonly tokens: number;
  readonly numHeads: number;
  readonly expansion: number;
  readonly mixing: "attention" | "tokens";
  readonly rmsNormEps: number;
}

/** Width of one head; heads that do not divide the width leave a rest unused, as in the reference. */
export function headSize({ hiddenSize, numHeads }: { hiddenSize: number; numHeads: number }): number {
  return Math.floor(hiddenSize / numHeads);
}

/** Rotary tables [L, head size], or none. */
export interface RopeTables {
  readonly cos: Value;
  readonly sin: Value;
}

/** Width of a SwiGLU MLP over `size` features: 2/3 of expansion · size, rounded up to a multiple of 256. */
export function swigluWidth(size: number, expansion: number): number {
  return 256 * Math.ceil(Math.round((expansion * size * 2) / 3) / 256);
}

/** Weights of one block under the reference's names. */
export function blockParameters(prefix: string, config: BlockConfig): ParameterSpec[] {
  const { hiddenSize: D, tokens: L } = config;
  const attended = config.numHeads * headSize(config);
  const matrix = (name: string, out: number, input: number): ParameterSpec => ({
    name: `${prefix}.${name}.weight`,
    shape: [out, input],
    initial: { kind: "truncatedNormal", std: 1 / Math.sqrt(input) },
  });
  const mlp = (name: string, size: number) => {
    const width = swigluWidth(size, config.expansion);
    return [matrix(`${name}.gate_up_proj`, 2 * width, size), matrix(`${name}.down_proj`, size, width)];
  };
  const mixing =
    config.mixing === "tokens"
      ? mlp("mlp_t", L)
      : [matrix("self_attn.qkv_proj", 3 * attended, D), matrix("self_attn.o_proj", D, attended)];
  return [...mixing, ...mlp("mlp", D)];
}

/** h [rows, L, D] -> [rows, L, D]. `weight` finds a weight by its name within the block. */
export function block(
  graph: Graph,
  h: Value,
  weight: (name: string) => Value,
  config: BlockConfig,
  tables: RopeTables | undefined,
): Value {
  const epsilon = config.rmsNormEps;
  const mixed =
    config.mixing === "tokens"
      ? graph.scoped("mlp_t", () => tokenMlp(graph, h, weight))
      : graph.scoped("self_attn", () => selfAttention(graph, h, weight, config.numHeads, tables));
  // The norm after token mixing runs over the positions of each channel: the reference transposes around both.
  const normed = addRmsNorm(graph, h, mixed, { axis: config.mixing === "tokens" ? -2 : -1, epsilon });
  const out = graph.scoped("mlp", () => featureMlp(graph, normed, weight));
  return addRmsNorm(graph, normed, out, { axis: -1, epsilon });
}

function featureMlp(graph: Graph, x: Value, weight: (name: string) => Value): Value {
  const gateUp = linear(graph, x, weight("mlp.gate_up_proj.weight")); // [rows, L, 2·width]
  return linear(graph, swiglu(graph, gateUp, { axis: -1 }), weight("mlp.down_proj.weight"));
}

function tokenMlp(graph: Graph, x: Value, weight: (name: string) => Value): Value {
  const gateUp = mixTokens(graph, x, weight("mlp_t.gate_up_proj.weight")); // [rows, 2·width, D]
  return mixTokens(graph, swiglu(graph, gateUp, { axis: -2 }), weight("mlp_t.down_proj.weight"));
}

function selfAttention(
  graph: Graph,
  x: Value,
  weight: (name: string) => Value,
  heads: number,
  tables: RopeTables | undefined,
): Value {
  const projected = linear(graph, x, weight("self_attn.qkv_proj.weight")); // [rows, L, 3·H·hd]
  const qkv = tables
    ? rope(graph, projected, tables.cos, tables.sin, { rotatedHeads: 2 * heads })
    : projected;
  return linear(graph, attention(graph, qkv, { heads, mask: "full" }), weight("self_attn.o_proj.weight"));
}

/** cos and sin of position · θ^(-2j/size), each [length, size] with the angles repeated in both halves. */
export function ropeTables(
  length: number,
  size: number,
  theta: number,
): { cos: Float32Array; sin: Float32Array } {
  const cos = new Float32Array(length * size);
  const sin = new Float32Array(length * size);
  for (let position = 0; position < length; position++)
    for (let j = 0; j < size / 2; j++) {
      // The reference makes the frequencies and the angles in float32.
      const frequency = Math.fround(1 / Math.fround(theta ** ((2 * j) / size)));
      const angle = Math.fround(position * frequency);
      for (const at of [position * size + j, position * size + j + size / 2]) {
        cos[at] = Math.cos(angle);
        sin[at] = Math.sin(angle);
      }
    }
  return { cos, sin };
}
