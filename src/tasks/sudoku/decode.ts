// Sudoku back from the tokens of a data folder, checked as strictly as a file.

import { badRow, describeToken } from "../bad-row.ts";
import type { SudokuPuzzle } from "./dataset.ts";
import { describeCell, isSolved, sizeOf } from "./rules.ts";
import { rate } from "./solve.ts";

/** The puzzle of a row of tokens; its place stands in errors. */
export function decodeSudoku(inputs: Int32Array, labels: Int32Array, where: string): SudokuPuzzle {
  const [question, answer] = [inputs, labels].map((tokens) => {
    const cell = tokens.findIndex((token) => token < 1);
    if (cell >= 0)
      throw badRow(
        `cell ${cell + 1} of the ${tokens === inputs ? "question" : "answer"} is ${describeToken(tokens[cell])}`,
        where,
      );
    return Uint8Array.from(tokens, (token) => token - 1);
  });
  const lost = question.findIndex((digit, cell) => digit !== 0 && digit !== answer[cell]);
  if (lost >= 0) {
    const place = describeCell(lost, sizeOf(question));
    throw badRow(`the question has ${question[lost]} at ${place}, the answer ${answer[lost]}`, where);
  }
  if (!isSolved(answer)) throw badRow("the answer breaks a rule", where);
  return { source: "", question, answer, rating: rate(question) };
}
