// What `whorl solve` does differently for each kind of puzzle: how puzzles are read, looked at and shown. Sudoku has
// most to say of an answer; any other task is drawn and judged by its own functions.

import { ToolError } from "../base/errors.ts";
import type { Attempt } from "../eval/solve.ts";
import { sudokuAttemptOf } from "../eval/solve-sudoku.ts";
import type { Maze } from "../tasks/maze/rules.ts";
import { mazeTask } from "../tasks/maze/task.ts";
import type { SudokuPuzzle } from "../tasks/sudoku/dataset.ts";
import { type Board, type SudokuSize, sizeOf } from "../tasks/sudoku/rules.ts";
import { judgeSolutions } from "../tasks/sudoku/solve.ts";
import { sudokuTask } from "../tasks/sudoku/task.ts";
import type { Task } from "../tasks/task.ts";
import { boardReader } from "./read-boards.ts";
import { readPuzzles, type Sourced } from "./read-puzzles.ts";
import { taskReader } from "./read-task-puzzles.ts";
import { drawTraceSvg } from "./render/board-svg.ts";
import { describeAnswer, drawAnswer, drawTrace } from "./render/board-trace.ts";
import { describeTaskAnswer, drawTaskAnswer, drawTaskTrace, type TraceStyle } from "./render/trace.ts";

export interface PuzzleKind<Puzzle> {
  readonly task: Task<Puzzle>;
  /** The puzzles that the words of a command line name. */
  read(words: readonly string[]): Promise<Sourced<Puzzle>[]>;
  /** Warns when a puzzle is not a proper one (it is tried all the same); returns what `--json` adds about it. */
  inspect(sourced: Sourced<Puzzle>, warn: (text: string) => void): Record<string, unknown>;
  /** Lines for a terminal: the answer or, with `trace`, the way to it. */
  show(attempt: Attempt<Puzzle>, style: TraceStyle, trace: boolean): string[];
  /** The way to an answer as an SVG document; absent where there is no such drawing. */
  drawSvg?(attempt: Attempt<Puzzle>): string;
}

export function sudokuKind(size: SudokuSize): PuzzleKind<SudokuPuzzle> {
  return {
    task: sudokuTask(size),
    async read(words) {
      const boards = await readPuzzles(words, boardReader(size));
      return boards.map(({ puzzle, where }) => ({ puzzle: unsolved(puzzle), where }));
    },
    inspect(sourced, warn) {
      const solutions = judgeSolutions(sourced.puzzle.question);
      if (solutions !== 1) warn(improperPuzzle(solutions, sourced.where));
      return { solutions };
    },
    show(attempt, style, trace) {
      const boards = sudokuAttemptOf(attempt);
      return [
        ...(trace ? drawTrace(boards, style) : drawAnswer(boards, style)),
        ...describeAnswer(boards, style),
      ];
    },
    drawSvg: (attempt) => drawTraceSvg(sudokuAttemptOf(attempt)),
  };
}

/** A puzzle whose answer nobody has told. */
export function unsolved(question: Board): SudokuPuzzle {
  return { source: "", question, answer: new Uint8Array(sizeOf(question) ** 2), rating: 0 };
}

export function mazeKind(size: number): PuzzleKind<Maze> {
  const kind = taskKind(mazeTask(size), "data.task");
  return {
    ...kind,
    async read(words) {
      const mazes = await kind.read(words);
      for (const { puzzle, where } of mazes)
        if (puzzle.size !== size) throw otherSize(puzzle.size, size, where);
      return mazes;
    },
  };
}

/** @param where the key of the configuration that names the task, for errors */
export function taskKind<Puzzle>(task: Task<Puzzle>, where: string): PuzzleKind<Puzzle> {
  return {
    task,
    read: (words) => readPuzzles(words, taskReader(task, where)),
    inspect: () => ({}),
    show: (attempt, style, trace) => [
      ...(trace ? drawTaskTrace(task, attempt, style) : drawTaskAnswer(task, attempt)),
      ...describeTaskAnswer(attempt, style),
    ],
  };
}

function improperPuzzle(solutions: 0 | "several" | "unknown", where: string | undefined): string {
  const said = {
    0: "the puzzle has no solution",
    several: "the puzzle has several solutions",
    unknown: "the puzzle may have no solution, or several: the search was given up",
  }[solutions];
  return `warning: ${where === undefined ? said : `${said} — ${where}`}`;
}

function otherSize(found: number, size: number, where: string | undefined): ToolError {
  return new ToolError(`the maze is ${found} × ${found}, the model solves ${size} × ${size}`, {
    code: "solve/size",
    where,
    hint: `take a model trained on ${found} × ${found}, or a maze of ${size * size} cells`,
  });
}
