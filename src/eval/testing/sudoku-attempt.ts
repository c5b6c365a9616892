// Attempts at Sudoku made from boards, for tests that have no model.

import { encodeBoard } from "../../tasks/sudoku/encode.ts";
import { type Board, sizeOf } from "../../tasks/sudoku/rules.ts";
import { sudokuTask } from "../../tasks/sudoku/task.ts";
import { attemptOf } from "../solve.ts";
import { type BoardStep, type SudokuAttempt, sudokuAttemptOf } from "../solve-sudoku.ts";

export function attemptAt(question: Board, steps: readonly BoardStep[]): SudokuAttempt {
  const puzzle = { source: "", question, answer: new Uint8Array(question.length), rating: 0 };
  const tokens = steps.map(({ board, haltLogit }) => ({ tokens: encodeBoard(board), haltLogit }));
  return sudokuAttemptOf(attemptOf(sudokuTask(sizeOf(question)), puzzle, tokens));
}
