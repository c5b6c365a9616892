// AdamATan2 or AdamW, and the moving average of the weights, as one program over all weights: sum the gradient lanes,
// update, average. A row of the program is one weight.

import type { Executor } from "../engine/executors/executor.ts";
import { Graph } from "../engine/graph.ts";
import { add } from "../engine/ops/elementwise.ts";
import { adamAtan2, adamW, ema } from "../engine/ops/update.ts";

export interface AdamSettings {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
  /** AdamW only: added to the root of the second moment; default 1e-8. */
  readonly epsilon?: number;
  /** AdamW only: gradients whose norm over all weights is larger are scaled down to it. */
  readonly clipNorm?: number;
}

/** Published: AdamATan2. */
export type AdamRule = "adam-atan2" | "adamw";

export interface AdamOptions {
  readonly rule?: AdamRule;
  /** Rate of the moving average; none without. */
  readonly emaRate?: number;
}

/** Flat arrays of equal length. */
export interface AdamState {
  readonly weights: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** The averaged weights, if any are kept. */
  readonly average?: Float32Array;
}

export interface Adam {
  /** One update; `t` counts updates from 1. */
  update(state: AdamState, gradientLanes: Float32Array, t: number, settings: AdamSettings): Promise<void>;
}

/** Weights a piece of work has: small enough for a core's cache, large enough to be worth handing out. */
const PIECE = 16384;

export function makeAdam(
  executor: Executor,
  length: number,
  { rule = "adam-atan2", emaRate }: AdamOptions = {},
): Adam {
  const { lanes } = executor.description;
  const program = executor.compile(updateGraph(rule, lanes, emaRate !== undefined), { microBatch: PIECE });
  const hyper = new Float32Array(8);
  const rate = Float32Array.of(emaRate ?? 0);
  return {
    async update(state, gradientLanes, t, settings) {
      const { learningRate, weightDecay, beta1, beta2, epsilon = 1e-8, clipNorm } = settings;
      const norm = clipNorm === undefined ? 0 : gradientNorm(gradientLanes, length);
      const factor = clipNorm !== undefined && norm > clipNorm ? clipNorm / norm : 1;
      hyper.set([learningRate, weightDecay, beta1, beta2, 1 - beta1 ** t, Math.sqrt(1 - beta2 ** t)]);
      hyper.set([epsilon, factor], 6);
      const gradients = Array.from({ length: lanes }, (_, lane) => [
        `grad.${lane}`,
        gradientLanes.subarray(lane * length, (lane + 1) * length),
      ]);
      const bindings = {
        weights: state.weights,
        firstMoment: state.firstMoment,
        secondMoment: state.secondMoment,
        hyper,
        ...(state.average ? { average: state.average, rate } : {}),
        ...Object.fromEntries(gradients),
      };
      await program.run(bindings, { rows: length });
    },
  };
}

/** Euclidean norm of the sum of the lanes. */
function gradientNorm(lanes: Float32Array, length: number): number {
  let squares = 0;
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (let at = i; at < lanes.length; at += length) sum += lanes[at];
    squares += sum * sum;
  }
  return Math.sqrt(squares);
}

function updateGraph(rule: AdamRule, lanes: number, averages: boolean): Graph {
  const graph = new Graph();
  const row = (name: string) => graph.input(name, ["rows"], { storage: "row", dtype: "float32" });
  let gradient = row("grad.0");
  for (let lane = 1; lane < lanes; lane++) gradient = add(graph, gradient, row(`grad.${lane}`));
  const before = { p: row("weights"), m: row("firstMoment"), v: row("secondMoment") };
  const hyper = graph.input("hyper", [8], { storage: "whole" });
  const after = (rule === "adamw" ? adamW : adamAtan2)(graph, before, gradient, hyper);
  graph.update(before.p, after.p);
  graph.update(before.m, after.m);
  graph.update(before.v, after.v);
  if (averages) {
    const shadow = row("average");
    graph.update(shadow, ema(graph, shadow, after.p, graph.input("rate", [1], { storage: "whole" })));
  }
  return graph;
}
