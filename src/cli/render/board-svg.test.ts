import { expect, test } from "vitest";
import { attemptAt } from "../../eval/testing/sudoku-attempt.ts";
import { parseBoard } from "../../tasks/sudoku/rules.ts";
import { drawTraceSvg } from "./board-svg.ts";

test("a picture of the puzzle and of each step that changed something", () => {
  const puzzle = parseBoard("1.3..2....4.4..1");
  const boards = ["1234341121434321", "1234341221434321", "1234341221434321"].map((text) => parseBoard(text));
  const steps = boards.map((board, i) => ({ board, haltLogit: i }));
  const svg = drawTraceSvg(attemptAt(puzzle, steps));
  expect(svg.match(/<g /g)).toHaveLength(3); // the puzzle, step 1, steps 2 and 3 as one
  expect(svg).toContain(">steps 2–3</text>");
  expect(svg).toMatch(/<title id="title">[^<]+<\/title>/);
  expect(svg.match(/fill="#fff1b8"/g)).toHaveLength(1); // the one changed cell
  expect(svg).toContain(">puzzle</text>");
});
