import { expect, test } from "vitest";
import { signSgdUpdate } from "./sign-sgd.ts";

const settings = { learningRate: 0.5, weightDecay: 0.25 };

test("gradients of equal identifiers are summed before their sign counts; a sum of 0 moves nothing", () => {
  const table = new Float32Array(6);
  // Row 1: 3 - 1 = 2, 2 - 2 = 0; row 2: -0.5, 1e-30. The first slot alone would move row 1 once more.
  signSgdUpdate(table, 2, [1, 2, 1], Float32Array.of(3, 2, -0.5, 1e-30, -1, -2), settings);
  expect(Array.from(table, (x) => x + 0)).toEqual([0, 0, -0.5, 0, 0.5, -0.5]);
});

test("touched rows decay, each once, others keep their values", () => {
  const table = Float32Array.of(8, -8, 8, -8, 8, -8);
  signSgdUpdate(table, 2, [2, 0, 2, 2], new Float32Array(8), settings);
  expect(Array.from(table)).toEqual([7, -7, 8, -8, 7, -7]);
});

test("a step has the size of the rate, whatever the gradient's", () => {
  const table = new Float32Array(2);
  signSgdUpdate(table, 2, [0], Float32Array.of(1e-20, -1e20), { learningRate: 0.01, weightDecay: 0.1 });
  expect(Array.from(table)).toEqual([Math.fround(-0.01), Math.fround(0.01)]);
});
