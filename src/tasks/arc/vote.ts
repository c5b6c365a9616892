// ARC's vote (spec/trm.md section 12, evaluators/arc.py of the reference): the answers to all augmented views of a test
// input, turned back, are counted; the most frequent win, and of equally frequent ones those of which the model was surer.
// Differs from the reference: tasks without known outputs are answered and not scored, and what found no votes is told.

import { invertAugmentation, parseIdentifier } from "./augment.ts";
import { cropGrid } from "./crop.ts";
import { type Grid, gridToJson } from "./grid.ts";
import { gridHash } from "./grid-hash.ts";
import type { ArcTask } from "./read.ts";

/** The answer to one view, turned back. Ballots are cast in the order of the data set's rows. */
export interface Ballot {
  readonly task: string;
  /** `gridHash` of the test input, turned back as well: it tells the test pairs of a task apart. */
  readonly inputHash: string;
  readonly prediction: Grid;
  readonly haltLogit: number;
}

/** A view as the model sees it, and what it says. */
export interface SavedView {
  /** Name of the puzzle: `task` or `task|||t3|||0123456789`. */
  readonly identifier: string;
  readonly inputs: ArrayLike<number>; // [side · side]
  readonly predictions: ArrayLike<number>; // [side · side]
  readonly haltLogit: number;
}

/** In the competition's layout. */
export interface Attempts {
  readonly attempt_1: number[][];
  readonly attempt_2: number[][];
}

export interface VoteResult {
  /** Mean over the scored tasks of the share of test pairs whose output is among the first K; by K. Empty without any. */
  readonly passAt: Record<string, number>;
  /** By task; an input without votes has no entry, as in the reference. */
  readonly submission: Record<string, Attempts[]>;
  /** Tasks with known outputs. */
  readonly scoredTasks: number;
  /** Test inputs without votes, which count as unsolved. */
  readonly unanswered: readonly { readonly task: string; readonly test: number }[];
  /** Ballots that belong to no test input of these tasks. */
  readonly strayBallots: number;
}

export const PASS_COUNTS: readonly number[] = [1, 2, 5, 10, 100, 1000];

/** Crops question and answer out of the canvas and takes the augmentation back. */
export function ballotOf({ identifier, inputs, predictions, haltLogit }: SavedView, side: number): Ballot {
  const { id, augmentation } = parseIdentifier(identifier);
  const original = (tokens: ArrayLike<number>) => {
    const grid = cropGrid(tokens, side);
    return augmentation ? invertAugmentation(augmentation, grid) : grid;
  };
  return { task: id, inputHash: gridHash(original(inputs)), prediction: original(predictions), haltLogit };
}

/** Votes for one prediction. */
interface Candidate {
  readonly prediction: Grid;
  readonly hash: string;
  votes: number;
  haltSum: number;
}

/** Test inputs by hash; candidates by their own hash, in the order of their first votes. */
type BallotBox = ReadonlyMap<string, Map<string, Candidate>>;

/**
 * Counts the votes.
 * @example
 * const { passAt, submission } = vote(ballots, tasks);
 */
export function vote(ballots: Iterable<Ballot>, tasks: readonly ArcTask[]): VoteResult {
  const boxes = new Map<string, BallotBox>(
    tasks.map(({ id, test }) => [id, new Map(test.map(({ input }) => [gridHash(input), new Map()]))]),
  );
  let strayBallots = 0;
  for (const ballot of ballots) {
    const candidates = boxes.get(ballot.task)?.get(ballot.inputHash);
    if (candidates) cast(ballot, candidates);
    else strayBallots++;
  }
  const outcomes = tasks.map((task) => countTask(task, boxes.get(task.id) ?? new Map()));
  const scored = outcomes.filter(({ known }) => known > 0);
  return {
    passAt: scored.length === 0 ? {} : meanPassAt(scored),
    submission: Object.fromEntries(outcomes.map(({ task, attempts }) => [task, attempts])),
    scoredTasks: scored.length,
    unanswered: outcomes.flatMap(({ unanswered }) => unanswered),
    strayBallots,
  };
}

function cast({ prediction, haltLogit }: Ballot, candidates: Map<string, Candidate>): void {
  const hash = gridHash(prediction);
  const candidate = candidates.get(hash) ?? { prediction, hash, votes: 0, haltSum: 0 };
  candidate.votes++;
  candidate.haltSum += 1 / (1 + Math.exp(-haltLogit));
  candidates.set(hash, candidate);
}

/** Candidates with the most votes first, then those with the higher mean halting probability, then the earlier ones. */
export function rank(candidates: Iterable<Candidate>): Candidate[] {
  return [...candidates].sort(
    (a, b) => b.votes - a.votes || b.haltSum / b.votes - a.haltSum / a.votes, // the sort is stable
  );
}

interface TaskOutcome {
  readonly task: string;
  readonly attempts: Attempts[];
  /** Test pairs whose output is known. */
  readonly known: number;
  /** For each of those that has it, the rank of the true output, from 0. */
  readonly ranks: readonly number[];
  readonly unanswered: VoteResult["unanswered"];
}

function countTask({ id, test }: ArcTask, box: BallotBox): TaskOutcome {
  const attempts: Attempts[] = [];
  const ranks: number[] = [];
  const unanswered: { task: string; test: number }[] = [];
  for (const [index, { input, output }] of test.entries()) {
    const ranking = rank(box.get(gridHash(input))?.values() ?? []);
    if (ranking.length === 0) {
      unanswered.push({ task: id, test: index });
      continue;
    }
    const [first, second = first] = ranking;
    attempts.push({ attempt_1: gridToJson(first.prediction), attempt_2: gridToJson(second.prediction) });
    if (!output) continue;
    const truth = gridHash(output);
    const found = ranking.findIndex(({ hash }) => hash === truth);
    if (found >= 0) ranks.push(found);
  }
  const known = test.filter(({ output }) => output !== undefined).length;
  return { task: id, attempts, known, ranks, unanswered };
}

function meanPassAt(scored: readonly TaskOutcome[]): Record<string, number> {
  const passAt = PASS_COUNTS.map((count): [string, number] => {
    let sum = 0;
    for (const { ranks, known } of scored) sum += ranks.filter((place) => place < count).length / known;
    return [String(count), sum / scored.length];
  });
  return Object.fromEntries(passAt);
}
