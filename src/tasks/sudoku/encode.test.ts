import { expect, test } from "vitest";
import { decodeBoard, decodePrediction, encodeBoard, sequenceLength, vocabularySize } from "./encode.ts";
import { formatBoard, parseBoard } from "./rules.ts";

test("empty is 1 and digit d is d + 1, in a vocabulary of two more than the size", () => {
  const board = parseBoard("1.3..2....4.4..1");
  expect(Array.from(encodeBoard(board))).toEqual([2, 1, 4, 1, 1, 3, 1, 1, 1, 1, 5, 1, 5, 1, 1, 2]);
  expect([vocabularySize(4), vocabularySize(6), vocabularySize(9)]).toEqual([6, 8, 11]);
  expect([sequenceLength(4), sequenceLength(6), sequenceLength(9)]).toEqual([16, 36, 81]);
  expect(formatBoard(decodeBoard(encodeBoard(board)))).toBe(formatBoard(board));
});

test("boards are written side by side into a batch", () => {
  const batch = new Int32Array(32);
  encodeBoard(parseBoard("1...............", "first"), batch, 0);
  encodeBoard(parseBoard(".4.............."), batch, 16);
  expect([batch[0], batch[1], batch[16], batch[17]]).toEqual([2, 1, 1, 5]);
});

test("a prediction may hold padding and empty cells, a data set may not hold padding", () => {
  expect(Array.from(decodePrediction([0, 1, 2, 10]))).toEqual([0, 0, 1, 9]);
  expect(() => decodeBoard([0])).toThrow(/Sudoku token 0/);
});
