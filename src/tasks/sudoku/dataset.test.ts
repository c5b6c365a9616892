import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findData } from "../../base/data-folder.ts";
import { ToolError } from "../../base/errors.ts";
import { parseSudokuCsv, readSudokuFile, sudokuPuzzles, writeSudokuFile } from "./dataset.ts";
import { generateSet } from "./generate.ts";
import { formatBoard } from "./rules.ts";

const HEADER = "source,question,answer,rating";
const ROW = "s,1...............,1234341221434321,3";

function told(...rows: string[]): string {
  try {
    parseSudokuCsv([HEADER, ...rows, ""].join("\n"), "p.csv");
  } catch (error) {
    return error instanceof ToolError ? error.format() : String(error);
  }
  return "no error";
}

test("a good row is read as boards", () => {
  const [puzzle] = parseSudokuCsv(`${HEADER}\n${ROW}\n`, "p.csv");
  expect([puzzle.source, formatBoard(puzzle.question), formatBoard(puzzle.answer), puzzle.rating]).toEqual([
    "s",
    "1...............",
    "1234341221434321",
    3,
  ]);
});

test("every kind of bad row is refused with file and line", () => {
  expect(told()).toMatchInlineSnapshot(
    `"the file has a header and no puzzles — p.csv:2 — write one puzzle a line after the header, or make some: \`whorl data generate sudoku\`"`,
  );
  expect(told(ROW, "s,1...............,1234341221434321")).toMatchInlineSnapshot(
    `"the row has 3 fields, not 4 — p.csv:3 — every row has the fields source,question,answer,rating"`,
  );
  expect(told(ROW, "s,1.............,1234341221434321,0")).toMatchInlineSnapshot(
    `"the question has 14 characters — p.csv:3 — a row is source, question (16, 36 or 81 digits, . for empty), answer (as many digits) and rating"`,
  );
  expect(told(ROW, `s,${".".repeat(36)},${"1".repeat(36)},0`)).toMatchInlineSnapshot(
    `"the question has 36 characters, the rows before 16 — p.csv:3 — a row is source, question (16, 36 or 81 digits, . for empty), answer (as many digits) and rating"`,
  );
  expect(told("s,1...............,123434122143432,0")).toMatchInlineSnapshot(
    `"the answer has 15 characters, the question 16 — p.csv:2 — a row is source, question (16, 36 or 81 digits, . for empty), answer (as many digits) and rating"`,
  );
  expect(told("s,1..x............,1234341221434321,0")).toMatchInlineSnapshot(
    `"the question has "x" at (row 1, column 4) — p.csv:2 — a row is source, question (16, 36 or 81 digits, . for empty), answer (as many digits) and rating"`,
  );
  expect(told("s,1....7..........,1234341221434321,0")).toMatchInlineSnapshot(
    `"the question has "7" at (row 2, column 2) — p.csv:2 — a row is source, question (16, 36 or 81 digits, . for empty), answer (as many digits) and rating"`,
  );
  expect(told("s,1...............,12343412.1434321,0")).toMatchInlineSnapshot(
    `"the answer has "." at (row 3, column 1) — p.csv:2 — a row is source, question (16, 36 or 81 digits, . for empty), answer (as many digits) and rating"`,
  );
  expect(told("s,2...............,1234341221434321,0")).toMatchInlineSnapshot(
    `"the question has 2 at (row 1, column 1), the answer 1 — p.csv:2 — a row is source, question (16, 36 or 81 digits, . for empty), answer (as many digits) and rating"`,
  );
  expect(told("s,1...............,1234341221434312,0")).toMatchInlineSnapshot(
    `"the answer breaks a rule: two 1s in column 3, at (row 2, column 3) and (row 4, column 3) — p.csv:2 — a row is source, question (16, 36 or 81 digits, . for empty), answer (as many digits) and rating"`,
  );
  expect(told("s,1...............,1234341221434321,-3")).toMatchInlineSnapshot(
    `"the rating is "-3", not a whole number — p.csv:2 — a row is source, question (16, 36 or 81 digits, . for empty), answer (as many digits) and rating"`,
  );
});

test("what is written is read back", async () => {
  const folder = mkdtempSync(join(tmpdir(), "whorl-sudoku-"));
  const path = join(folder, "set.csv");
  const puzzles = Array.from(generateSet({ size: 6, clues: 14, seed: 1, count: 30 }));
  await writeSudokuFile(path, puzzles);
  expect(readSudokuFile(path)).toEqual(puzzles);
  expect(Array.from(sudokuPuzzles(path))).toEqual(puzzles);
  rmSync(folder, { recursive: true });
});

const bench = findData("sudoku/sudoku-bench-100.csv");

test.skipIf(!bench)("a real file is read", () => {
  const puzzles = readSudokuFile(bench ?? "");
  expect(puzzles.length).toBe(79);
  expect(puzzles.filter((puzzle) => puzzle.rating === 0).length).toBe(54);
});
