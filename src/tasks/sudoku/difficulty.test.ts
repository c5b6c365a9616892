import fc from "fast-check";
import { expect, test } from "vitest";
import { stream } from "../../base/random/threefry.ts";
import { applyAugmentation, drawAugmentation } from "./augment.ts";
import { countGuesses, countRounds } from "./difficulty.ts";
import { generateSudoku } from "./generate.ts";
import { type Board, parseBoard, type SudokuSize } from "./rules.ts";
import { rate } from "./solve.ts";

const EASY = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79";
/** Arto Inkala's, which newspapers of 2010 called the hardest. */
const HARD = "..53.....8......2..7..1.5..4....53...1..7...6..32...8..6.5....9..4....3......97..";

test("what singles solve takes no guess, what is known to be hard takes many", () => {
  expect(countGuesses(parseBoard(EASY))).toBe(0);
  expect(countRounds(parseBoard(HARD))).toBeUndefined();
  expect(countGuesses(parseBoard(HARD))).toBeGreaterThan(20);
});

test("rounds of known boards", () => {
  const full = "1234341221434321";
  expect(countRounds(parseBoard(full))).toBe(0);
  expect(countRounds(parseBoard(`.${full.slice(1)}`))).toBe(1);
  // By hand: the first round fills all but the two cells in the middle of row 2, where 1 and 4 fit; the second them.
  expect(countRounds(parseBoard("..3. 3..2 2..3 4321"))).toBe(2);
  expect(countRounds(parseBoard("11.............."))).toBeUndefined();
});

test("empty and contradictory boards end", () => {
  expect(countGuesses(new Uint8Array(81))).toBeGreaterThan(0);
  expect(countGuesses(parseBoard("11.............."))).toBe(0);
});

const puzzles = fc
  .record({ size: fc.constantFrom<SudokuSize>(4, 6, 9), index: fc.nat(10_000), image: fc.nat(10_000) })
  .map(({ size, index, image }) => {
    const clues = { 4: 4, 6: 9, 9: 25 }[size];
    const { question } = generateSudoku({ size, clues: { min: clues, max: clues + 3 }, seed: 1, index });
    return { size, question, image };
  });

function imageOf(size: SudokuSize, board: Board, index: number): Board {
  const random = stream(2, "image", index);
  const drawn = drawAugmentation(size, { permutation: random.permutation, rand: random.uniform });
  return applyAugmentation(drawn, board);
}

test("images of a puzzle are as hard as the puzzle; guesses are needed exactly where singles do not do", () => {
  const seen = { guessed: 0, chained: 0 };
  fc.assert(
    fc.property(puzzles, ({ size, question, image }) => {
      const [guesses, rounds] = [countGuesses(question), countRounds(question)];
      const other = imageOf(size, question, image);
      expect([countGuesses(other), countRounds(other)]).toEqual([guesses, rounds]);
      expect(rounds === undefined).toBe(guesses > 0);
      expect(rate(question) === 0).toBe(guesses === 0);
      if (guesses > 0) seen.guessed++;
      else seen.chained++;
    }),
    { seed: 3, numRuns: 60 },
  );
  expect(seen.guessed).toBeGreaterThan(5);
  expect(seen.chained).toBeGreaterThan(5);
});
