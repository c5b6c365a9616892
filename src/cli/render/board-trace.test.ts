import picocolors from "picocolors";
import { expect, test } from "vitest";
import { attemptAt } from "../../eval/testing/sudoku-attempt.ts";
import { parseBoard } from "../../tasks/sudoku/rules.ts";
import { describeAnswer, drawAnswer, drawTrace } from "./board-trace.ts";
import type { TraceStyle } from "./trace.ts";

const plain: TraceStyle = { colors: picocolors.createColors(false), width: 80 };
const coloured: TraceStyle = { colors: picocolors.createColors(true), width: 80 };
const puzzle = parseBoard("1.3. .4.. ..4. 4..1");
const solution = "1234 3412 2143 4321";

function attempt(question: string, ...steps: [text: string, haltLogit: number][]) {
  return attemptAt(
    parseBoard(question),
    steps.map(([text, haltLogit]) => ({ board: parseBoard(text), haltLogit })),
  );
}

const solved = attempt(
  "1.3. .4.. ..4. 4..1",
  ["1.34 3422 2143 4321", -4],
  [solution, 1],
  [solution, 2],
  [solution, 4],
);

test("a right answer", () => {
  const lines = [...drawAnswer(solved, plain), ...describeAnswer(solved, plain)];
  expect(`\n${lines.join("\n")}`).toMatchInlineSnapshot(`
    "
    puzzle         answer
    ┌─────┬─────┐  ┌─────┬─────┐
    │ 1 · │ 3 · │  │ 1 2 │ 3 4 │
    │ · 4 │ · · │  │ 3 4 │ 1 2 │
    ├─────┼─────┤  ├─────┼─────┤
    │ · · │ 4 · │  │ 2 1 │ 4 3 │
    │ 4 · │ · 1 │  │ 4 3 │ 2 1 │
    └─────┴─────┘  └─────┴─────┘
    valid: complete, breaks no rule, keeps the givens
    first solved at step 2 of 4; the model is 98.2 % sure of its answer"
  `);
});

test("what is wrong with an answer is said", () => {
  const describe = (question: string, ...steps: [string, number][]) =>
    describeAnswer(attempt(question, ...steps), plain).join("\n");
  expect(describe("1...............", [".432 3214 2143 4321", -0.5])).toMatchInlineSnapshot(`
    "not valid: 1 cell is empty; r1c1 is given as 1
    never solved in 1 step; the model is 37.8 % sure of its answer"
  `);
  expect(
    describe("1...............", ["1434 3214 2143 4321", 0], [solution, 1], ["1111 1111 1111 111.", 3]),
  ).toMatchInlineSnapshot(`
    "not valid: 1 cell is empty; four 1s in row 1, four 1s in row 2, four 1s in row 3, three 1s in row 4 and 8 more
    first solved at step 2 of 3, then lost again; the model is 95.3 % sure of its answer"
  `);
});

test("a trace draws every change and sums up what stays", () => {
  expect(`\n${drawTrace(solved, plain).join("\n")}`).toMatchInlineSnapshot(`
    "
    puzzle         step 1, halt 1.8 %      step 2, halt 73.1 %
    ┌─────┬─────┐  ┌─────┬─────┐           ┌─────┬─────┐
    │ 1 · │ 3 · │  │ 1 · │ 3 4 │           │ 1 2 │ 3 4 │
    │ · 4 │ · · │  │ 3 4 │ 2 2 │           │ 3 4 │ 1 2 │
    ├─────┼─────┤  ├─────┼─────┤           ├─────┼─────┤
    │ · · │ 4 · │  │ 2 1 │ 4 3 │           │ 2 1 │ 4 3 │
    │ 4 · │ · 1 │  │ 4 3 │ 2 1 │           │ 4 3 │ 2 1 │
    └─────┴─────┘  └─────┴─────┘           └─────┴─────┘
                   1 empty, 3 in conflict  solved
    step 1: filled in 9 cells
    step 1: broken: two 2s in row 2, two 2s in column 3, two 2s in box 2
    step 2: changed r1c2 ·→2, r2c3 2→1
    steps 3–4: no change, halt 88.1 % → 98.2 %"
  `);
});

test("a trace without room goes downwards", () => {
  const widths = drawTrace(solved, { ...plain, width: 30 }).map((line) => (line.match(/┌/g) ?? []).length);
  expect(Math.max(...widths)).toBe(1);
  expect(widths.filter((frames) => frames === 1)).toHaveLength(3);
});

test("nine by nine boards stand three in 80 columns", () => {
  const empty = ".".repeat(81);
  const trace = drawTrace(attempt(empty, ["1".repeat(81), 0], ["2".repeat(81), 0]), plain);
  const drawn = trace.slice(0, 15);
  expect(drawn[1].match(/┌/g)).toHaveLength(3);
  expect(Math.max(...drawn.map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(trace.join("\n")).toContain("step 2: changed r1c1 1→2, r1c2 1→2, r1c3 1→2, r1c4 1→2 and 77 more");
});

test("with colours givens are bold, broken cells red, changes inverse, and words give way", () => {
  const { bold, red, cyan, inverse } = coloured.colors;
  const trace = drawTrace(
    attempt("1.3. .4.. ..4. 4..1", ["1.34 3422 2143 4321", 0], [solution, 1]),
    coloured,
  ).join("\n");
  expect(trace).toContain(`│ 3 ${bold("4")} │ ${red("2")} ${red("2")} │`);
  expect(trace).toContain(`│ ${bold("1")} ${inverse(cyan("2"))} │ ${bold("3")} 4 │`);
  expect(trace).not.toMatch(/changed|broken/);
  const [, , firstRow] = drawAnswer(
    attemptAt(puzzle, [{ board: parseBoard(solution), haltLogit: 0 }]),
    coloured,
  );
  expect(firstRow).toContain(`│ ${bold("1")} ${cyan("2")} │ ${bold("3")} ${cyan("4")} │`);
});
