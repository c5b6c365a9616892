// ARC tasks for the terminal: all pairs of a task, and what augmentations make of one of them.

import { makeRandomState } from "../../base/random/mt19937.ts";
import { applyAugmentation, drawAugmentation, formatIdentifier } from "../../tasks/arc/augment.ts";
import { type DrawGridOptions, drawPair } from "../../tasks/arc/draw.ts";
import type { Grid } from "../../tasks/arc/grid.ts";
import type { ArcTask, ArcTest } from "../../tasks/arc/read.ts";
import type { Colors } from "./colors.ts";
import { rowsThatFit, sideBySide } from "./table.ts";

const SHOWN_AUGMENTATIONS = 2;

/** How grids are drawn: blocks where there are colours, as fine as the terminal has them. */
export function gridStyle({ isColorSupported }: Colors): DrawGridOptions {
  const trueColor = /truecolor|24bit/.test(process.env.COLORTERM ?? "");
  return { colors: isColorSupported, trueColor };
}

/** The pairs of a task, then the first one in two augmentations. */
export function drawArcTask(task: ArcTask, colors: Colors, width: number): string[] {
  const { id, train, test } = task;
  const titled = (name: string) => (pair: ArcTest, i: number) =>
    drawTitledPair(`${name} ${i + 1}`, pair, colors);
  const random = makeRandomState(0);
  const augmentations = Array.from({ length: SHOWN_AUGMENTATIONS }, () => {
    const change = drawAugmentation(random);
    const pair = {
      input: applyAugmentation(change, train[0].input),
      output: applyAugmentation(change, train[0].output),
    };
    return drawTitledPair(formatIdentifier(id, change), pair, colors);
  });
  return [
    `task ${id}: ${count(train.length, "train pair")}, ${count(test.length, "test input")}`,
    "",
    ...layOutBlocks([...train.map(titled("train")), ...test.map(titled("test"))], width),
    "",
    ...layOutBlocks(augmentations, width),
  ];
}

export function drawTitledPair(title: string, pair: ArcTest, colors: Colors): string[] {
  const { input, output } = pair;
  const sizes = `${sizeText(input)} → ${output ? sizeText(output) : "?"}`;
  return [`${title}  ${sizes}`, ...drawPair(pair, gridStyle(colors))];
}

/** Blocks in rows as long as fit, an empty line between the rows. */
export function layOutBlocks(blocks: readonly (readonly string[])[], width: number): string[] {
  return rowsThatFit(blocks, (block) => block, width).flatMap((row, i) => [
    ...(i > 0 ? [""] : []),
    ...sideBySide(row),
  ]);
}

function sizeText({ rows, cols }: Grid): string {
  return `${rows}×${cols}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
