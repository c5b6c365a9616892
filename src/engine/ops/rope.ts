// Rotary position embedding of the first heads of a packed tensor (queries and keys of q|k|v; the values pass).
// The angles come in as cos/sin tables, so positions are the caller's choice. Half-split pairing is the
// reference's; interleaved pairing (2i, 2i+1) is there for other models.

import type { Graph, Value } from "../graph.ts";
import { defineOp, type Op } from "../op.ts";
import { sizeOf } from "../shape.ts";

type RopeAttributes = {
  readonly rotatedHeads: number;
  readonly interleaved: boolean;
  /** -1 rotates back: the transposed rotation, which is the gradient. */
  readonly sign: 1 | -1;
};

/** x [rows, L, W], cos and sin [L, headDim] -> x with its first `rotatedHeads` heads rotated. */
export function rope(
  graph: Graph,
  x: Value,
  cos: Value,
  sin: Value,
  options: { rotatedHeads: number; interleaved?: boolean },
): Value {
  const { rotatedHeads, interleaved = false } = options;
  return graph.apply(ropeOp, [x, cos, sin], { rotatedHeads, interleaved, sign: 1 })[0];
}

export const ropeOp: Op<RopeAttributes> = defineOp<RopeAttributes>({
  name: "rope",
  operands: ["float", "float32", "float32"],
  mayOverwrite: [0],
  types([x, cos, sin], { rotatedHeads }) {
    const [length, headDim] = cos.shape;
    if (typeof headDim !== "number" || headDim % 2 !== 0) return "the head size must be even";
    if (length !== x.shape[1] || sin.shape[0] !== length) return "cos and sin need one line a token";
    if (rotatedHeads * headDim > Number(x.shape[2])) return "more rotated heads than the last axis holds";
    return [x];
  },
  evaluate([x, cos, sin], [y], { rotatedHeads, interleaved, sign }) {
    const [B, L, W] = x.shape;
    const D = cos.shape[1];
    y.data.set(x.data);
    for (let position = 0; position < B * L; position++)
      for (let head = 0; head < rotatedHeads; head++)
        for (let j = 0; j < D / 2; j++) {
          const [a, b] = interleaved ? [2 * j, 2 * j + 1] : [j, j + D / 2];
          const at = position * W + head * D;
          const table = (position % L) * D;
          const [x1, x2] = [x.data[at + a], x.data[at + b]];
          // Forward: out = x ⊙ cos + rot(x) ⊙ sin with rot(x) = [-x2, x1]; backward is its transpose.
          const [s1, s2] = sign === 1 ? [table + a, table + b] : [table + b, table + a];
          y.data[at + a] = x1 * cos.data[table + a] - sign * x2 * sin.data[s1];
          y.data[at + b] = x2 * cos.data[table + b] + sign * x1 * sin.data[s2];
        }
  },
  gradient({ graph, node, gradients: [dy] }, attributes) {
    const [, cos, sin] = node.inputs;
    if (!dy) return [];
    return [graph.apply(ropeOp, [dy, cos, sin], { ...attributes, sign: attributes.sign === 1 ? -1 : 1 })[0]];
  },
  kernel(node, { rotatedHeads, interleaved, sign }) {
    const [x, cos] = node.inputs;
    return {
      sizes: [...x.shape, cos.shape[1], rotatedHeads].map((dim) => sizeOf(dim)),
      params: [sign, interleaved ? 1 : 0],
    };
  },
});
