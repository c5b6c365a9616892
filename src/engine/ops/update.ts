// Parameter updates as ops, element by element: AdamATan2, AdamW and the moving average of weights. In an update graph a
// "row" is one parameter entry, so that the executors cut the work into pieces as they do with examples.

import type { Graph, Value } from "../graph.ts";
import { defineOp } from "../op.ts";
import { sizeOf } from "../shape.ts";

/** Entries of the `hyper` input of adamAtan2, in this order. */
export const ADAM_ATAN2_HYPER = [
  "learningRate",
  "weightDecay",
  "beta1",
  "beta2",
  "oneMinusBeta1PowT",
  "sqrtOneMinusBeta2PowT",
] as const;

/**
 * AdamATan2 (package adam-atan2 0.0.3; spec/trm.md 8.2): decoupled decay, moments, then a step of
 * lr / (1 - β1ᵗ) · atan2(m, √v / √(1 - β2ᵗ)). All of p, g, m, v are [rows]; `hyper` is [8].
 */
export function adamAtan2(
  graph: Graph,
  state: { p: Value; m: Value; v: Value },
  g: Value,
  hyper: Value,
): { p: Value; m: Value; v: Value } {
  const [p, m, v] = graph.apply(adamAtan2Op, [state.p, g, state.m, state.v, hyper], {});
  return { p, m, v };
}

/**
 * AdamW (Loshchilov and Hutter, arXiv 1711.05101; as torch.optim.AdamW): decoupled decay, moments of `factor` · g, then a step of
 * lr / (1 - β1ᵗ) · m / (√v / √(1 - β2ᵗ) + ε). `hyper` is that of adamAtan2 with ε and the factor as entries 6 and 7.
 */
export function adamW(
  graph: Graph,
  state: { p: Value; m: Value; v: Value },
  g: Value,
  hyper: Value,
): { p: Value; m: Value; v: Value } {
  const [p, m, v] = graph.apply(adamWOp, [state.p, g, state.m, state.v, hyper], {});
  return { p, m, v };
}

/** shadow ← rate · shadow + (1 - rate) · p; shadow and p [rows], rate [1]. */
export function ema(graph: Graph, shadow: Value, p: Value, rate: Value): Value {
  return graph.apply(emaOp, [shadow, p, rate], {})[0];
}

export const adamAtan2Op = defineOp({
  name: "adamAtan2",
  operands: ["float32", "float32", "float32", "float32", "float32"],
  inPlace: [0, 2, 3],
  types: ([p, , m, v]) => [p, m, v],
  evaluate([, g, , , hyper], [p, m, v]) {
    const [lr, decay, beta1, beta2, correction1, rootCorrection2] = hyper.data;
    for (let i = 0; i < p.data.length; i++) {
      const gradient = g.data[i];
      const m1 = m.data[i] + (1 - beta1) * (gradient - m.data[i]);
      const v1 = v.data[i] + (1 - beta2) * (gradient * gradient - v.data[i]);
      m.data[i] = m1;
      v.data[i] = v1;
      p.data[i] =
        p.data[i] * (1 - lr * decay) - (lr / correction1) * Math.atan2(m1, Math.sqrt(v1) / rootCorrection2);
    }
  },
  kernel: (node) => ({ sizes: [sizeOf(...node.inputs[0].shape)] }),
});

export const adamWOp = defineOp({
  name: "adamW",
  operands: ["float32", "float32", "float32", "float32", "float32"],
  inPlace: [0, 2, 3],
  types: ([p, , m, v]) => [p, m, v],
  evaluate([, g, , , hyper], [p, m, v]) {
    const [lr, decay, beta1, beta2, correction1, rootCorrection2, epsilon, factor] = hyper.data;
    for (let i = 0; i < p.data.length; i++) {
      const gradient = factor * g.data[i];
      const m1 = m.data[i] + (1 - beta1) * (gradient - m.data[i]);
      const v1 = v.data[i] + (1 - beta2) * (gradient * gradient - v.data[i]);
      m.data[i] = m1;
      v.data[i] = v1;
      const slope = m1 / (Math.sqrt(v1) / rootCorrection2 + epsilon);
      p.data[i] = p.data[i] * (1 - lr * decay) - (lr / correction1) * slope;
    }
  },
  kernel: (node) => ({ sizes: [sizeOf(...node.inputs[0].shape)] }),
});

export const emaOp = defineOp({
  name: "ema",
  operands: ["float32", "float32", "float32"],
  inPlace: [0],
  types: ([shadow]) => [shadow],
  evaluate([, p, rate], [shadow]) {
    const keep = rate.data[0];
    for (let i = 0; i < p.data.length; i++) shadow.data[i] = keep * shadow.data[i] + (1 - keep) * p.data[i];
  },
  kernel: (node) => ({ sizes: [sizeOf(...node.inputs[0].shape)] }),
});
