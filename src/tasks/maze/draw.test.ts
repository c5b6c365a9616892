import { expect, test } from "vitest";
import { drawMazeLines, type MazeColors } from "./draw.ts";
import { encodeAnswer } from "./encode.ts";
import { parseMaze, solveMaze } from "./rules.ts";

const maze = solveMaze(parseMaze("S.#.\n.#..\n...G\n.#.."));

const COLORS: MazeColors = {
  gray: (text) => text,
  bold: (text) => `*${text[0]}`,
  bgGreen: () => "oo",
  bgRed: (text) => `r${text[0]}`,
  bgYellow: (text) => `y${text[0]}`,
};

function drawn(answer?: string, colors?: MazeColors): string {
  const tokens = answer && Array.from(answer.replace(/\n/g, ""), (character) => "?#.SGo".indexOf(character));
  return `\n${drawMazeLines(maze, { answer: tokens || undefined, colors }).join("\n")}`;
}

test("the question in plain characters can be read back", () => {
  expect(drawn()).toMatchInlineSnapshot(`
    "
    +----+
    |S # |
    | #  |
    |   G|
    | #  |
    +----+"
  `);
  expect(solveMaze(parseMaze(drawMazeLines(maze).join("\n")))).toEqual(maze);
});

test("a right answer has its path, the label as well", () => {
  expect(drawn("S.#.\no#..\noooG\n.#..")).toMatchInlineSnapshot(`
    "
    +----+
    |S # |
    |o#  |
    |oooG|
    | #  |
    +----+"
  `);
  const tokens = new Int32Array(16);
  encodeAnswer(maze, tokens);
  expect(parseMaze(drawMazeLines(maze, { answer: tokens }).join("\n"))).toEqual(maze);
});

test("what is wrong with an answer is marked: changed cells, marks off the path, missing ones", () => {
  expect(drawn("So..\no#..\no.oG\nG#.?")).toMatchInlineSnapshot(`
    "
    +----+
    |Sx! |
    |o#  |
    |o?oG|
    |!# !|
    +----+"
  `);
  // Without a known answer there is no telling which mark is wrong.
  const tokens = Array.from("So#..#..o.oG.#..", (character) => "?#.SGo".indexOf(character));
  expect(drawMazeLines({ ...maze, path: undefined }, { answer: tokens })[1]).toBe("|So# |");
});

test("in colour every cell is two characters wide", () => {
  expect(drawn(undefined, COLORS)).toMatchInlineSnapshot(`
    "
    *S  ██  
      ██    
          *G
      ██    "
  `);
  expect(drawn("So..\no#..\no.oG\nG#.?", COLORS)).toMatchInlineSnapshot(`
    "
    *Srxr!  
    oo██    
    ooy?oo*G
    r!██  r!"
  `);
  expect(drawn("S.#.\no#..\noooG\n.#..", COLORS)).toMatchInlineSnapshot(`
    "
    *S  ██  
    oo██    
    oooooo*G
      ██    "
  `);
});
