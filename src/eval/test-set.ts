// The examples of an evaluation, named in a way that another process can open the very same ones.

import { stream } from "../base/random/threefry.ts";
import type { TestSet } from "../tasks/dataset.ts";
import { loadTestSet, type TaskData } from "../tasks/index.ts";

export interface TestSource {
  /** The data section of the model's configuration. */
  readonly data: TaskData;
  /** Instead of the held-out puzzles of that section. */
  readonly file: string | null;
  /** At most so many puzzles, drawn with a fixed seed. */
  readonly limit: number | null;
}

export async function openTestSet({ data, file, limit }: TestSource): Promise<TestSet> {
  const all = await loadTestSet(data, file);
  return limit === null ? all : all.sample(stream(0, "eval-limit"), limit);
}
