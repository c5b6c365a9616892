import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import { drawBoard } from "../tasks/sudoku/draw.ts";
import { formatBoard, parseBoard, type SudokuSize } from "../tasks/sudoku/rules.ts";
import { boardReader, parseBoards } from "./read-boards.ts";
import { readPuzzles } from "./read-puzzles.ts";

const four = "1.3..4....4.4..1";
const other = "...1............";
const nine = "53..7....6..195....98....6.8...6...34..8.3..17...2...6.6....28....419..5....8..79";
const header = "source,question,answer,rating";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-puzzles-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function read(words: string | string[], size: SudokuSize = 4, input = ""): Promise<string[]> {
  const puzzles = await readPuzzles([words].flat(), boardReader(size), async () => input);
  return puzzles.map(
    ({ puzzle, where }) => `${where?.replace(folder, "<folder>") ?? "-"} ${formatBoard(puzzle)}`,
  );
}

async function refusal(words: string | string[], size: SudokuSize = 4, input = ""): Promise<string> {
  try {
    return `accepted: ${await read(words, size, input)}`;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return `${error.exitCode}: ${error.format().replaceAll(folder, "<folder>")}`;
  }
}

test("puzzles on the command line", async () => {
  expect(await read(four)).toEqual([`- ${four}`]);
  expect(await read(four.replaceAll(".", "0"))).toEqual([`- ${four}`]);
  expect(await read("1.3.\n.4..\n..4.\n4..1")).toEqual([`- ${four}`]);
  expect(await read([four, other])).toEqual([`puzzle 1 ${four}`, `puzzle 2 ${other}`]);
  expect(await read(nine, 9)).toEqual([`- ${nine}`]);
});

test("a drawing can be pasted back, with either lines", async () => {
  for (const ascii of [true, false]) {
    expect(await read(drawBoard(parseBoard(four), { ascii }).join("\n"))).toEqual([`- ${four}`]);
    expect(await read(drawBoard(parseBoard(nine), { ascii }).join("\n"), 9)).toEqual([`- ${nine}`]);
  }
});

test("files: a puzzle a line, grids, CSV", async () => {
  const lines = file("lines.txt", `# mine\r\n${four}\r\n\r\n${other}\r\n`);
  expect(await read(lines)).toEqual([`<folder>/lines.txt:2 ${four}`, `<folder>/lines.txt:4 ${other}`]);
  const grids = file("grids.txt", "1.3.\n.4..\n..4.\n4..1\n\n\n...1\n....\n....\n....\n");
  expect(await read(grids)).toEqual([`<folder>/grids.txt:1 ${four}`, `<folder>/grids.txt:7 ${other}`]);
  const csv = file("some.csv", `\uFEFF${header}\r\nme,${four},,7\r\nme,${other},nonsense,\r\n`);
  expect(await read(csv)).toEqual([`<folder>/some.csv:2 ${four}`, `<folder>/some.csv:3 ${other}`]);
  expect(await read("-", 4, `${header}\nme,${four},,7\n`)).toEqual([`stdin:2 ${four}`]);
  expect(await read(["-", other], 4, four)).toEqual([`stdin:1 ${four}`, `puzzle 2 ${other}`]);
});

test("empty lines between bands do not end a grid", () => {
  const rows = nine.match(/.{9}/g) ?? [];
  const text = [0, 3, 6].map((row) => rows.slice(row, row + 3).join("\n")).join("\n\n");
  const twice = parseBoards(`${text}\n\n${text}`, String);
  expect(twice.map(({ puzzle, where }) => [formatBoard(puzzle), where])).toEqual([
    [nine, "1"],
    [nine, "13"],
  ]);
});

test("bad puzzles are refused with their place", async () => {
  expect(await refusal("1x3..4....4.4..1")).toMatchInlineSnapshot(
    `"1: "x" at (row 1, column 2) is neither a digit nor an empty cell — use 1 to 4, and . or 0 for an empty cell"`,
  );
  expect(await refusal("1.3..4..7.4.4..1")).toMatchInlineSnapshot(
    `"1: 7 at (row 3, column 1) is too large for a 4 × 4 puzzle — use 1 to 4, and . or 0 for an empty cell"`,
  );
  expect(await refusal("1.31.4....4.4...")).toMatchInlineSnapshot(
    `"1: the givens contradict each other: two 1s in row 1, at (row 1, column 1) and (row 1, column 4) — check the puzzle for a mistyped digit"`,
  );
  expect(await refusal(nine.slice(1), 9)).toMatchInlineSnapshot(
    `"1: the puzzle has 80 cells — a Sudoku has 16 (4 × 4), 36 (6 × 6) or 81 (9 × 9) cells, with . or 0 for an empty one"`,
  );
  expect(await refusal(`${nine}.`, 9)).toMatchInlineSnapshot(
    `"1: the puzzle has 82 cells — a Sudoku has 16 (4 × 4), 36 (6 × 6) or 81 (9 × 9) cells, with . or 0 for an empty one"`,
  );
  expect(await refusal(nine)).toMatchInlineSnapshot(
    `"1: the puzzle is 9 × 9, the model solves 4 × 4 — take a model trained on 9 × 9, or a puzzle of 16 cells"`,
  );
  expect(await refusal([other, four], 9)).toMatchInlineSnapshot(
    `"1: the puzzle is 4 × 4, the model solves 9 × 9 — puzzle 1 — take a model trained on 4 × 4, or a puzzle of 81 cells"`,
  );
  expect(await refusal("")).toMatchInlineSnapshot(
    `"1: the puzzle has 0 cells — a Sudoku has 16 (4 × 4), 36 (6 × 6) or 81 (9 × 9) cells, with . or 0 for an empty one"`,
  );
  expect(await refusal("puzzels.txt")).toMatchInlineSnapshot(
    `"2: 'puzzels.txt' is neither a file nor a puzzle — give 16, 36 or 81 characters (. or 0 for an empty cell), a file, or - to read from stdin"`,
  );
  expect(await refusal("-", 4, " \n")).toMatchInlineSnapshot(
    `"1: there is no puzzle in stdin — write one puzzle a line: 16, 36 or 81 characters, . or 0 for an empty cell"`,
  );
});

test("bad files are refused with file and line", async () => {
  expect(await refusal(file("empty.txt", ""))).toMatchInlineSnapshot(
    `"1: there is no puzzle in <folder>/empty.txt — write one puzzle a line: 16, 36 or 81 characters, . or 0 for an empty cell"`,
  );
  expect(await refusal(file("header.csv", `${header}\n`))).toMatchInlineSnapshot(
    `"1: there is no puzzle in <folder>/header.csv — write one puzzle a line: 16, 36 or 81 characters, . or 0 for an empty cell"`,
  );
  expect(await refusal(file("other.csv", `quizzes,solutions\n${four},${four}\n`))).toMatchInlineSnapshot(
    `"1: the header is "quizzes,solutions" — <folder>/other.csv:1 — a puzzle file starts with the line source,question,answer,rating"`,
  );
  const conflict = `${four}\n${other}\n11..............\n`;
  expect(await refusal(file("conflict.txt", conflict))).toMatchInlineSnapshot(
    `"1: the givens contradict each other: two 1s in row 1, at (row 1, column 1) and (row 1, column 2) (and 1 more conflict) — <folder>/conflict.txt:3 — check the puzzle for a mistyped digit"`,
  );
  expect(
    await refusal(file("conflict.csv", `${header}\nme,${four},,1\nme,....22..........,,1\n`)),
  ).toMatchInlineSnapshot(
    `"1: the givens contradict each other: two 2s in row 2, at (row 2, column 1) and (row 2, column 2) (and 1 more conflict) — <folder>/conflict.csv:3 — check the puzzle for a mistyped digit"`,
  );
  expect(await refusal(file("grid.txt", "1.3.\n.4..\n..4.\n4.x1\n"))).toMatchInlineSnapshot(
    `"1: "x" at (row 4, column 3) is neither a digit nor an empty cell — <folder>/grid.txt:1 — use 1 to 4, and . or 0 for an empty cell"`,
  );
  expect(await refusal(file("ragged.txt", "1.3.\n.4...\n..4.\n4.1\n"))).toMatchInlineSnapshot(
    `"1: row 2 has 5 cells, not 4 — <folder>/ragged.txt:1 — write every row with all its cells, . or 0 for an empty one"`,
  );
  expect(await refusal(file("short.txt", `${four}\n${four.slice(1)}\n`))).toMatchInlineSnapshot(
    `"1: the puzzle has 15 cells — <folder>/short.txt:2 — a Sudoku has 16 (4 × 4), 36 (6 × 6) or 81 (9 × 9) cells, with . or 0 for an empty one"`,
  );
  expect(await refusal(folder)).toMatchInlineSnapshot(
    `"1: the path is a folder, not a file while reading <folder> — check the path"`,
  );
});
