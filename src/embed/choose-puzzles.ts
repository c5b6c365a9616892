// What a page offers to try: puzzles made up at export, or for ARC the tasks that the model knows. Of a puzzle table the
// page gets the rows of the tasks as they are; those of their augmentations, a thousand times as many, serve only votes.

import { ToolError } from "../base/errors.ts";
import { logWarning } from "../base/log.ts";
import { makeModel } from "../models/index.ts";
import type { OpenedModel } from "../runs/open-model.ts";
import type { ArcData } from "../tasks/arc/config.ts";
import { type Grid, gridToJson } from "../tasks/arc/grid.ts";
import { buildFrom } from "../tasks/arc/load.ts";
import { generateMaze } from "../tasks/maze/generate.ts";
import { formatMaze } from "../tasks/maze/rules.ts";
import { generateSet } from "../tasks/sudoku/generate.ts";
import { formatBoard, type SudokuSize } from "../tasks/sudoku/rules.ts";
import type { ModelCard, PageExample } from "./model-card.ts";

export interface ChosenPuzzles extends Pick<ModelCard, "tasks" | "examples"> {
  /** The model, perhaps with fewer puzzle vectors. */
  readonly model: OpenedModel;
}

const EXAMPLES = 8;
/** Not the seed of any preset: the examples are none of the puzzles that the model was trained on, but by chance. */
const SEED = 20_26;
const USUAL_CLUES: Readonly<Record<SudokuSize, number>> = { 4: 6, 6: 12, 9: 30 };
/** Numbers in a table whose tasks are not known. */
const LARGEST_TABLE = 2 ** 23;

export function choosePuzzles(model: OpenedModel): ChosenPuzzles {
  const { data } = model.config;
  if (data.task === "arc") return chooseTasks(model, data);
  const examples: PageExample[] = [];
  if (data.task === "sudoku") {
    const clues = data.generate?.clues ?? USUAL_CLUES[data.size];
    for (const { question } of generateSet({ size: data.size, clues, seed: SEED, count: EXAMPLES }))
      examples.push({ puzzle: formatBoard(question) });
  }
  if (data.task === "maze") {
    const settings = { size: data.size, minPath: data.generate?.minPath ?? null, seed: SEED };
    for (let index = 0; index < EXAMPLES; index++)
      examples.push({ puzzle: formatMaze(generateMaze(settings, index)) });
  }
  return { model, tasks: [], examples };
}

/** Rows of the table: the blank one, then the tasks in the order of their identifiers. */
function chooseTasks(opened: OpenedModel, data: ArcData): ChosenPuzzles {
  const { model, weights } = opened;
  const known = knownTasks(opened, data);
  if (!known) {
    if (weights.table.length <= LARGEST_TABLE) return { model: opened, tasks: [], examples: [] };
    throw new ToolError(
      "the tasks of this model are not known, and its puzzle table is too large for a page",
      {
        code: "web/no-tasks",
        where: `${model.shape.numPuzzleIdentifiers} identifiers`,
        hint: "put the data set of the run in its place (data.from, WHORL_DATA) and export again",
      },
    );
  }
  const size = model.puzzleVectorSize;
  const rows = [0, ...known.map(({ identifier }) => identifier)];
  const table = new Float32Array(rows.length * size);
  rows.forEach((row, i) => {
    table.set(weights.table.subarray(row * size, (row + 1) * size), i * size);
  });
  const shape = { ...model.shape, numPuzzleIdentifiers: rows.length };
  return {
    model: { ...opened, model: makeModel(opened.config.model, shape), weights: { ...weights, table } },
    tasks: known.map(({ name }, i) => ({ name, identifier: i + 1 })),
    examples: known.map(({ input }, i) => ({ puzzle: textOf(input), identifier: i + 1 })),
  };
}

/** Undefined when the data set is not here, or not the one that the model was trained with. */
function knownTasks({ model }: OpenedModel, data: ArcData) {
  if (data.folder !== null) return undefined;
  try {
    const build = buildFrom(data);
    if (build.identifierCount === model.shape.numPuzzleIdentifiers)
      return build.tasks.map(({ id, test }) => ({
        name: id,
        identifier: build.identifierOf(id) ?? 0,
        input: test[0].input,
      }));
    logWarning(
      `the data set has ${build.identifierCount} identifiers, the model ${model.shape.numPuzzleIdentifiers}: the page names no tasks`,
    );
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    logWarning(`the page names no tasks: ${error.format()}`);
  }
  return undefined;
}

/** A line a row of digits. */
function textOf(grid: Grid): string {
  return gridToJson(grid)
    .map((row) => row.join(""))
    .join("\n");
}
