import picocolors from "picocolors";
import { expect, test } from "vitest";
import { attemptOf } from "../../eval/solve.ts";
import type { Task } from "../../tasks/task.ts";
import { describeTaskAnswer, drawTaskAnswer, drawTaskTrace, type TraceStyle } from "./trace.ts";

const plain: TraceStyle = { colors: picocolors.createColors(false), width: 60 };

/** Four cells in two rows; right is an answer that equals the puzzle. */
const copy: Task<string> = {
  family: "copy",
  title: "copying",
  seqLen: 4,
  vocabSize: 27,
  encode: () => {},
  augment: (puzzle) => puzzle,
  score(puzzle, answer) {
    const wrong = Array.from(puzzle).filter((letter, i) => letter !== letterOf(answer[i])).length;
    return wrong === 0
      ? { valid: true, measures: { kept: 1 } }
      : { valid: false, problem: `${wrong} wrong`, measures: { kept: 1 - wrong / 4 } };
  },
  draw(puzzle, answer) {
    const text = answer ? Array.from(answer, letterOf).join("") : puzzle;
    return [text.slice(0, 2), text.slice(2)];
  },
};

function letterOf(token: number): string {
  return String.fromCharCode(96 + token);
}

function attempt(puzzle: string, ...answers: string[]) {
  const steps = answers.map((answer, i) => ({
    tokens: Int32Array.from(answer, (letter) => letter.charCodeAt(0) - 96),
    haltLogit: i,
  }));
  return attemptOf(copy, puzzle, steps);
}

test("an answer in words and drawn, of any task", () => {
  const lost = attempt("abcd", "abcd", "abca");
  expect(
    `\n${[...drawTaskAnswer(copy, lost), ...describeTaskAnswer(lost, plain)].join("\n")}`,
  ).toMatchInlineSnapshot(`
    "
    puzzle  answer
    ab      ab
    cd      ca
    not valid: 1 wrong
    first solved at step 1 of 2, then lost again; the model is 73.1 % sure of its answer
    kept 75.0 %"
  `);
  expect(describeTaskAnswer(attempt("abcd", "aaaa", "abcd"), plain)[0]).toBe("valid by the rules");
  const wordless = { ...attempt("abcd", "aaaa"), score: { valid: false } };
  expect(describeTaskAnswer(wordless, plain)).toEqual([
    "not valid",
    "never solved in 1 step; the model is 50.0 % sure of its answer",
  ]);
});

test("a trace draws each change, as many in a row as fit", () => {
  const trace = attempt("abcd", "aaaa", "aaaa", "aaaa", "abca", "abcd", "abcd");
  expect(`\n${drawTaskTrace(copy, trace, plain).join("\n")}`).toMatchInlineSnapshot(`
    "
    puzzle  step 1, halt 50.0 %
    ab      aa
    cd      aa
            3 wrong
    steps 2–3: no change, halt 73.1 % → 88.1 %
    step 4, halt 95.3 %  step 5, halt 98.2 %
    ab                   ab
    ca                   cd
    1 wrong              solved
    step 6: no change, halt 99.3 %"
  `);
  const wide = drawTaskTrace(copy, trace, { ...plain, width: 200 });
  expect(wide).toHaveLength(4 + 2);
});
