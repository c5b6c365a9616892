// SwiGLU's gate: the first half of an axis, through SiLU, times the second half (g first, as in the reference).

import type { Graph, Node, Value } from "../graph.ts";
import { defineOp, type Tensor } from "../op.ts";
import { aroundAxis, elementCount, sizeOf, withAxis } from "../shape.ts";

type AxisAttribute = { readonly axis: number };

/** gu with 2n along `axis` -> silu(g) ⊙ u with n. */
export function swiglu(graph: Graph, gu: Value, attributes: AxisAttribute): Value {
  return graph.apply(swigluOp, [gu], attributes)[0];
}

export const swigluOp = defineOp<AxisAttribute>({
  name: "swiglu",
  operands: ["float"],
  types([gu], { axis }) {
    const n = aroundAxis(gu.shape, axis).n;
    if (typeof n !== "number" || n % 2 !== 0) return "the gated axis must have an even, fixed length";
    return [{ shape: withAxis(gu.shape, axis, n / 2), dtype: "float" }];
  },
  evaluate([gu], [s], { axis }) {
    const { outer, half } = halves(gu, axis);
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < half; i++) {
        const g = gu.data[2 * o * half + i];
        s.data[o * half + i] = (g / (1 + Math.exp(-g))) * gu.data[(2 * o + 1) * half + i];
      }
  },
  gradient({ graph, node, gradients: [ds] }, { axis }) {
    return ds ? [graph.apply(swigluGradOp, [node.inputs[0], ds], { axis })[0]] : [];
  },
  kernel: (node, { axis }) => ({ sizes: halfSizes(node.inputs[0], axis) }),
});

/** gu, ds -> dgu. */
export const swigluGradOp = defineOp<AxisAttribute>({
  name: "swigluGrad",
  operands: ["float", "float"],
  mayOverwrite: [0],
  types: ([gu]) => [gu],
  evaluate([gu, ds], [dgu], { axis }) {
    const { outer, half } = halves(gu, axis);
    for (let o = 0; o < outer; o++)
      for (let i = 0; i < half; i++) {
        const gate = 2 * o * half + i;
        const g = gu.data[gate];
        const sigmoid = 1 / (1 + Math.exp(-g));
        const d = ds.data[o * half + i];
        dgu.data[gate] = d * gu.data[gate + half] * sigmoid * (1 + g * (1 - sigmoid));
        dgu.data[gate + half] = d * g * sigmoid;
      }
  },
  kernel: (node: Node, { axis }) => ({ sizes: halfSizes(node.inputs[0], axis) }),
});

/** The halves of one outer index are contiguous blocks, so the inner axes count as part of them. */
function halfSizes(gu: Value, axis: number) {
  const { outer, n, inner } = aroundAxis(gu.shape, axis);
  const block = sizeOf(n, ...inner);
  return [sizeOf(...outer), { ...block, coefficient: block.coefficient / 2 }];
}

function halves(gu: Tensor, axis: number) {
  const at = gu.shape.length + axis;
  return { outer: elementCount(gu.shape.slice(0, at)), half: elementCount(gu.shape.slice(at)) / 2 };
}
