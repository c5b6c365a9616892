// From the answers of a model to ARC's judgement: each answer is cropped, turned back to the original task, and voted on.

import { logWarning } from "../../base/log.ts";
import type { RandomStream } from "../../base/random/threefry.ts";
import type { Answer, Judgement } from "../dataset.ts";
import { type ArcAugmentation, invertAugmentation } from "./augment.ts";
import { cropGrid } from "./crop.ts";
import type { ArcTask } from "./read.ts";
import { type Ballot, vote } from "./vote.ts";

/** What a row of a test set shows. */
export interface View {
  readonly task: string;
  /** Hash of the original test input. */
  readonly inputHash: string;
  readonly augmentation: ArcAugmentation | undefined;
}

/** Answers in the order of the rows, as the reference counts them. */
export function judgeViews(
  answers: Iterable<Answer>,
  viewOf: (row: number) => View,
  tasks: readonly ArcTask[],
  side: number,
): Judgement {
  const { passAt, submission, unanswered, strayBallots } = vote(castBallots(answers, viewOf, side), tasks);
  if (unanswered.length > 0) {
    const first = unanswered.slice(0, 3).map(({ task, test }) => `${task} test ${test + 1}`);
    const more = unanswered.length > 3 ? ", …" : "";
    logWarning(`ARC: ${unanswered.length} test inputs have no answers (${first.join(", ")}${more})`);
  }
  if (strayBallots > 0) logWarning(`ARC: ${strayBallots} answers belong to no test input`);
  return Object.keys(passAt).length > 0 ? { passAt, submission } : { submission };
}

function* castBallots(
  answers: Iterable<Answer>,
  viewOf: (row: number) => View,
  side: number,
): Generator<Ballot> {
  for (const { index, tokens, haltLogit } of answers) {
    const { task, inputHash, augmentation } = viewOf(index);
    const cropped = cropGrid(tokens, side);
    const prediction = augmentation ? invertAugmentation(augmentation, cropped) : cropped;
    yield { task, inputHash, prediction, haltLogit };
  }
}

/** Drawn without replacement, in their order. */
export function sampleTasks(tasks: readonly ArcTask[], random: RandomStream, count: number): ArcTask[] {
  const order = random.permutation(tasks.length).slice(0, count);
  return order.sort((a, b) => a - b).map((index) => tasks[index]);
}
