import { expect, test } from "vitest";
import { encodeAnswer, encodeQuestion } from "./encode.ts";
import { generateMaze } from "./generate.ts";
import { parseMaze, solveMaze } from "./rules.ts";
import { scoreMaze } from "./score.ts";

const TOKENS = "?# SGo";

/** An answer written like a maze, without line breaks. */
function judged(question: string, answer: string) {
  const maze = solveMaze(parseMaze(question));
  const tokens = Array.from(answer.replace(/\n/g, "").replaceAll(".", " "), (c) => TOKENS.indexOf(c));
  const { valid, problem, measures } = scoreMaze(maze, tokens);
  expect(measures?.shortestPath).toBe(valid ? 1 : 0);
  return { valid, problem, anyPath: measures?.anyPath };
}

const OPEN = "S..\n...\n..G";

test("any shortest path is right, not only that of the rule", () => {
  for (const answer of ["S..\no..\nooG", "Soo\n..o\n..G", "So.\n.oo\n..G"])
    expect(judged(OPEN, answer)).toEqual({ valid: true, problem: undefined, anyPath: 1 });
  expect(judged("SG\n..", "SG\n..")).toEqual({ valid: true, problem: undefined, anyPath: 1 });
});

test("a longer path is a path, but not right", () => {
  expect(judged("S..\n..G\n...", "S..\no.G\noo.")).toMatchObject({ valid: false, anyPath: 0 });
  expect(judged("S...\n....\n....\n.G..", "Soo.\n..o.\n..o.\n.Go.")).toEqual({
    valid: false,
    problem: "the path has 7 cells, the shortest 5",
    anyPath: 1,
  });
});

test("marks that are no path are told", () => {
  expect(judged(OPEN, OPEN)).toEqual({ valid: false, problem: "no path is marked", anyPath: 0 });
  expect(judged(OPEN, "S..\no..\no.G").problem).toBe("the marked cells do not connect S and G");
  expect(judged(OPEN, "S.o\no..\nooG").problem).toMatchInlineSnapshot(
    `"the path branches or touches itself: 1 of the marked cells can be left out"`,
  );
  expect(judged(OPEN, "So.\noo.\nooG").problem).toMatchInlineSnapshot(
    `"the path branches or touches itself: 2 of the marked cells can be left out"`,
  );
  // A ring beside the path is connected to nothing but itself.
  expect(judged("SG...\n.....\n.....\n.....\n.....", "SG...\n.....\n..ooo\n..o.o\n..ooo")).toMatchObject({
    valid: false,
    anyPath: 0,
  });
});

test("changed givens are told with their place", () => {
  const question = "S#.\n..G\n###";
  expect(judged(question, "S#.\nooG\n###").valid).toBe(true);
  expect(judged(question, "S..\nooG\n###")).toEqual({
    valid: false,
    problem: "a wall at (row 1, column 2) became an open cell",
    anyPath: 0,
  });
  expect(judged(question, "SoG\nooG\n###").problem).toBe("a wall at (row 1, column 2) became a path cell");
  expect(judged(question, "S#G\nooG\n###").problem).toBe("an open cell at (row 1, column 3) became G");
  expect(judged(question, "o#.\nooG\n###").problem).toBe("S at (row 1, column 1) became a path cell");
  expect(judged(question, "S#?\nooG\n###").problem).toBe("an open cell at (row 1, column 3) became padding");
});

test("labels of generated mazes are right, and one mark more or less is wrong", () => {
  for (let index = 0; index < 50; index++) {
    const maze = generateMaze({ size: 8, minPath: 14, seed: 5 }, index);
    const tokens = new Int32Array(64);
    encodeAnswer(maze, tokens);
    expect(scoreMaze(maze, tokens)).toEqual({
      ...{ valid: true, problem: undefined },
      measures: { shortestPath: 1, anyPath: 1 },
    });
    for (const [from, to] of [
      [5, 2],
      [2, 5],
    ]) {
      const changed = tokens.slice();
      changed[changed.indexOf(from)] = to;
      expect(scoreMaze(maze, changed).valid).toBe(false);
    }
    encodeQuestion(maze, tokens);
    expect(scoreMaze(maze, tokens).problem).toBe("no path is marked");
  }
});
