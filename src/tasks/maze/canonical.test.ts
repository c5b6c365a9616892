import { expect, test } from "vitest";
import { findData } from "../../base/data-folder.ts";
import { stream } from "../../base/random/threefry.ts";
import { drawImage, imageOf } from "./augment.ts";
import { canonicalKey, symmetryInvariant } from "./canonical.ts";
import { labelProblem, readMazeFile } from "./dataset.ts";
import { encodeAnswer } from "./encode.ts";
import { generateMaze } from "./generate.ts";
import { formatMaze, type Maze, parseMaze, solveMaze } from "./rules.ts";
import { scoreMaze } from "./score.ts";
import { SYMMETRIES } from "./symmetries.ts";

const some = (count: number, size = 6) =>
  Array.from({ length: count }, (_, index) => generateMaze({ size, minPath: 6, seed: 8 }, index));

/** A quarter turn counter-clockwise and a mirror, of lines of text: all symmetries come of these two. */
const turned = (rows: string[]) => rows.map((_, i) => rows.map((row) => row[rows.length - 1 - i]).join(""));
const mirrored = (rows: string[]) => rows.map((row) => [...row].reverse().join(""));

function linesOf(maze: Maze, withAnswer = false): string[] {
  return formatMaze(maze, withAnswer).match(new RegExp(`.{${maze.size}}`, "g")) ?? [];
}

function imagesOf(rows: string[]): string[][] {
  const turns = [rows, turned(rows), turned(turned(rows)), turned(turned(turned(rows)))];
  return [...turns, ...turns.map(mirrored)];
}

test("images are those of the reference, by its numbers, answers with them", () => {
  for (const maze of some(5)) {
    const rows = linesOf(maze, true);
    const [r0, r1, r2, r3, left, antidiagonal, upsideDown, transposed] = imagesOf(rows);
    const expected = [r0, r1, r2, r3, left, upsideDown, transposed, antidiagonal];
    expect(transposed[0]).toBe(rows.map((row) => row[0]).join(""));
    expect(upsideDown[0]).toBe(rows[rows.length - 1]);
    for (let symmetry = 0; symmetry < SYMMETRIES; symmetry++) {
      const image = imageOf(maze, symmetry);
      expect(linesOf(image, true)).toEqual(expected[symmetry]);
      expect(image.rating).toBe(maze.rating);
    }
  }
});

test("an image's answer is right, though often not the path of the rule; all seven are drawn", () => {
  const random = stream(3, "images");
  let broken = 0;
  for (const maze of some(60, 8)) {
    const image = drawImage(maze, random);
    const tokens = new Int32Array(64);
    encodeAnswer(image, tokens);
    expect(scoreMaze(image, tokens).valid).toBe(true);
    if (labelProblem({ ...image, path: image.path ?? new Uint8Array() })) broken++;
  }
  expect(broken).toBeGreaterThan(5);
  const maze = solveMaze(parseMaze("S#.\n...\n#.G"));
  const drawn = Array.from({ length: 80 }, () => formatMaze(drawImage(maze, random)));
  const all = Array.from({ length: 7 }, (_, i) => formatMaze(imageOf(maze, i + 1)));
  expect([...new Set(drawn)].sort()).toEqual([...new Set(all)].sort());
  expect(drawn).not.toContain(formatMaze(maze));
});

test("the canonical form is the smallest of the 16 strings", () => {
  for (const maze of some(40)) {
    const exchanged = { ...maze, start: maze.goal, goal: maze.start };
    const texts = [maze, exchanged].flatMap((one) => imagesOf(linesOf(one)).map((rows) => rows.join("")));
    expect(canonicalKey(maze)).toBe(texts.sort()[0]);
  }
});

test("images share key and invariant, other mazes do not", () => {
  const mazes = some(200);
  for (const maze of mazes.slice(0, 40)) {
    const exchanged = { ...maze, start: maze.goal, goal: maze.start };
    for (let symmetry = 0; symmetry < SYMMETRIES; symmetry++) {
      const image = imageOf(exchanged, symmetry);
      expect(canonicalKey(image)).toBe(canonicalKey(maze));
      expect(symmetryInvariant(image)).toBe(symmetryInvariant(maze));
    }
  }
  expect(new Set(mazes.map(canonicalKey)).size).toBe(200);
  expect(new Set(mazes.map(symmetryInvariant)).size).toBeGreaterThan(190);
});

const files = ["train", "test"].map((part) => findData(`maze/maze-30x30-hard-1k-${part}.csv`) ?? "");

test.skipIf(files.includes(""))("Maze-Hard: no two mazes are the same", () => {
  const mazes = files.flatMap((file) => readMazeFile(file));
  expect(new Set(mazes.map(canonicalKey)).size).toBe(1786);
  expect(new Set(mazes.map(symmetryInvariant)).size).toBe(1786);
});
