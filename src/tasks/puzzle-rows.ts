// Puzzles as rows of tokens, and what tells them apart.

import type { Examples } from "./dataset.ts";
import type { Task } from "./task.ts";

/** Questions as inputs, answers as labels. */
export function encodePuzzles<Puzzle>(task: Task<Puzzle>, puzzles: readonly Puzzle[]): Examples {
  const { seqLen } = task;
  const inputs = new Int32Array(puzzles.length * seqLen);
  const labels = new Int32Array(puzzles.length * seqLen);
  const identifiers = new Int32Array(puzzles.length);
  puzzles.forEach((puzzle, i) => {
    const [from, to] = [i * seqLen, (i + 1) * seqLen];
    task.encode(puzzle, inputs.subarray(from, to), labels.subarray(from, to));
    identifiers[i] = task.identifier?.(puzzle) ?? 0;
  });
  return { count: puzzles.length, inputs, labels, identifiers };
}

/** Equal for puzzles that count as the same. */
export function keyOf<Puzzle>(task: Task<Puzzle>, puzzle: Puzzle): string {
  if (task.key) return task.key(puzzle);
  return encodePuzzles(task, [puzzle]).inputs.join();
}

/** Tokens as text, in the task's own form if it has one. */
export function formatTokens(task: Pick<Task<unknown>, "format">, tokens: ArrayLike<number>): string {
  return task.format?.(tokens) ?? Array.from(tokens).join(" ");
}
