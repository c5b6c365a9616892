// A Sudoku CSV, as `whorl data inspect` describes it.

import { basename } from "node:path";
import { ToolError } from "../../base/errors.ts";
import { PUZZLE_CSV_HEADER } from "../../formats/csv.ts";
import { applyAugmentation, augmentation } from "../../tasks/sudoku/augment.ts";
import { type SudokuPuzzle, sudokuPuzzles } from "../../tasks/sudoku/dataset.ts";
import { drawBoard } from "../../tasks/sudoku/draw.ts";
import { countGivens, sizeOf } from "../../tasks/sudoku/rules.ts";
import { countSolutions } from "../../tasks/sudoku/solve.ts";
import { integer } from "../render/numbers.ts";
import { formatFields, rowsThatFit, sideBySide } from "../render/table.ts";
import { csvFamilyOf, sudokuFamily } from "./families.ts";
import { type DataKind, hashFile, type Inspection, type InspectOptions } from "./inspection.ts";
import { spreadOf, spreadTable } from "./spread.ts";

export const sudokuCsv: DataKind = {
  name: `a Sudoku CSV (header ${PUZZLE_CSV_HEADER}; questions of 16, 36 or 81 digits and dots)`,
  isKind: (path) => csvFamilyOf(path) === "sudoku",
  inspect: inspectSudoku,
};

/** Reads a puzzle at a time: the full training file has millions. */
async function inspectSudoku(path: string, { check, show, width }: InspectOptions): Promise<Inspection> {
  const givens: number[] = [];
  const ratings: number[] = [];
  const shown: SudokuPuzzle[] = [];
  const ambiguous: number[] = [];
  let size = 0;
  for (const puzzle of sudokuPuzzles(path)) {
    size = sizeOf(puzzle.question);
    givens.push(countGivens(puzzle.question));
    ratings.push(puzzle.rating);
    if (shown.length < show) shown.push(puzzle);
    // The reader has checked that the answer is a solution, so only a second one can be wrong.
    if (check && countSolutions(puzzle.question, 2) !== 1) ambiguous.push(givens.length);
  }
  if (givens.length === 0) throw noPuzzles(path);
  const puzzles = givens.length;
  const sha256 = await hashFile(path);
  const spreads = { givens: spreadOf(givens), ratings: spreadOf(ratings) };
  const uniqueSolutions = check ? { uniqueSolutions: puzzles - ambiguous.length } : {};
  return {
    summary: {
      task: "sudoku",
      size,
      examples: puzzles,
      puzzles,
      groups: puzzles,
      identifiers: 1,
      ...spreads,
      ...uniqueSolutions,
      sha256: { [basename(path)]: sha256 },
    },
    lines: [
      ...formatFields([
        ["file", path],
        ["task", sudokuFamily.title(size)],
        ["puzzles", integer(puzzles)],
        ["solutions", check ? describeCheck(puzzles, ambiguous) : "one each by the file; --check makes sure"],
        ["sha256", sha256],
      ]),
      "",
      ...spreadTable([
        ["givens", spreads.givens],
        ["rating", spreads.ratings],
      ]),
      ...shown.flatMap((puzzle, index) => ["", ...drawWithImages(puzzle, index, width)]),
    ],
  };
}

function describeCheck(puzzles: number, ambiguous: readonly number[]): string {
  if (ambiguous.length === 0) return `exactly one each: all ${integer(puzzles)} checked`;
  const listed = ambiguous.slice(0, 5).join(", ");
  const more = ambiguous.length > 5 ? ", …" : "";
  return `${integer(ambiguous.length)} of ${integer(puzzles)} have several: puzzle ${listed}${more}`;
}

/** A puzzle beside two of the symmetric images that training would show. */
function drawWithImages({ question }: SudokuPuzzle, index: number, width: number): string[] {
  const blocks = [0, 1, 2].map((image) => {
    const board = applyAugmentation(augmentation(sizeOf(question), 0, index, image), question);
    return [image === 0 ? `puzzle ${index + 1}` : `augmentation ${image}`, ...drawBoard(board)];
  });
  return rowsThatFit(blocks, (block) => block, width).flatMap(sideBySide);
}

function noPuzzles(path: string): ToolError {
  return new ToolError("the file has a header and no puzzles", {
    code: "data/no-puzzles",
    where: `${path}:2`,
  });
}
