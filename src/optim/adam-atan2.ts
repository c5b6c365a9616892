// AdamATan2 and the moving average of the weights as one program over all weights: sum the gradient lanes, update,
// average. A row of the program is one weight.

import type { Executor } from "../engine/executors/executor.ts";
import { Graph } from "../engine/graph.ts";
import { add } from "../engine/ops/elementwise.ts";
import { adamAtan2, ema } from "../engine/ops/update.ts";

export interface AdamAtan2Settings {
  readonly learningRate: number;
  readonly weightDecay: number;
  readonly beta1: number;
  readonly beta2: number;
}

/** Flat arrays of equal length. */
export interface AdamAtan2State {
  readonly weights: Float32Array;
  readonly firstMoment: Float32Array;
  readonly secondMoment: Float32Array;
  /** The averaged weights, if any are kept. */
  readonly average?: Float32Array;
}

export interface AdamAtan2 {
  /** One update; `t` counts updates from 1. */
  update(
    state: AdamAtan2State,
    gradientLanes: Float32Array,
    t: number,
    settings: AdamAtan2Settings,
  ): Promise<void>;
}

/** Weights a piece of work has: small enough for a core's cache, large enough to be worth handing out. */
const PIECE = 16384;

/** @param emaRate rate of the moving average, or undefined for none */
export function makeAdamAtan2(executor: Executor, length: number, emaRate: number | undefined): AdamAtan2 {
  const { lanes } = executor.description;
  const program = executor.compile(updateGraph(lanes, emaRate !== undefined), { microBatch: PIECE });
  const hyper = new Float32Array(8);
  const rate = Float32Array.of(emaRate ?? 0);
  return {
    async update(state, gradientLanes, t, { learningRate, weightDecay, beta1, beta2 }) {
      hyper.set([learningRate, weightDecay, beta1, beta2, 1 - beta1 ** t, Math.sqrt(1 - beta2 ** t)]);
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

function updateGraph(lanes: number, averages: boolean): Graph {
  const graph = new Graph();
  const row = (name: string) => graph.input(name, ["rows"], { storage: "row", dtype: "float32" });
  let gradient = row("grad.0");
  for (let lane = 1; lane < lanes; lane++) gradient = add(graph, gradient, row(`grad.${lane}`));
  const before = { p: row("weights"), m: row("firstMoment"), v: row("secondMoment") };
  const hyper = graph.input("hyper", [8], { storage: "whole" });
  const after = adamAtan2(graph, before, gradient, hyper);
  graph.update(before.p, after.p);
  graph.update(before.m, after.m);
  graph.update(before.v, after.v);
  if (averages) {
    const shadow = row("average");
    graph.update(shadow, ema(graph, shadow, after.p, graph.input("rate", [1], { storage: "whole" })));
  }
  return graph;
}
