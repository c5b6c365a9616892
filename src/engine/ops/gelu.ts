// GELU in its exact form: x · Φ(x), Φ the normal distribution (PyTorch's default, not the approximation by tanh).

import type { Graph, Node, Value } from "../graph.ts";
import { defineOp } from "../op.ts";
import { sizeOf } from "../shape.ts";

/** x -> x · Φ(x), element by element. */
export function gelu(graph: Graph, x: Value): Value {
  return graph.apply(geluOp, [x], {})[0];
}

export const geluOp = defineOp({
  name: "gelu",
  operands: ["float"],
  mayOverwrite: [0],
  types: ([x]) => [x],
  evaluate([x], [y]) {
    for (let i = 0; i < y.data.length; i++) y.data[i] = x.data[i] * normalDistribution(x.data[i]);
  },
  gradient({ graph, node, gradients: [dy] }) {
    return dy ? [graph.apply(geluGradOp, [node.inputs[0], dy], {})[0]] : [];
  },
  kernel: (node: Node) => ({ sizes: [sizeOf(...node.inputs[0].shape)] }),
});

/** x, dy -> (Φ(x) + x · φ(x)) · dy. */
export const geluGradOp = defineOp({
  name: "geluGrad",
  operands: ["float", "float"],
  mayOverwrite: [0, 1],
  types: ([x]) => [x],
  evaluate([x, dy], [dx]) {
    for (let i = 0; i < dx.data.length; i++) {
      const density = Math.exp(-0.5 * x.data[i] ** 2) / Math.sqrt(2 * Math.PI);
      dx.data[i] = dy.data[i] * (normalDistribution(x.data[i]) + x.data[i] * density);
    }
  },
  kernel: (node: Node) => ({ sizes: [sizeOf(...node.inputs[0].shape)] }),
});

/** Φ(x) in double precision, by the series of erf near 0 and the continued fraction of erfc beyond. */
function normalDistribution(x: number): number {
  const z = Math.abs(x) / Math.SQRT2;
  const tail = z < 2.5 ? (1 - erfSeries(z)) / 2 : erfcFraction(z) / 2;
  return x < 0 ? tail : 1 - tail;
}

/** 2/√π · e^(-z²) · Σ 2ⁿ z^(2n+1) / (1·3·…·(2n+1)). */
function erfSeries(z: number): number {
  let term = z;
  let sum = z;
  for (let n = 1; n < 100 && term > sum * 1e-17; n++) {
    term *= (2 * z * z) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * sum;
}

/** e^(-z²) / √π · 1 / (z + (1/2) / (z + 1 / (z + (3/2) / (z + …)))). */
function erfcFraction(z: number): number {
  let fraction = z;
  for (let n = 60; n >= 1; n--) fraction = z + n / 2 / fraction;
  return Math.exp(-z * z) / Math.sqrt(Math.PI) / fraction;
}
