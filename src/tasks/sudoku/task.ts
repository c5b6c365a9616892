// Sudoku as a task: how its boards are read, changed, judged and drawn, in the form that all families share.

import type { Task } from "../task.ts";
import { applyAugmentation, drawAugmentation } from "./augment.ts";
import { canonicalKey, symmetryInvariant } from "./canonical.ts";
import { readSudokuFile, type SudokuPuzzle } from "./dataset.ts";
import { decodeSudoku } from "./decode.ts";
import { countGuesses, countRounds } from "./difficulty.ts";
import { drawBoard } from "./draw.ts";
import { decodePrediction, encodeBoard, sequenceLength, vocabularySize } from "./encode.ts";
import { problemOf } from "./judge.ts";
import { formatBoard, parseBoard, type SudokuSize } from "./rules.ts";

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
      const problem = problemOf(question, decodePrediction(tokens));
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
