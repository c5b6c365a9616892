// What a model made of a puzzle of any task, for the terminal, with the task's own drawings: question and answer beside
// each other, and the answer after every supervision step. Sudoku, which says more of each cell, is board-trace.ts.

import { haltProbability } from "../../eval/halt-rule.ts";
import type { Attempt } from "../../eval/solve.ts";
import { stagesOf } from "../../eval/solve-stages.ts";
import type { Task } from "../../tasks/task.ts";
import type { Colors } from "./colors.ts";
import { percent } from "./numbers.ts";
import { rowsThatFit, sideBySide } from "./table.ts";

export interface TraceStyle {
  readonly colors: Colors;
  /** Columns of the terminal. */
  readonly width: number;
}

/** A drawing among others. */
export interface Panel {
  readonly drawing: readonly string[];
  /** Lines below the row of drawings. */
  readonly notes: readonly string[];
}

/** What the words below need of an attempt, whatever its steps hold. */
type Course = Pick<Attempt<unknown>, "valid" | "solvedAtStep"> & {
  readonly steps: readonly { readonly haltLogit: number }[];
};

/** Question and answer. */
export function drawTaskAnswer<Puzzle>(task: Task<Puzzle>, { puzzle, answer }: Attempt<Puzzle>): string[] {
  return sideBySide([
    ["puzzle", ...task.draw(puzzle)],
    ["answer", ...task.draw(puzzle, answer)],
  ]);
}

/** In words: whether the answer is right, since when, and how sure the model is. */
export function describeTaskAnswer(attempt: Attempt<unknown>, { colors }: TraceStyle): string[] {
  const { valid, score } = attempt;
  const problem = score.problem ? `: ${score.problem}` : "";
  const verdict = valid ? colors.green("valid by the rules") : colors.red(`not valid${problem}`);
  const measures = Object.entries(score.measures ?? {}).map(([name, value]) => `${name} ${percent(value)}`);
  return [verdict, describeCourse(attempt), ...(measures.length > 0 ? [measures.join(", ")] : [])];
}

/** The puzzle and the answer after each step; steps that change nothing share a line. */
export function drawTaskTrace<Puzzle>(
  task: Task<Puzzle>,
  { puzzle, steps }: Attempt<Puzzle>,
  { colors, width }: TraceStyle,
): string[] {
  const stages = stagesOf(steps, ({ tokens }) => task.draw(puzzle, tokens).join("\n"));
  const panels = stages.map(({ first, last, step }): Panel => {
    const { valid, problem = "not valid" } = task.score(puzzle, step.tokens);
    return {
      drawing: [
        stepTitle(first, step.haltLogit),
        ...task.draw(puzzle, step.tokens),
        valid ? colors.green("solved") : problem,
      ],
      notes: last > first ? [describeStill(first, last, steps)] : [],
    };
  });
  return layOut([{ drawing: ["puzzle", ...task.draw(puzzle)], notes: [] }, ...panels], width);
}

/** Panels in rows, each with its notes below. */
export function layOut(panels: readonly Panel[], width: number): string[] {
  return rowsThatFit(panels, ({ drawing }) => drawing, width).flatMap((row) => [
    ...sideBySide(row.map(({ drawing }) => drawing)),
    ...row.flatMap(({ notes }) => notes),
  ]);
}

export function stepTitle(step: number, haltLogit: number): string {
  return `step ${step}, halt ${percent(haltProbability(haltLogit))}`;
}

/** Since when it is solved, and how sure the model is at the end. */
export function describeCourse({ steps, solvedAtStep, valid }: Course): string {
  const sure = `the model is ${percent(haltProbability(steps[steps.length - 1].haltLogit))} sure of its answer`;
  if (solvedAtStep === undefined)
    return `never solved in ${steps.length === 1 ? "1 step" : `${steps.length} steps`}; ${sure}`;
  return `first solved at step ${solvedAtStep} of ${steps.length}${valid ? "" : ", then lost again"}; ${sure}`;
}

/** What is to be said of the steps after the first of a stage. */
export function describeStill(first: number, last: number, steps: Course["steps"]): string {
  const span = last === first + 1 ? `step ${last}` : `steps ${first + 1}–${last}`;
  const [from, to] = [first, last - 1].map((index) => percent(haltProbability(steps[index].haltLogit)));
  return `${span}: no change, halt ${from === to ? to : `${from} → ${to}`}`;
}
