import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findData } from "../../base/data-folder.ts";
import { ToolError } from "../../base/errors.ts";
import { formatMazeCsv, labelProblem, parseMazeCsv, readMazeFile, writeMazeFile } from "./dataset.ts";
import { generateMazes } from "./generate.ts";
import { solveMaze } from "./rules.ts";

const HEADER = "source,question,answer,rating";
const ROW = ", S #   G, So# o G,4";

function told(...rows: string[]): string {
  try {
    parseMazeCsv([HEADER, ...rows, ""].join("\n"), "m.csv");
  } catch (error) {
    return error instanceof ToolError ? error.format() : String(error);
  }
  return "no error";
}

test("a good row is read, spaces at the ends too", () => {
  const [maze] = parseMazeCsv(`${HEADER}\n,S #   G  ,S #o  G  ,3\n`, "m.csv");
  expect(maze).toMatchObject({ size: 3, start: 0, goal: 6, rating: 3 });
  expect([...maze.path]).toEqual([0, 0, 0, 1, 0, 0, 0, 0, 0]);
});

test("every kind of bad row is refused with file and line", () => {
  expect(told()).toMatchInlineSnapshot(
    `"the file has a header and no mazes — m.csv:2 — write one maze a line after the header, or make some: \`whorl data generate maze\`"`,
  );
  expect(told(ROW)).toMatchInlineSnapshot(
    `"the maze has 8 cells, which is not a square — m.csv:2 — write all rows in one line, or a line a row; spaces at the ends are cells, . is the same as a space"`,
  );
  expect(told(",S #   G  ,S #o  G  ,3", ",S  G,SooG,4")).toMatchInlineSnapshot(
    `"the maze is 2×2, the ones before 3×3 — m.csv:3 — a row is source, question (#, space, S and G, row by row), answer (with o on the path) and the path's cells"`,
  );
  expect(told(",S #  G,S #o  G  ,3")).toMatchInlineSnapshot(
    `"the maze has 6 cells, which is not a square — m.csv:2 — write all rows in one line, or a line a row; spaces at the ends are cells, . is the same as a space"`,
  );
  expect(told(",S #o  G  ,S #o  G  ,3")).toMatchInlineSnapshot(
    `"the question has "o" at (row 2, column 1) — m.csv:2 — a row is source, question (#, space, S and G, row by row), answer (with o on the path) and the path's cells"`,
  );
  expect(told(",S #   G  ,S #o  G ,3")).toMatchInlineSnapshot(
    `"the answer has 8 characters, the question 9 — m.csv:2 — a row is source, question (#, space, S and G, row by row), answer (with o on the path) and the path's cells"`,
  );
  expect(told(",S #   G  ,S  o  G  ,3")).toMatchInlineSnapshot(
    `"the question has "#" at (row 1, column 3), the answer " " — m.csv:2 — a row is source, question (#, space, S and G, row by row), answer (with o on the path) and the path's cells"`,
  );
  expect(told(",S #   G  ,S oo  G  ,4")).toMatchInlineSnapshot(
    `"the question has "#" at (row 1, column 3), the answer "o" — m.csv:2 — a row is source, question (#, space, S and G, row by row), answer (with o on the path) and the path's cells"`,
  );
  expect(told(",S #   G  ,S #o  G  ,4")).toMatchInlineSnapshot(
    `"the rating is "4", the answer's path has 3 cells — m.csv:2 — a row is source, question (#, space, S and G, row by row), answer (with o on the path) and the path's cells"`,
  );
  expect(told(",S #   G  ,S #o  G  ,")).toMatchInlineSnapshot(
    `"the rating is "", the answer's path has 3 cells — m.csv:2 — a row is source, question (#, space, S and G, row by row), answer (with o on the path) and the path's cells"`,
  );
});

test("an answer that is not the path of the rule is found", () => {
  const problem = (answer: string, rating: number) =>
    labelProblem(parseMazeCsv(`${HEADER}\n,S     #G ,${answer},${rating}\n`, "m.csv")[0]);
  expect(problem("So  o #G ", 4)).toMatchInlineSnapshot(
    `"the answer runs through (row 1, column 2), the path of the rule does not"`,
  );
  expect(problem("S  oo #G ", 4)).toBeUndefined();
  expect(problem("Soo oo#G ", 6)).toMatchInlineSnapshot(`"the answer has 6 cells, a shortest path 4"`);
  const [maze] = generateMazes({ size: 6, minPath: 10, seed: 0, count: 1 });
  expect(labelProblem({ ...solveMaze(maze), walls: maze.walls.map(() => 1) })).toMatchInlineSnapshot(
    `"there is no way from S to G"`,
  );
});

test("what is written is read back", async () => {
  const folder = mkdtempSync(join(tmpdir(), "whorl-maze-"));
  const path = join(folder, "set.csv");
  const mazes = Array.from(generateMazes({ size: 7, minPath: 12, seed: 1, count: 30 }), (maze) =>
    solveMaze(maze),
  );
  await writeMazeFile(path, mazes);
  expect(readMazeFile(path)).toEqual(mazes);
  rmSync(folder, { recursive: true });
});

const file = findData("maze/maze-30x30-hard-1k-train.csv");

test.skipIf(!file)("the published file is read, and written again byte for byte", () => {
  const mazes = readMazeFile(file ?? "");
  const ratings = mazes.map(({ rating }) => rating);
  expect([mazes.length, Math.min(...ratings), Math.max(...ratings)]).toEqual([1000, 110, 147]);
  const bytes = formatMazeCsv(mazes).reduce((sum, piece) => sum + piece.length, 0);
  expect(bytes).toBe(1_807_030);
});
