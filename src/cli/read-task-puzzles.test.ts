import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import type { Task } from "../tasks/task.ts";
import { readPuzzles } from "./read-puzzles.ts";
import { taskReader } from "./read-task-puzzles.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-puzzles-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Nine cells, of which any may be a space; a puzzle is its text. */
const nine: Task<string> = {
  family: "nine",
  title: "nine 3×3",
  seqLen: 9,
  vocabSize: 4,
  encode: () => {},
  augment: (puzzle) => puzzle,
  score: () => ({ valid: true }),
  draw: () => [],
  parse(text) {
    const cells = text.replaceAll("\n", "");
    if (cells.length !== 9) throw new Error(`${cells.length} cells, not 9`);
    if (cells.includes("!"))
      throw new ToolError("a cell is !", { code: "nine/bad", hint: "use letters", exitCode: 2 });
    return cells;
  },
};

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function read(words: string | string[], input = "", task = nine): Promise<string[]> {
  const puzzles = await readPuzzles([words].flat(), taskReader(task, "data.module"), async () => input);
  return puzzles.map(({ puzzle, where }) => `${where?.replace(folder, "<folder>") ?? "-"} [${puzzle}]`);
}

async function refusal(words: string | string[], input = "", task = nine): Promise<string> {
  try {
    return `accepted: ${await read(words, input, task)}`;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return `${error.exitCode}: ${error.format().replaceAll(folder, "<folder>")}`;
  }
}

test("words, lines, grids and CSV; spaces are cells", async () => {
  expect(await read(" bcdefgh ")).toEqual(["- [ bcdefgh ]"]);
  expect(await read("ab \n   \nghi")).toEqual(["- [ab    ghi]"]);
  expect(await read(["abcdefghi", "         "])).toEqual(["puzzle 1 [abcdefghi]", "puzzle 2 [         ]"]);
  const lines = file("lines.txt", "\uFEFFabcdefghi\r\n         \r\n#########\r\n");
  expect(await read(lines)).toEqual([
    "<folder>/lines.txt:1 [abcdefghi]",
    "<folder>/lines.txt:2 [         ]",
    "<folder>/lines.txt:3 [#########]",
  ]);
  expect(await read("-", "ab \n   \nghi\n\n\nabcdefghi\n123\n456\n789\n")).toEqual([
    "stdin:1 [ab    ghi]",
    "stdin:6 [abcdefghi]",
    "stdin:7 [123456789]",
  ]);
  const csv = file("some.csv", "source,question,answer,rating\nme, bcdefgh ,,\nme,         ,nonsense,7\n");
  expect(await read(csv)).toEqual(["<folder>/some.csv:2 [ bcdefgh ]", "<folder>/some.csv:3 [         ]"]);
  expect(await read("abc/efghi")).toEqual(["- [abc/efghi]"]);
});

test("what the task says is wrong gets its place", async () => {
  expect(await refusal("abc")).toMatchInlineSnapshot(`"1: 3 cells, not 9"`);
  expect(await refusal(file("bad.txt", "abcdefghi\n\nabcdefgh!\n"))).toMatchInlineSnapshot(
    `"2: a cell is ! — <folder>/bad.txt:3 — use letters"`,
  );
  expect(await refusal("-", "source,question,answer,rating\nme,abcd,,\n")).toMatchInlineSnapshot(
    `"1: 4 cells, not 9 — stdin:2"`,
  );
  expect(await refusal("-", "source,puzzle\n")).toMatchInlineSnapshot(
    `"1: the header is "source,puzzle" — stdin:1 — a puzzle file starts with the line source,question,answer,rating"`,
  );
  expect(await refusal("-", "\n")).toMatchInlineSnapshot(
    `"1: there is no puzzle in stdin — write one puzzle (nine 3×3) a line, or grids in lines with an empty line between"`,
  );
  expect(await refusal("puzzels.txt")).toMatchInlineSnapshot(
    `"2: 'puzzels.txt' is neither a file nor a puzzle — give a puzzle (nine 3×3), a file, or - to read from stdin"`,
  );
  expect(await refusal("abcdefghi", "", { ...nine, parse: undefined })).toMatchInlineSnapshot(
    `"2: puzzles of nine 3×3 cannot be read: the task has no parse() — data.module — add parse(text) to the task, see examples/lights-out"`,
  );
});
