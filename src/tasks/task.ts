// What a family of puzzles is to the rest of the program. Sudoku, Maze and ARC fill this in, and so does a user's own
// puzzle, in one file (examples/lights-out): encode, augment, score, draw, and where its puzzles come from.

import type { RandomStream } from "../base/random/threefry.ts";

/**
 * A family of puzzles whose boards all have S cells and whose tokens are 0 … V - 1, 0 being padding.
 * @example
 * export default { family: "my-puzzle", title: "my puzzle", seqLen: 25, vocabSize: 4, encode, augment, score, draw,
 *   generate } satisfies Task<MyPuzzle>;
 */
export interface Task<Puzzle> {
  /** One word: names random streams and stands in results. */
  readonly family: string;
  /** As people say it, for instance `sudoku 9×9`. */
  readonly title: string;
  /** S, cells of a board. */
  readonly seqLen: number;
  /** V, tokens with the padding; at most 256. */
  readonly vocabSize: number;

  /** Writes the tokens of question and answer, S each; a label of -100 is not supervised. */
  encode(puzzle: Puzzle, inputs: Int32Array, labels: Int32Array): void;
  /** Another puzzle that is as true as this one, for instance a mirror image; the puzzle itself without symmetries. */
  augment(puzzle: Puzzle, random: RandomStream): Puzzle;
  /** Judges an answer, the S tokens that a model predicts, by the rules: the known answer need not be the only one. */
  score(puzzle: Puzzle, answer: ArrayLike<number>): Score;
  /** Lines of text for a terminal: the question, or an answer to it. */
  draw(puzzle: Puzzle, answer?: ArrayLike<number>): string[];

  /** The puzzle's row in a model's puzzle table. Default: 0, one row for all. */
  identifier?(puzzle: Puzzle): number;
  /** Makes a puzzle up; needed for `data.generate`. */
  generate?(random: RandomStream): Puzzle;
  /** Puzzles of a file; needed for `data.train` and `data.test`. */
  read?(path: string): Iterable<Puzzle>;
  /** The puzzle of an encoded row, whose place stands in errors; needed to read folders in the reference's layout. */
  decode?(inputs: Int32Array, labels: Int32Array, where: string): Puzzle;
  /** Image number `index` of a puzzle, where there are so few that each should come up once; default: drawn by `augment`. */
  image?(puzzle: Puzzle, index: number): Puzzle;
  /** Equal for puzzles that are images of each other, so that no test puzzle is one of the training puzzles in disguise. Default: the tokens of the question. */
  key?(puzzle: Puzzle): string;
  /** Like `key` but cheap, and some puzzles that are not images may share it: saves keys of large sets. */
  roughKey?(puzzle: Puzzle): string | number;
  /** A puzzle, perhaps without its answer, from text that someone typed; needed for `whorl solve`. */
  parse?(text: string): Puzzle;
  /** Measures of how hard a puzzle is, by which an evaluation groups its results. */
  readonly difficulty?: readonly DifficultyScale<Puzzle>[];
  /** Question (or answer) tokens as text that `parse` reads. Default: numbers with spaces between. */
  format?(tokens: ArrayLike<number>): string;
}

/**
 * A measure of how hard puzzles are. It should be the same for images of a puzzle and must not depend on chance.
 * @example
 * { unit: "cells of the path", of: (maze) => maze.rating }
 */
export interface DifficultyScale<Puzzle> {
  /** What is counted, in the plural. */
  readonly unit: string;
  /** Undefined for a puzzle that the scale has nothing to say of. */
  of(puzzle: Puzzle): number | undefined;
  /** The least value of each group, ascending. Default: each value, or quarters where there are many. */
  readonly groups?: readonly number[];
}

/** What is to be said of an answer. */
export interface Score {
  /** Whether it is a right answer by the rules. */
  readonly valid: boolean;
  /** What is wrong with one that is not, in a few words. */
  readonly problem?: string;
  /** Further measures, each between 0 and 1; their means stand in an evaluation under these names. */
  readonly measures?: Readonly<Record<string, number>>;
}
