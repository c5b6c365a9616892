// Cutting and joining along one axis: slice, pad (its adjoint) and concat.

import type { Graph, Node, Value } from "../graph.ts";
import { defineOp, type Tensor } from "../op.ts";
import { aroundAxis, elementCount, sameShape, sizeOf, withAxis } from "../shape.ts";

type SliceAttributes = { readonly axis: number; readonly start: number; readonly length: number };

/** Positions start … start+length-1 of an axis. */
export function slice(graph: Graph, x: Value, attributes: SliceAttributes): Value {
  return graph.apply(sliceOp, [x], attributes)[0];
}

/** Zeros of `length` along an axis, with x from `start` on. */
export function pad(graph: Graph, x: Value, attributes: SliceAttributes): Value {
  return graph.apply(padOp, [x], attributes)[0];
}

/** a, then b, along an axis. */
export function concat(graph: Graph, a: Value, b: Value, attributes: { axis: number }): Value {
  return graph.apply(concatOp, [a, b], attributes)[0];
}

export const sliceOp = defineOp<SliceAttributes>({
  name: "slice",
  types([x], { axis, start, length }) {
    const n = Number(aroundAxis(x.shape, axis).n);
    if (!(start >= 0 && length >= 1 && start + length <= n))
      return `positions ${start} to ${start + length - 1} of an axis of ${n}`;
    return [{ shape: withAxis(x.shape, axis, length), dtype: x.dtype }];
  },
  evaluate([x], [y], { axis, start }) {
    copyBlocks(x, start, y, 0, y, axis);
  },
  gradient({ graph, node, gradients: [dy] }, { axis, start }) {
    const n = Number(aroundAxis(node.inputs[0].shape, axis).n);
    return dy ? [pad(graph, dy, { axis, start, length: n })] : [];
  },
  kernel: (node, { axis, start, length }) => ({ sizes: cutSizes(node.inputs[0], axis, start, length) }),
});

export const padOp = defineOp<SliceAttributes>({
  name: "pad",
  types([x], { axis, start, length }) {
    const n = Number(aroundAxis(x.shape, axis).n);
    if (!(start >= 0 && start + n <= length))
      return `${n} positions from ${start} on do not fit in ${length}`;
    return [{ shape: withAxis(x.shape, axis, length), dtype: x.dtype }];
  },
  evaluate([x], [y], { axis, start }) {
    copyBlocks(x, 0, y, start, x, axis);
  },
  gradient({ graph, node, gradients: [dy] }, { axis, start }) {
    const length = Number(aroundAxis(node.inputs[0].shape, axis).n);
    return dy ? [slice(graph, dy, { axis, start, length })] : [];
  },
  kernel(node: Node, { axis, start }) {
    const length = Number(aroundAxis(node.inputs[0].shape, axis).n);
    return { sizes: cutSizes(node.outputs[0], axis, start, length) };
  },
});

export const concatOp = defineOp<{ readonly axis: number }>({
  name: "concat",
  operands: ["any", "same"],
  types([a, b], { axis }) {
    const [na, nb] = [aroundAxis(a.shape, axis).n, aroundAxis(b.shape, axis).n];
    if (typeof na !== "number" || typeof nb !== "number") return "joined axes must have fixed lengths";
    if (!sameShape(withAxis(a.shape, axis, nb), b.shape)) return "all other axes must agree";
    return [{ shape: withAxis(a.shape, axis, na + nb), dtype: a.dtype }];
  },
  evaluate([a, b], [y], { axis }) {
    copyBlocks(a, 0, y, 0, a, axis);
    copyBlocks(b, 0, y, a.shape[a.shape.length + axis], b, axis);
  },
  gradient({ graph, node, gradients: [dy], needs }, { axis }) {
    const [na, nb] = node.inputs.map((input) => Number(aroundAxis(input.shape, axis).n));
    if (!dy) return [];
    return [
      needs(0) ? slice(graph, dy, { axis, start: 0, length: na }) : undefined,
      needs(1) ? slice(graph, dy, { axis, start: na, length: nb }) : undefined,
    ];
  },
  kernel(node, { axis }) {
    const [a, b] = node.inputs.map((input) => aroundAxis(input.shape, axis));
    return { sizes: [sizeOf(...a.outer), sizeOf(a.n), sizeOf(b.n), sizeOf(...a.inner)] };
  },
});

/** outer, n, m, start, inner of m positions within an axis of n. */
function cutSizes(whole: Value, axis: number, start: number, length: number) {
  const { outer, n, inner } = aroundAxis(whole.shape, axis);
  return [sizeOf(...outer), sizeOf(n), sizeOf(length), sizeOf(start), sizeOf(...inner)];
}

/** Copies as many positions along an axis as `extent` has. */
function copyBlocks(
  from: Tensor,
  fromStart: number,
  to: Tensor,
  toStart: number,
  extent: Tensor,
  axis: number,
) {
  const at = extent.shape.length + axis;
  const outer = elementCount(extent.shape.slice(0, at));
  const inner = elementCount(extent.shape.slice(at + 1));
  const block = extent.shape[at] * inner;
  for (let o = 0; o < outer; o++)
    for (let i = 0; i < block; i++)
      to.data[(o * to.shape[at] + toStart) * inner + i] =
        from.data[(o * from.shape[at] + fromStart) * inner + i];
}
