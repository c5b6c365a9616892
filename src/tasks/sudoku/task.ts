// Sudoku as a task: how its boards are read, changed, judged and drawn, in the form that all families share.

import type { Task } from "../task.ts";
import { applyAugmentation, drawAugmentation } from "./augment.ts";
import { canonicalKey, symmetryInvariant } from "./canonical.ts";
import { readSudokuFile, type SudokuPuzzle } from "./dataset.ts";
import { decodeSudoku } from "./decode.ts";
import { countGuesses, countRounds } from "./difficulty.ts";
import { drawBoard } from "./draw.ts";
import { decodePrediction, encodeBoard, sequenceLength, vocabularySize } from "./encode.ts";
import { conflicts, describeConflict, formatBoard, parseBoard, type SudokuSize } from "./rules.ts";

/** Questions as inputs, answers as labels; every cell is supervised, givens too. */
export function sudokuTask(size: SudokuSize): Task<SudokuPuzzle> {
  return {
    family: "sudoku",
    title: `sudoku ${size}×${size}`,
    seqLen: sequenceLength(size),
    vocabSize: vocabularySize(size),
    encode({ question, answer }, inputs, labels) {
      encodeBoard(question, inputs);
      encodeBoard(answer, labels);
    },
    augment(puzzle, random) {
      const change = drawAugmentation(size, { permutation: random.permutation, rand: random.uniform });
      return {
        ...puzzle,
        question: applyAugmentation(change, puzzle.question),
        answer: applyAugmentation(change, puzzle.answer),
      };
    },
    score({ question }, tokens) {
      const problem = problemOf(question, decodePrediction(tokens), size);
      return { valid: problem === undefined, problem };
    },
    draw: ({ question }, tokens) => drawBoard(tokens ? decodePrediction(tokens) : question),
    read: readSudokuFile,
    decode: decodeSudoku,
    key: ({ question }) => canonicalKey(question),
    roughKey: ({ question }) => symmetryInvariant(question),
    parse(text) {
      const question = parseBoard(text);
      return { source: "", question, answer: new Uint8Array(question.length), rating: 0 };
    },
    format: (tokens) => formatBoard(decodePrediction(tokens)),
    difficulty: [
      { unit: "guesses", of: ({ question }) => countGuesses(question), groups: [0, 1, 5, 20, 100, 500] },
      { unit: "rounds of singles", of: ({ question }) => countRounds(question) },
    ],
  };
}

function problemOf(question: Uint8Array, answer: Uint8Array, size: SudokuSize): string | undefined {
  const empty = answer.reduce((count, digit) => count + (digit === 0 ? 1 : 0), 0);
  if (empty > 0) return `${empty} cells are empty`;
  const lost = question.findIndex((digit, cell) => digit !== 0 && answer[cell] !== digit);
  if (lost >= 0) return `a given ${question[lost]} became ${answer[lost]}`;
  const [first] = conflicts(answer);
  return first && describeConflict(first, size);
}
