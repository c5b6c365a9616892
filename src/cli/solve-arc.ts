// `whorl solve` for ARC: tasks that the model has a puzzle vector for, each test input answered by a vote over its
// augmented views; how the answer to the view as it stands came about is shown like that of any other puzzle.

import { text as readAll } from "node:stream/consumers";
import { ToolError } from "../base/errors.ts";
import type { Executor } from "../engine/executors/executor.ts";
import { type ArcSubmission, answerArcTasks, isSolved } from "../eval/answer-arc.ts";
import type { OpenedModel } from "../runs/open-model.ts";
import type { ArcBuild } from "../tasks/arc/build.ts";
import type { ArcData } from "../tasks/arc/config.ts";
import { drawGrid } from "../tasks/arc/draw.ts";
import { gridToJson, parseGrid } from "../tasks/arc/grid.ts";
import { buildFrom, builtTestSet } from "../tasks/arc/load.ts";
import { type ArcTask, parseArcTasks, readArcTasks } from "../tasks/arc/read.ts";
import { type ArcExample, arcTask } from "../tasks/arc/task.ts";
import type { Attempts } from "../tasks/arc/vote.ts";
import type { Sourced } from "./read-puzzles.ts";
import { sideBySide } from "./render/table.ts";
import { type PuzzleKind, taskKind } from "./solve-kinds.ts";

/** A test input of a task. */
interface ArcQuestion extends ArcExample {
  readonly task: string;
  /** From 0. */
  readonly test: number;
}

export function arcKind(
  { model, weights }: OpenedModel,
  data: ArcData,
  executor: Executor,
  options: { steps: number; colors: boolean },
): PuzzleKind<ArcQuestion> {
  const kind = taskKind(arcTask<ArcQuestion>(data.side, options.colors), "data.task");
  let submission: ArcSubmission = {};
  const attemptsOf = (question: ArcQuestion) => submission[question.task]?.[question.test];
  return {
    ...kind,
    async read(words) {
      const build = buildFrom(data);
      const tasks = (await Promise.all(words.map(readTasks))).flat();
      const testSet = builtTestSet(build, tasks, data, "the command line");
      submission = await answerArcTasks(executor, model, weights, testSet, options);
      return tasks.flatMap((asked) => questionsOf(asked, build));
    },
    inspect: ({ puzzle }) => reportOf(puzzle, attemptsOf(puzzle)),
    show(attempt, style, trace) {
      const attempts = attemptsOf(attempt.puzzle);
      const drawn = Object.entries(attempts ?? {}).map(([name, grid], i) => [
        `attempt ${i + 1}`,
        ...drawGrid(parseGrid(grid, name), { colors: options.colors }),
      ]);
      const input = ["input", ...drawGrid(attempt.puzzle.input, { colors: options.colors })];
      const solved = isSolved(attempt.puzzle, attempts);
      const verdict = solved === null ? "nobody knows the output" : solved ? "solved" : "not solved";
      return [
        ...sideBySide([input, ...drawn]),
        solved ? style.colors.green(verdict) : verdict,
        ...(trace ? ["", "without voting:", ...kind.show(attempt, style, true)] : []),
      ];
    },
  };
}

async function readTasks(word: string): Promise<ArcTask[]> {
  if (word === "-") return parseArcTasks(await readAll(process.stdin), "stdin");
  return readArcTasks(word);
}

function questionsOf({ id, test }: ArcTask, build: ArcBuild): Sourced<ArcQuestion>[] {
  const identifier = build.identifierOf(id);
  if (identifier === undefined)
    throw new ToolError(`the model has no puzzle vector for task ${id}`, { code: "solve/unknown-task" });
  return test.map((pair, i) => ({
    puzzle: { ...pair, identifier, task: id, test: i },
    where: `${id}, test ${i + 1}`,
  }));
}

/** In `--json`, the first attempt is the answer. */
function reportOf(question: ArcQuestion, attempts: Attempts | undefined): Record<string, unknown> {
  const { task, test, input, output } = question;
  const answer = attempts?.attempt_1 ?? null;
  const isRight = output && JSON.stringify(answer) === JSON.stringify(gridToJson(output));
  return {
    ...{ task, test, input: gridToJson(input), answer, attempts: attempts ? Object.values(attempts) : [] },
    ...{ valid: isRight ?? null, solved: isSolved(question, attempts) },
  };
}
