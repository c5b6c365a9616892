import { expect, test } from "vitest";
import { findData } from "../../base/data-folder.ts";
import { ToolError } from "../../base/errors.ts";
import { labelProblem, readMazeFile } from "./dataset.ts";
import { formatMaze, parseMaze, shortestPath, solveMaze } from "./rules.ts";

function told(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof ToolError ? `${error.code}: ${error.format()}` : String(error);
  }
  return "no error";
}

/** The path of the rule as text. */
function solved(text: string): string {
  return formatMaze(solveMaze(parseMaze(text)), true);
}

test("a maze is read from one line or from a line a row, and written as one line", () => {
  const line = "S # # #G ";
  const maze = parseMaze(line);
  expect(maze).toMatchObject({ size: 3, start: 0, goal: 7, path: undefined, rating: 0 });
  expect(Array.from(maze.walls)).toEqual([0, 0, 1, 0, 1, 0, 1, 0, 0]);
  expect(formatMaze(maze)).toBe(line);
  expect(parseMaze("S #\n # \n#G \n")).toEqual(maze);
  expect(parseMaze("S.#\r\n.#.\r\n#G.")).toEqual(maze);
  expect(parseMaze("+---+\n|S #|\n| # |\n|#G |\n+---+\n")).toEqual(maze);
});

test("spaces at both ends are cells", () => {
  const maze = parseMaze(" S ### G ");
  expect([maze.size, maze.start, maze.goal, formatMaze(maze)]).toEqual([3, 1, 7, " S ### G "]);
});

test("marks are the answer", () => {
  const maze = parseMaze("Soo\n##o\n##G");
  expect([...(maze.path ?? [])]).toEqual([0, 1, 1, 0, 0, 1, 0, 0, 0]);
  expect(maze.rating).toBe(5);
  expect([formatMaze(maze), formatMaze(maze, true)]).toEqual(["S  ## ##G", "Soo##o##G"]);
});

test("ties go the way that is entered first: down, left, right, up", () => {
  expect(solved("S..\n...\n..G")).toBe("S  o  ooG");
  expect(solved("G..\n...\n..S")).toBe("G  o  ooS");
  expect(solved("..S\n...\nG..")).toBe("  S  oGoo");
  expect(solved("..G\n...\nS..")).toBe("  G  oSoo");
  expect(solved("SG..")).toBe("SG  ");
});

test("the path is as short as it can be, and there is none through walls or around the edge", () => {
  const { walls, size, start, goal } = parseMaze("S#...\n.#.#.\n.#.#.\n.#.#.\n...#G");
  expect(shortestPath(walls, size, start, goal)?.cells).toBe(17);
  // The end of one row is not beside the beginning of the next.
  const edge = parseMaze("##S\nG##\n...");
  expect(shortestPath(edge.walls, 3, edge.start, edge.goal)).toBeUndefined();
  expect(told(() => solveMaze(edge, "mazes.txt:4"))).toMatchInlineSnapshot(
    `"maze/no-way: there is no way from S at (row 1, column 3) to G at (row 2, column 1) — mazes.txt:4 — moves go up, down, left and right through open cells: open a wall between the two"`,
  );
});

test("what is no maze is refused with its place", () => {
  expect(told(() => parseMaze("S.#..#.G", "a.txt:1"))).toMatchInlineSnapshot(
    `"maze/not-square: the maze has 8 cells, which is not a square — a.txt:1 — write all rows in one line, or a line a row; spaces at the ends are cells, . is the same as a space"`,
  );
  expect(told(() => parseMaze(""))).toMatch("the maze has 0 cells");
  expect(told(() => parseMaze("S.#\n#.\n#.G"))).toMatchInlineSnapshot(
    `"maze/not-square: row 2 has 2 cells, the maze 3 rows — write 3 cells in every row; where spaces at the ends get lost, write . for an open cell"`,
  );
  expect(told(() => parseMaze("S.#\n#x.\n#.G"))).toMatchInlineSnapshot(
    `"maze/bad-character: "x" at (row 2, column 2) is nothing that mazes have — use # for a wall, a space or . for an open cell, S, G, and o for the path"`,
  );
  expect(told(() => parseMaze("..#\n#..\n#.G"))).toMatchInlineSnapshot(
    `"maze/bad-ends: there is no S — put S, the start, into exactly one cell"`,
  );
  expect(told(() => parseMaze("S.G\n#..\n#GG"))).toMatchInlineSnapshot(
    `"maze/bad-ends: G stands in 3 cells, the first two at (row 1, column 3) and (row 3, column 2) — put G, the goal, into exactly one cell"`,
  );
});

const files = ["train", "test"].map((part) => findData(`maze/maze-30x30-hard-1k-${part}.csv`) ?? "");

test.skipIf(files.includes(""))("the rule gives every published answer", () => {
  const mazes = files.flatMap((file) => readMazeFile(file));
  expect(mazes.length).toBe(1786);
  expect(mazes.filter((maze) => labelProblem(maze) !== undefined).length).toBe(0);
});
