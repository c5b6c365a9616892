// The tutorial's block: mixing over all tokens, then a feed-forward layer, each followed by the residual sum and a layer
// norm with gain and bias (post-norm). Mixing is attention, or an MLP over the tokens. Source: spec/tutorial-trm.md section 1.

import type { Graph, Value } from "../../engine/graph.ts";
import { attention } from "../../engine/ops/attention.ts";
import { add, addBroadcast } from "../../engine/ops/elementwise.ts";
import { gelu } from "../../engine/ops/gelu.ts";
import { layerNorm } from "../../engine/ops/layer-norm.ts";
import { linear } from "../../engine/ops/linear.ts";
import { mixTokens } from "../../engine/ops/mix-tokens.ts";
import { multiplyBroadcast } from "../../engine/ops/multiply.ts";
import type { FindWeight } from "../../nn/input-embedding.ts";
import type { ParameterSpec } from "../../nn/parameters.ts";
import type { ThreeStreamConfig } from "./config.ts";

/** Differs from the reference: its normal distribution is cut off at 2.27 standard deviations, as all of ours are. */
export const INITIAL = { kind: "truncatedNormal", std: 0.02 } as const;

/** @param tokens of all streams together */
export function blockParameters(prefix: string, config: ThreeStreamConfig, tokens: number): ParameterSpec[] {
  const { hiddenSize: D } = config;
  const width = Math.round(config.expansion * D);
  const spec = (name: string, shape: number[], value?: number): ParameterSpec => ({
    name: `${prefix}.${name}`,
    shape,
    initial: value === undefined ? INITIAL : { kind: "constant", value },
  });
  const affine = (name: string, out: number, input: number) => [
    spec(`${name}.weight`, [out, input]),
    spec(`${name}.bias`, [out], 0),
  ];
  const norm = (name: string) => [spec(`${name}.weight`, [D], 1), spec(`${name}.bias`, [D], 0)];
  const mixingWidth = Math.round(config.expansion * tokens);
  const mixing = config.mlpT
    ? [spec("mix.up_proj.weight", [mixingWidth, tokens]), spec("mix.down_proj.weight", [tokens, mixingWidth])]
    : [...affine("attn.qkv_proj", 3 * D, D), ...affine("attn.out_proj", D, D)];
  return [
    ...mixing,
    ...norm("norm1"),
    ...affine("ffn.up_proj", width, D),
    ...affine("ffn.down_proj", D, width),
    ...norm("norm2"),
  ];
}

/** h [rows, L, D] -> [rows, L, D]. `weight` finds a weight by its name within the block. */
export function block(graph: Graph, h: Value, weight: FindWeight, config: ThreeStreamConfig): Value {
  const affine = (x: Value, name: string) =>
    addBroadcast(graph, linear(graph, x, weight(`${name}.weight`)), weight(`${name}.bias`));
  const norm = (x: Value, name: string) => {
    const normed = layerNorm(graph, x, { epsilon: config.layerNormEps });
    return addBroadcast(
      graph,
      multiplyBroadcast(graph, normed, weight(`${name}.weight`)),
      weight(`${name}.bias`),
    );
  };
  const attend = () => {
    const mixed = attention(graph, affine(h, "attn.qkv_proj"), { heads: config.numHeads, mask: "full" });
    return affine(mixed, "attn.out_proj");
  };
  const mix = () => {
    const up = gelu(graph, mixTokens(graph, h, weight("mix.up_proj.weight")));
    return mixTokens(graph, up, weight("mix.down_proj.weight"));
  };
  const mixed = config.mlpT ? graph.scoped("mix", mix) : graph.scoped("attn", attend);
  const middle = norm(add(graph, h, mixed), "norm1");
  const out = graph.scoped("ffn", () => affine(gelu(graph, affine(middle, "ffn.up_proj")), "ffn.down_proj"));
  return norm(add(graph, middle, out), "norm2");
}
