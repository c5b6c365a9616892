// An attempt as the stages a reader looks at: steps that give the same board are one, with what changed and what is
// wrong by the rules.

import { type Board, formatBoard } from "../tasks/sudoku/rules.ts";
import { type Judgement, judgeAnswer, type SudokuAttempt } from "./solve-sudoku.ts";

/** Steps one after the other that give the same board. */
export interface Stage {
  /** From 1, both included. */
  readonly first: number;
  last: number;
  readonly board: Board;
  /** The board of the stage before, the puzzle at first. */
  readonly before: Board;
  readonly haltLogit: number;
  readonly judgement: Judgement;
}

export function stagesOf({ puzzle, steps }: SudokuAttempt): Stage[] {
  const stages: Stage[] = [];
  for (const [index, { board, haltLogit }] of steps.entries()) {
    const stage = stages[stages.length - 1];
    const step = index + 1;
    if (stage && formatBoard(stage.board) === formatBoard(board)) stage.last = step;
    else {
      const before = stage?.board ?? puzzle;
      stages.push({
        first: step,
        last: step,
        board,
        before,
        haltLogit,
        judgement: judgeAnswer(puzzle, board),
      });
    }
  }
  return stages;
}

/** Cells that differ from the stage before. */
export function changedCells({ board, before }: Stage): number[] {
  return Array.from(board.keys()).filter((cell) => board[cell] !== before[cell]);
}

/** Cells that break a rule or do not keep their given digit. */
export function brokenCells({ conflicts, lostGivens }: Judgement): Set<number> {
  return new Set([...conflicts.flatMap(({ cells }) => cells), ...lostGivens]);
}
