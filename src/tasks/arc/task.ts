// ARC as a task: one pair of grids, in the form that all families share. What makes ARC special is around it: a puzzle
// vector for every task and augmentation (build.ts), and votes over augmented views (vote.ts).

import type { Task } from "../task.ts";
import { applyAugmentation, drawAugmentation } from "./augment.ts";
import { cropGrid } from "./crop.ts";
import { differsFrom, drawGrid } from "./draw.ts";
import { ARC_VOCABULARY, encodeGrid } from "./encode.ts";
import { gridsEqual, gridToJson } from "./grid.ts";
import type { ArcTest } from "./read.ts";

/** A pair with the row of the puzzle table that stands for its task. */
export interface ArcExample extends ArcTest {
  readonly identifier: number;
}

const CORNER = { row: 0, column: 0 };
const NOT_SUPERVISED = -100;

/**
 * @param side rows and columns of the canvas
 * @param colors draw coloured blocks instead of digits
 */
export function arcTask<Example extends ArcExample>(side: number, colors = false): Task<Example> {
  return {
    family: "arc",
    title: `arc ${side}×${side}`,
    seqLen: side * side,
    vocabSize: ARC_VOCABULARY,
    encode({ input, output }, inputs, labels) {
      encodeGrid(input, CORNER, side, inputs);
      if (!output) labels.fill(NOT_SUPERVISED);
      else encodeGrid(output, CORNER, side, labels);
      labels.forEach((token, cell) => {
        if (token === 0) labels[cell] = NOT_SUPERVISED;
      });
    },
    augment(pair, random) {
      const change = drawAugmentation({
        randint: (low, high) => low + random.below(high - low),
        permutation: random.permutation,
      });
      const output = pair.output && applyAugmentation(change, pair.output);
      return { ...pair, input: applyAugmentation(change, pair.input), output };
    },
    score({ output }, tokens) {
      if (!output) return { valid: false, problem: "nobody knows the output" };
      const answer = cropGrid(tokens, side);
      if (gridsEqual(answer, output)) return { valid: true };
      const sizes = `${answer.rows}×${answer.cols}, not ${output.rows}×${output.cols}`;
      const isOtherSize = answer.rows !== output.rows || answer.cols !== output.cols;
      const wrong = [...answer.cells.keys()].filter(differsFrom(output, answer)).length;
      return {
        valid: false,
        problem: isOtherSize ? sizes : `${wrong} wrong ${wrong === 1 ? "cell" : "cells"}`,
      };
    },
    draw({ input, output }, tokens) {
      if (!tokens) return drawGrid(input, { colors });
      const answer = cropGrid(tokens, side);
      return drawGrid(answer, { colors, isMarked: output && differsFrom(output, answer) });
    },
    identifier: ({ identifier }) => identifier,
    format: (tokens) => JSON.stringify(gridToJson(cropGrid(tokens, side))),
  };
}
