import { expect, test } from "vitest";
import { ToolError } from "../../base/errors.ts";
import { type RandomStream, stream } from "../../base/random/threefry.ts";
import { canonicalKey } from "./canonical.ts";
import { labelProblem } from "./dataset.ts";
import { drawMaze, generateMaze, generateMazes, usualMinPath } from "./generate.ts";
import { formatMaze, type Maze, shortestPath } from "./rules.ts";

function told(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof ToolError ? `${error.code}: ${error.format()}` : String(error);
  }
  return "no error";
}

/** The recipe as it is written down, cell by cell: slow and obvious. */
function drawSlowly(size: number, minPath: number, random: RandomStream): Maze {
  for (;;) {
    const share = 0.3 + 0.2 * random.uniform();
    const walls = Uint8Array.from({ length: size * size }, () => (random.uniform() < share ? 1 : 0));
    const open = [...walls.keys()].filter((cell) => walls[cell] === 0);
    if (open.length === 0) continue;
    const start = open[random.below(open.length)];
    const goal = open[random.below(open.length)];
    const found = start === goal ? undefined : shortestPath(walls, size, start, goal);
    if (found && found.cells >= minPath)
      return { size, walls, start, goal, path: found.path, rating: found.cells };
  }
}

function describe(mazes: readonly Maze[]) {
  const mean = (of: (maze: Maze) => number) => mazes.reduce((sum, maze) => sum + of(maze), 0) / mazes.length;
  const { size } = mazes[0];
  return {
    walls: mean(({ walls }) => walls.reduce((sum, wall) => sum + wall, 0)),
    cornerWalls: mean(({ walls }) => walls[0] + walls[size - 1] + walls[size * size - 1]),
    path: mean(({ rating }) => rating),
    shortest: mean(({ rating }) => (rating === Math.min(...mazes.map((maze) => maze.rating)) ? 1 : 0)),
    startRow: mean(({ start }) => Math.floor(start / size)),
    startColumn: mean(({ start }) => start % size),
    goalColumn: mean(({ goal }) => goal % size),
  };
}

test("mazes have the path asked for, and its label is that of the rule", () => {
  for (const [size, minPath, count] of [
    [5, 12, 60],
    [6, null, 5],
    [9, 22, 40],
    [16, 34, 40],
    [30, 70, 8],
  ] as const) {
    for (let index = 0; index < count; index++) {
      const maze = generateMaze({ size, minPath, seed: 4 }, index);
      expect(maze.rating).toBeGreaterThanOrEqual(minPath ?? usualMinPath(size));
      expect(maze.walls[maze.start] + maze.walls[maze.goal]).toBe(0);
      expect(labelProblem({ ...maze, path: maze.path ?? new Uint8Array() })).toBeUndefined();
    }
  }
});

test("the masks draw from the same distribution as the recipe cell by cell", () => {
  const count = 2000;
  for (const [size, minPath] of [
    [6, 2],
    [7, 11],
  ]) {
    const fast = Array.from({ length: count }, (_, i) => generateMaze({ size, minPath, seed: 1 }, i));
    const random = stream(1, "slow");
    const slow = Array.from({ length: count }, () => drawSlowly(size, minPath, random));
    const [a, b] = [describe(fast), describe(slow)];
    // Four standard errors of a difference of means: those of single mazes are below 6, 1, 4, 0.5, 2.2.
    const error = Math.sqrt(2 / count);
    expect(Math.abs(a.walls - b.walls)).toBeLessThan(4 * 6 * error);
    expect(Math.abs(a.cornerWalls - b.cornerWalls)).toBeLessThan(4 * error);
    expect(Math.abs(a.path - b.path)).toBeLessThan(4 * 4 * error);
    expect(Math.abs(a.shortest - b.shortest)).toBeLessThan(4 * 0.5 * error);
    for (const place of ["startRow", "startColumn", "goalColumn"] as const)
      expect(Math.abs(a[place] - b[place])).toBeLessThan(4 * 2.2 * error);
  }
});

test("a maze is a function of size, least path, seed and index", () => {
  const make = (size: number, minPath: number, seed: number, index: number) =>
    formatMaze(generateMaze({ size, minPath, seed }, index), true);
  expect(make(6, 12, 1, 5)).toBe(make(6, 12, 1, 5));
  expect(new Set([make(6, 12, 1, 5), make(6, 11, 1, 5), make(6, 12, 2, 5), make(6, 12, 1, 6)]).size).toBe(4);
  // Presets and held-out sets depend on this maze.
  expect(make(6, 14, 0, 0)).toMatchInlineSnapshot(`"#ooo# oo#o##o#oo##o#o# #o#S # G# # #"`);
});

test("null is the usual path of the size; 30×30 has the published filter", () => {
  expect([5, 8, 10, 15, 20, 30].map(usualMinPath)).toEqual([15, 26, 33, 51, 70, 110]);
  const usual = formatMaze(generateMaze({ size: 6, minPath: null, seed: 2 }, 0));
  expect(usual).toBe(formatMaze(generateMaze({ size: 6, minPath: usualMinPath(6), seed: 2 }, 0)));
});

test("a set holds no two images of one maze, and none that is excluded", () => {
  const settings = { size: 5, minPath: 14, seed: 1, count: 40 };
  const first = Array.from(generateMazes(settings));
  expect(Array.from(generateMazes(settings))).toEqual(first);
  const keys = new Set(first.map(canonicalKey));
  expect(keys.size).toBe(40);
  const second = Array.from(generateMazes({ ...settings, exclude: keys })).map(canonicalKey);
  expect(new Set(second).size).toBe(40);
  expect(second.filter((key) => keys.has(key))).toEqual([]);
});

test("what cannot be had is refused, with what can", () => {
  const random = stream(0, "x");
  expect(told(() => drawMaze(31, 110, random))).toMatchInlineSnapshot(
    `"maze/bad-size: a maze cannot have 31 rows here — size — ask for 5 to 30"`,
  );
  expect(told(() => drawMaze(6, 1, random))).toMatchInlineSnapshot(
    `"maze/bad-path: the shortest path of a 6×6 maze cannot have 1 cells or more — minPath — ask for 2 or more; usual for 6×6 are 19"`,
  );
  expect(told(() => drawMaze(6, 37, random))).toMatchInlineSnapshot(
    `"maze/bad-path: the shortest path of a 6×6 maze cannot have 37 cells or more — minPath — ask for 2 or more; usual for 6×6 are 19"`,
  );
});
