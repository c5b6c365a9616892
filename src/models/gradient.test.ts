// The training graphs' gradients of every architecture and ablation against central differences in float64, for every
// weight and the puzzle vectors. What a model takes as a constant (earlier calls, the continue logit's target) is held at
// its value while weights move: the differences are of the loss that the gradient is meant to be of.

import { expect, test } from "vitest";
import { invariant } from "../base/errors.ts";
import { stream } from "../base/random/threefry.ts";
import type { Buffer } from "../engine/executors/executor.ts";
import { makeReferenceExecutor } from "../engine/executors/reference/reference.ts";
import { Graph, type Node, type Value } from "../engine/graph.ts";
import { continueTargetOp } from "../engine/ops/continue-target.ts";
import { stopGradientOp } from "../engine/ops/elementwise.ts";
import { pruneGraph } from "../engine/prune.ts";
import { runGraph } from "../engine/testing/sample.ts";
import type { RecursiveModel } from "./model.ts";
import { TINY_MODELS } from "./testing/tiny-models.ts";
import { bufferOf, drawContents } from "./testing/tiny-trm.ts";

const ROWS = 2;
const LOSS_SCALE = 1 / 7;
/** Balances the third derivative (step²) and cancellation (1e-16 / step). */
const STEP = 1e-5;
const LOSSES = ["lm_loss", "q_halt_loss", "q_continue_loss"];
const executor = makeReferenceExecutor("float64");

const trainingGraph = (model: RecursiveModel) => model.trainingGraph({ lossScale: LOSS_SCALE, trace: true });
const isConstant = ({ op }: Node) => op.name === stopGradientOp.name || op.name === continueTargetOp.name;

/** Weights large enough for every path to matter: biases and gains are not drawn otherwise. */
function draw(model: RecursiveModel): Record<string, Buffer> {
  const contents = drawContents(model, trainingGraph(model), ROWS);
  const weights = model.parameters.map(({ name }): [string, Buffer] => {
    const random = stream(5, name);
    return [name, bufferOf(contents, name).map((x) => x + random.truncatedNormal(0.3))];
  });
  return { ...contents, ...Object.fromEntries(weights) };
}

/** The losses as a graph whose constants are inputs `held0` …, and their values for the given contents. */
async function holdConstants(model: RecursiveModel, contents: Record<string, Buffer>) {
  const whole = trainingGraph(model);
  const constants = whole.nodes.filter(isConstant).map(({ outputs }) => outputs[0]);
  constants.forEach((value, i) => {
    whole.output(`held${i}`, value);
  });
  const found = await runGraph(executor, whole, contents, ROWS);

  const graph = new Graph();
  const copies = new Map<Value, Value>();
  const copyOf = (value: Value) => {
    const copy = copies.get(value);
    invariant(copy !== undefined, `no copy of ${value.name}`);
    return copy;
  };
  for (const { name, shape, dtype, storage = "row" } of whole.inputs)
    copies.set(
      whole.inputs.find((input) => input.name === name) as Value,
      graph.input(name, shape, { storage, dtype }),
    );
  for (const node of whole.nodes) {
    const held = constants.indexOf(node.outputs[0]);
    const results =
      held >= 0
        ? [
            graph.input(`held${held}`, node.outputs[0].shape, {
              storage: "row",
              dtype: node.outputs[0].dtype,
            }),
          ]
        : graph.apply(node.op, node.inputs.map(copyOf), node.attributes);
    node.outputs.forEach((output, i) => {
      copies.set(output, results[i]);
    });
  }
  for (const name of LOSSES) {
    const value = whole.outputs.get(name);
    if (value) graph.output(name, copyOf(value));
  }
  pruneGraph(graph);
  return { graph, found };
}

test.each(TINY_MODELS)("gradients of %s are slopes of the loss", async (title, model) => {
  const drawn = draw(model);
  const { graph, found } = await holdConstants(model, drawn);
  const contents = { ...found, ...drawn };
  const weights = "loss_weight" in drawn ? bufferOf(drawn, "loss_weight") : new Float64Array(ROWS).fill(1);
  const lossOf = async (name: string, moved: Buffer): Promise<number> => {
    const { lm_loss, q_halt_loss, q_continue_loss } = await runGraph(
      executor,
      graph,
      { ...contents, [name]: moved },
      ROWS,
    );
    const losses = Array.from(lm_loss, (lm, r) => lm + 0.5 * (q_halt_loss[r] + (q_continue_loss?.[r] ?? 0)));
    return LOSS_SCALE * losses.reduce((sum, loss, row) => sum + weights[row] * loss, 0);
  };
  const names = model.parameters.map(({ name }) => name).filter((name) => `grad.${name}` in found);
  // Scratch tokens that only passes without gradient see stay as they are drawn.
  const untrained = model.parameters.filter(({ name }) => !names.includes(name)).map(({ name }) => name);
  expect(untrained).toEqual(/ graded reasoning pass/.test(title) ? ["z_init"] : []);
  for (const name of model.puzzleVectorSize > 0 ? [...names, "puzzle_rows"] : names) {
    const gradient = bufferOf(found, `grad.${name}`);
    const numbers = bufferOf(contents, name);
    const sizes = Array.from(gradient, Math.abs);
    const largest = sizes.indexOf(Math.max(...sizes));
    expect(sizes[largest], name).toBeGreaterThan(1e-7);
    for (const at of [largest, stream(3, name).below(numbers.length)]) {
      const slopeOver = async (step: number) => {
        const [up, down] = [numbers.slice(), numbers.slice()];
        up[at] += step;
        down[at] -= step;
        return ((await lossOf(name, up)) - (await lossOf(name, down))) / (2 * step);
      };
      const difference = Math.abs(gradient[at] - (await slopeOver(STEP)));
      expect(difference, `${name}[${at}]`).toBeLessThan(1e-6 * sizes[largest] + 1e-10);
    }
  }
});
