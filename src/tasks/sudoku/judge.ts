// What is wrong with an answer to a Sudoku, by the rules: cell by cell, and in a few words.

import { type Board, type Conflict, conflicts, describeConflict, sizeOf } from "./rules.ts";

/** What is wrong with an answer; nothing in a valid one. */
export interface Judgement {
  /** Cells without a digit. */
  readonly empty: readonly number[];
  readonly conflicts: readonly Conflict[];
  /** Cells whose given digit the answer does not keep. */
  readonly lostGivens: readonly number[];
}

export function judgeAnswer(puzzle: Board, answer: Board): Judgement {
  const cells = Array.from(puzzle.keys());
  return {
    empty: cells.filter((cell) => answer[cell] === 0),
    conflicts: conflicts(answer),
    lostGivens: cells.filter((cell) => puzzle[cell] !== 0 && answer[cell] !== puzzle[cell]),
  };
}

export function isValid({ empty, conflicts, lostGivens }: Judgement): boolean {
  return empty.length === 0 && conflicts.length === 0 && lostGivens.length === 0;
}

/** Cells that break a rule or do not keep their given digit. */
export function brokenCells({ conflicts, lostGivens }: Judgement): Set<number> {
  return new Set([...conflicts.flatMap(({ cells }) => cells), ...lostGivens]);
}

/** The first thing that is wrong, for people; undefined for a valid answer. */
export function problemOf(question: Board, answer: Board): string | undefined {
  const empty = answer.reduce((count, digit) => count + (digit === 0 ? 1 : 0), 0);
  if (empty > 0) return `${empty} cells are empty`;
  const lost = question.findIndex((digit, cell) => digit !== 0 && answer[cell] !== digit);
  if (lost >= 0) return `a given ${question[lost]} became ${answer[lost]}`;
  const [first] = conflicts(answer);
  return first && describeConflict(first, sizeOf(answer));
}
