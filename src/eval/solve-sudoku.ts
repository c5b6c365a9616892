// An attempt at a Sudoku (solve.ts) as boards instead of tokens, with what is wrong in each cell: for drawing. Whether
// a puzzle has a solution is the exact solver's question (tasks/sudoku/solve.ts).

import type { SudokuPuzzle } from "../tasks/sudoku/dataset.ts";
import { decodePrediction } from "../tasks/sudoku/encode.ts";
import { type Judgement, judgeAnswer } from "../tasks/sudoku/judge.ts";
import { type Board, formatBoard } from "../tasks/sudoku/rules.ts";
import type { Attempt } from "./solve.ts";
import { stagesOf } from "./solve-stages.ts";

export interface BoardStep {
  /** What the model answers; empty where it predicts no digit. */
  readonly board: Board;
  readonly haltLogit: number;
}

export interface SudokuAttempt {
  readonly puzzle: Board;
  /** One for each supervision step, at least one. */
  readonly steps: readonly BoardStep[];
  /** The answer after the last of them. */
  readonly answer: Board;
  /** Complete, no rule broken, givens kept. */
  readonly valid: boolean;
  /** The first step, from 1, whose answer is valid. */
  readonly solvedAtStep: number | undefined;
}

/** Steps one after the other that give the same board. */
export interface BoardStage {
  /** From 1, both included. */
  readonly first: number;
  readonly last: number;
  readonly board: Board;
  /** The board of the stage before, the puzzle at first. */
  readonly before: Board;
  /** After the first of the steps. */
  readonly haltLogit: number;
  readonly judgement: Judgement;
}

export function sudokuAttemptOf(attempt: Attempt<SudokuPuzzle>): SudokuAttempt {
  const { puzzle, steps, answer, valid, solvedAtStep } = attempt;
  return {
    puzzle: puzzle.question,
    steps: steps.map(({ tokens, haltLogit }) => ({ board: decodePrediction(tokens), haltLogit })),
    answer: decodePrediction(answer),
    valid,
    solvedAtStep,
  };
}

export function boardStagesOf({ puzzle, steps }: SudokuAttempt): BoardStage[] {
  return stagesOf(steps, ({ board }) => formatBoard(board)).map(({ first, last, step, before }) => ({
    first,
    last,
    board: step.board,
    before: before?.board ?? puzzle,
    haltLogit: step.haltLogit,
    judgement: judgeAnswer(puzzle, step.board),
  }));
}

/** Cells that differ from the stage before. */
export function changedCells({ board, before }: BoardStage): number[] {
  return Array.from(board.keys()).filter((cell) => board[cell] !== before[cell]);
}
