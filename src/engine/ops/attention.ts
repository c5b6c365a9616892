// Scaled dot-product attention over packed projections (heads of Q, then of K, then of V, as the reference packs
// them). The second result, the log-sum-exp of the scores, lets the gradient recompute the weights strip by strip,
// so that no executor needs to hold heads × L × L numbers.

import { invariant } from "../../base/errors.ts";
import type { Graph, Node, Value } from "../graph.ts";
import { defineOp, type KernelArguments, type Tensor } from "../op.ts";
import { resolveSize, sizeOf } from "../shape.ts";

export type AttentionMask = "full" | "causal";
type AttentionAttributes = { readonly heads: number; readonly mask: AttentionMask };

/** qkv [rows, L, 3·H·hd] -> [rows, L, H·hd]; the scores are scaled by 1/√hd. */
export function attention(graph: Graph, qkv: Value, attributes: AttentionAttributes): Value {
  return graph.apply(attentionOp, [qkv], attributes)[0];
}

export const attentionOp = defineOp<AttentionAttributes>({
  name: "attention",
  operands: ["float"],
  types([qkv], { heads }) {
    const width = qkv.shape[2];
    if (qkv.shape.length !== 3 || typeof width !== "number" || width % (3 * heads) !== 0)
      return `the packed width must be a multiple of 3 × ${heads} heads`;
    const [rows, length] = qkv.shape;
    return [
      { shape: [rows, length, width / 3], dtype: "float" },
      { shape: [rows, heads, length], dtype: "float32" },
    ];
  },
  evaluate([qkv], [out, logSumExp], { heads, mask }) {
    forEachHead(qkv, heads, mask, (head) => {
      for (let i = 0; i < head.length; i++) {
        const { weights, sum } = attentionWeights(qkv, head, i);
        logSumExp.data[head.row * heads * head.length + head.index * head.length + i] = sum;
        for (let d = 0; d < head.size; d++) {
          let total = 0;
          for (let j = 0; j < weights.length; j++) total += weights[j] * qkv.data[head.v(j) + d];
          out.data[head.out(i) + d] = total;
        }
      }
    });
  },
  gradient({ graph, node, gradients: [dOut, dLogSumExp] }, attributes) {
    invariant(!dLogSumExp, "the log-sum-exp of attention has no gradient");
    const [out, logSumExp] = node.outputs;
    if (!dOut) return [];
    return [graph.apply(attentionGradOp, [node.inputs[0], out, logSumExp, dOut], attributes)[0]];
  },
  // Packed keys and values and a strip of scores (WHORL_ATTENTION_WORK in native/core/kernel-list.h).
  kernel: (node, attributes) =>
    attentionKernel(node, attributes, (L, hd) => 2 * (L + 16) * (hd + 16) + 32 * (L + 16) + 64 * (hd + 32)),
  flops: (node) => productFlops(node, 2),
});

/** qkv, out, log-sum-exp, gradient of out -> gradient of qkv. */
export const attentionGradOp = defineOp<AttentionAttributes>({
  name: "attentionGrad",
  operands: ["float", "float", "float32", "float"],
  types: ([qkv]) => [qkv],
  evaluate([qkv, out, , dOut], [dqkv], { heads, mask }) {
    forEachHead(qkv, heads, mask, (head) => {
      for (let i = 0; i < head.length; i++) {
        const { weights } = attentionWeights(qkv, head, i);
        let dot = 0; // Σ dOut · out = Σ_j weight_j · dWeight_j
        for (let d = 0; d < head.size; d++) dot += dOut.data[head.out(i) + d] * out.data[head.out(i) + d];
        for (let j = 0; j < weights.length; j++) {
          let dWeight = 0;
          for (let d = 0; d < head.size; d++) {
            dWeight += dOut.data[head.out(i) + d] * qkv.data[head.v(j) + d];
            dqkv.data[head.v(j) + d] += weights[j] * dOut.data[head.out(i) + d];
          }
          const dScore = weights[j] * (dWeight - dot) * head.scale;
          for (let d = 0; d < head.size; d++) {
            dqkv.data[head.q(i) + d] += dScore * qkv.data[head.k(j) + d];
            dqkv.data[head.k(j) + d] += dScore * qkv.data[head.q(i) + d];
          }
        }
      }
    });
  },
  // WHORL_ATTENTION_GRAD_WORK in native/core/kernel-list.h
  kernel: (node, attributes) =>
    attentionKernel(node, attributes, (L, hd) => 3 * (L + 16) * (hd + 16) + 64 * (L + 16) + 160 * (hd + 32)),
  flops: (node) => productFlops(node, 4), // recomputing the scores counts nothing
});

interface Head {
  row: number;
  index: number;
  length: number;
  size: number;
  scale: number;
  causal: boolean;
  /** Offsets of position i's query, key, value and output. */
  q(i: number): number;
  k(i: number): number;
  v(i: number): number;
  out(i: number): number;
}

function forEachHead(qkv: Tensor, heads: number, mask: AttentionMask, visit: (head: Head) => void): void {
  const [rows, length, packed] = qkv.shape;
  const width = packed / 3;
  const size = width / heads;
  for (let row = 0; row < rows; row++)
    for (let index = 0; index < heads; index++) {
      const start = row * length * packed + index * size;
      visit({
        row,
        index,
        length,
        size,
        scale: 1 / Math.sqrt(size),
        causal: mask === "causal",
        q: (i) => start + i * packed,
        k: (i) => start + i * packed + width,
        v: (i) => start + i * packed + 2 * width,
        out: (i) => (row * length + i) * width + index * size,
      });
    }
}

/** Softmax of query i against all keys it may see, and the logarithm of the sum it was divided by. */
function attentionWeights(qkv: Tensor, head: Head, i: number): { weights: number[]; sum: number } {
  const scores: number[] = [];
  for (let j = 0; j < (head.causal ? i + 1 : head.length); j++) {
    let score = 0;
    for (let d = 0; d < head.size; d++) score += qkv.data[head.q(i) + d] * qkv.data[head.k(j) + d];
    scores.push(score * head.scale);
  }
  const largest = Math.max(...scores);
  const total = scores.reduce((sum, score) => sum + Math.exp(score - largest), 0);
  return {
    weights: scores.map((score) => Math.exp(score - largest) / total),
    sum: largest + Math.log(total),
  };
}

function attentionKernel(
  node: Node,
  { heads, mask }: AttentionAttributes,
  workspaceFloats: (length: number, headSize: number) => number,
): KernelArguments {
  const [rows, length, packed] = node.inputs[0].shape;
  const headSize = Number(packed) / (3 * heads);
  return {
    sizes: [sizeOf(rows), sizeOf(length), sizeOf(heads), sizeOf(headSize)],
    params: [mask === "causal" ? 1 : 0, 1 / Math.sqrt(headSize)],
    workspaceBytes: (sizes) => 4 * workspaceFloats(resolveSize(sizeOf(length), sizes), headSize),
  };
}

/** `products` products of all queries with all keys, over the width of the heads. */
function productFlops(node: Node, products: number) {
  const [rows, length, packed] = node.inputs[0].shape;
  return sizeOf(2 * products * Number(length), rows, length, Number(packed) / 3);
}
