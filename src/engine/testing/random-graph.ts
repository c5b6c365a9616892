// Graphs that no one would write, from a recipe that fast-check draws and shrinks: most ops over one common shape, with
// states, repeated outputs, outputs that are inputs, views, and the backward pass on top if wanted.

import fc from "fast-check";
import { stream } from "../../base/random/threefry.ts";
import { differentiate } from "../autodiff.ts";
import type { Buffer } from "../executors/executor.ts";
import { Graph, type Value } from "../graph.ts";
import { argmax } from "../ops/accuracy.ts";
import { addRmsNorm } from "../ops/add-rms-norm.ts";
import { attention } from "../ops/attention.ts";
import { concat, pad, slice } from "../ops/axis.ts";
import { crossEntropy } from "../ops/cross-entropy.ts";
import { add, addBroadcast, fillLike, reshape, scale, stopGradient } from "../ops/elementwise.ts";
import { embedding } from "../ops/embedding.ts";
import { linear } from "../ops/linear.ts";
import { mixTokens } from "../ops/mix-tokens.ts";
import { rope } from "../ops/rope.ts";
import { selectRows } from "../ops/select-rows.ts";
import { swiglu } from "../ops/swiglu.ts";
import { pruneGraph } from "../prune.ts";
import { elementCount, hasRows, resolveShape } from "../shape.ts";

export interface Recipe {
  readonly rows: number;
  readonly microBatch: number;
  readonly seed: number;
  /** Positions, features (even), and classes (labels are 0 or 1). */
  readonly L: number;
  readonly D: number;
  readonly V: number;
  /** Op number and its operands, as positions among the values made so far. */
  readonly steps: readonly (readonly [kind: number, a: number, b: number])[];
  readonly outputs: readonly number[];
  /** New values of the two states. */
  readonly updates: readonly [number, number];
  readonly isTrained: boolean;
}

interface Context {
  readonly graph: Graph;
  readonly recipe: Recipe;
  /** A weight of this shape, made when first asked for. */
  weight(name: string, ...shape: number[]): Value;
  readonly flag: Value;
}

/** Each makes [rows, L, D] from values of that shape. */
const STEPS: readonly ((context: Context, a: Value, b: Value) => Value)[] = [
  ({ graph }, a, b) => add(graph, a, b),
  ({ graph }, a) => scale(graph, a, -0.5),
  ({ graph, recipe: { D }, weight }, a) => linear(graph, a, weight("square", D, D)),
  ({ graph, recipe: { L }, weight }, a) => mixTokens(graph, a, weight("mix", L, L)),
  ({ graph }, a, b) => addRmsNorm(graph, a, b, { axis: -1, epsilon: 0.1 }),
  ({ graph }, a, b) => addRmsNorm(graph, a, b, { axis: -2, epsilon: 0.1 }),
  ({ graph, recipe: { D }, weight }, a) =>
    swiglu(graph, linear(graph, a, weight("gateUp", 2 * D, D)), { axis: -1 }),
  ({ graph, recipe: { L }, weight }, a) =>
    swiglu(graph, mixTokens(graph, a, weight("mixGateUp", 2 * L, L)), { axis: -2 }),
  ({ graph, recipe: { L } }, a, b) =>
    slice(graph, concat(graph, a, b, { axis: -2 }), { axis: -2, start: 1, length: L }),
  ({ graph, recipe: { L, D } }, a) =>
    reshape(graph, scale(graph, reshape(graph, a, ["rows", L * D]), 1.5), a.shape),
  ({ graph }, a) => stopGradient(graph, a),
  ({ graph, recipe: { D }, flag, weight }, a) => selectRows(graph, flag, weight("initial", D), a),
  ({ graph, recipe: { L, D }, weight }, a) =>
    rope(graph, a, weight("cos", L, D), weight("sin", L, D), { rotatedHeads: 1 }),
  ({ graph, recipe: { L, D }, weight }, a) => addBroadcast(graph, a, weight("bias", L, D)),
  ({ graph, recipe: { D } }, a) =>
    pad(graph, slice(graph, a, { axis: -1, start: 1, length: D - 1 }), { axis: -1, start: 0, length: D }),
  ({ graph, recipe: { D }, weight }, a) =>
    attention(graph, linear(graph, a, weight("qkv", 3 * D, D)), { heads: 2, mask: "causal" }),
  ({ graph }, a) => fillLike(graph, a, 0.25),
  ({ graph, recipe: { D }, weight }, a) => embedding(graph, argmax(graph, a), weight("table", D, D)),
];
/** The embedding of the largest: the only step where a rounding error can become a large one. */
const JUMP = STEPS.length - 1;

const position = fc.nat({ max: 40 });

export const recipes: fc.Arbitrary<Recipe> = fc.record({
  rows: fc.integer({ min: 1, max: 5 }),
  microBatch: fc.integer({ min: 1, max: 3 }),
  seed: fc.nat({ max: 0xffff }),
  L: fc.integer({ min: 1, max: 4 }),
  D: fc.constantFrom(2, 4, 6),
  V: fc.integer({ min: 2, max: 3 }),
  steps: fc.array(fc.tuple(fc.nat({ max: STEPS.length - 1 }), position, position), { maxLength: 10 }),
  outputs: fc.array(position, { maxLength: 3 }),
  updates: fc.tuple(position, position),
  isTrained: fc.boolean(),
});

/** Recipes whose results change little with rounding. */
export const smoothRecipes = recipes.map((recipe) => ({
  ...recipe,
  steps: recipe.steps.filter(([kind]) => kind !== JUMP),
}));

export function buildRecipe(recipe: Recipe): Graph {
  const { L, D, V } = recipe;
  const graph = new Graph();
  const row = (name: string) => graph.input(name, ["rows", L, D], { storage: "row" });
  const states = [row("state0"), row("state1")];
  const made: Value[] = [row("given"), ...states];
  const weights = new Map<string, Value>();
  const weight = (name: string, ...shape: number[]): Value => {
    const known = weights.get(name) ?? graph.input(name, shape, { storage: "whole" });
    weights.set(name, known);
    return known;
  };
  const flag = graph.input("flag", ["rows"], { storage: "row", dtype: "int" });
  const at = (index: number): Value => made[made.length - 1 - (index % made.length)]; // 0 is the last made
  for (const [kind, a, b] of recipe.steps)
    made.push(STEPS[kind]({ graph, recipe, weight, flag }, at(a), at(b)));

  if (recipe.isTrained) {
    const labels = graph.input("labels", ["rows", L], { storage: "row", dtype: "int" });
    const logits = linear(graph, at(0), weight("head", V, D));
    const loss = crossEntropy(graph, logits, labels, { kind: "stablemax" });
    graph.output("loss", loss);
    const gradients = differentiate(graph, loss, 0.5, [...weights.values(), made[0]]);
    graph.output("gradient.given", gradients.get(made[0]) ?? loss);
  }
  recipe.outputs.forEach((index, i) => {
    graph.output(`out${i}`, detach(graph, at(index), states));
  });
  recipe.updates.forEach((index, i) => {
    graph.update(states[i], detach(graph, at(index), states));
  });
  pruneGraph(graph);
  return graph;
}

/**
 * A value of its own instead of the old value of a state: plans copy such results at the end, when the state may have
 * been overwritten, so models must not ask for them.
 */
function detach(graph: Graph, value: Value, states: readonly Value[]): Value {
  let root = value;
  while (root.producer?.op.view) root = root.producer.inputs[0];
  return states.includes(root) ? scale(graph, value, 1) : value;
}

/** Contents for all inputs of a graph like these: integers are 0 or 1, floats in -1 … 1, sums start from 0. */
export function drawContents(graph: Graph, rows: number, seed: number): Record<string, Buffer> {
  return Object.fromEntries(
    graph.inputs.map(({ name, shape, dtype, storage }) => {
      const random = stream(seed, name);
      const length = elementCount(resolveShape(shape, { rows, tokens: 0 }));
      if (dtype === "int") return [name, Int32Array.from({ length }, () => random.below(2))];
      const isSum = storage === "lane" && !hasRows(shape);
      return [name, Float32Array.from({ length }, () => (isSum ? 0 : 2 * random.uniform() - 1))];
    }),
  );
}
