import { expect, test } from "vitest";
import { differsFrom, drawGrid, drawPair } from "./draw.ts";
import { grid } from "./testing/tasks.ts";

test("without colours, digits two characters wide; marked cells have an exclamation mark", () => {
  expect(drawGrid(grid("012", "345"))).toEqual(["0 1 2 ", "3 4 5 "]);
  const marked = differsFrom(grid("012", "345"), grid("012", "349"));
  expect(drawGrid(grid("012", "349"), { isMarked: marked })).toEqual(["0 1 2 ", "3 4 9!"]);
  const otherSize = differsFrom(grid("01"), grid("012"));
  expect(drawGrid(grid("012"), { isMarked: otherSize })).toEqual(["0!1!2!"]);
});

test("with colours, blocks: of 256, or of all", () => {
  expect(drawGrid(grid("04"), { colors: true })).toEqual([
    "\u001b[97;48;5;16m  \u001b[0m\u001b[30;48;5;220m  \u001b[0m",
  ]);
  expect(drawGrid(grid("9"), { colors: true, trueColor: true, isMarked: () => true })).toEqual([
    "\u001b[97;48;2;135;12;37m><\u001b[0m",
  ]);
});

test("pairs stand side by side, aligned whatever their heights", () => {
  const draw = (input: string[], output: string[] | undefined, ascii = false) =>
    drawPair({ input: grid(...input), output: output && grid(...output) }, { ascii });
  expect(draw(["12", "34", "56"], ["7"])).toEqual(["1 2   →   7", "3 4", "5 6"]);
  expect(draw(["12"], ["1", "2", "3"], true)).toEqual(["1 2   ->  1", "          2", "          3"]);
  expect(draw(["12", "34", "56"], ["1", "2", "3"])).toEqual(["1 2       1", "3 4   →   2", "5 6       3"]);
  expect(draw(["12"], undefined)).toEqual(["1 2   →   ?"]);
});

test("in a pair only the output is marked", () => {
  const pair = { input: grid("1"), output: grid("2") };
  expect(drawPair(pair, { isMarked: () => true })).toEqual(["1   →   2!"]);
});
