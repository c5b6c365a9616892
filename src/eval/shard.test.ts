import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import { parseShard, shardFromEnvironment, shardPath, shardRange } from "./shard.ts";

function told(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ToolError) return `${error.exitCode}: ${error.format()}`;
    throw error;
  }
  return "nothing";
}

test("shards of the command line", () => {
  expect(parseShard("0/1")).toEqual({ index: 0, count: 1 });
  expect(parseShard("11/12")).toEqual({ index: 11, count: 12 });
  for (const bad of ["1", "4/4", "-1/4", "0/0", "1.5/4", "a/b", "1/2/3", "", "1e1/20"])
    expect(
      told(() => parseShard(bad)),
      bad,
    ).toBe(
      `2: --shard takes i/n with i from 0 to n - 1, not '${bad}' — for instance --shard 0/4 … --shard 3/4`,
    );
});

test("ranges cover everything once and differ by one at most", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 1, max: 40 }), (count, shards) => {
      let next = 0;
      for (let index = 0; index < shards; index++) {
        const { start, end } = shardRange(count, { index, count: shards });
        expect(start).toBe(next);
        expect(end - start).toBeGreaterThanOrEqual(Math.floor(count / shards));
        expect(end - start).toBeLessThanOrEqual(Math.ceil(count / shards));
        next = end;
      }
      expect(next).toBe(count);
    }),
    { seed: 2, numRuns: 200 },
  );
});

test("every scheduler's variables", () => {
  const cases: [Record<string, string>, string, number, number][] = [
    [{ SLURM_ARRAY_TASK_ID: "3", SLURM_ARRAY_TASK_COUNT: "8" }, "SLURM_ARRAY_TASK_ID", 3, 8],
    [
      { SLURM_ARRAY_TASK_ID: "3", SLURM_ARRAY_TASK_COUNT: "3", SLURM_ARRAY_TASK_MIN: "1" },
      "SLURM_ARRAY_TASK_ID",
      2,
      3,
    ],
    [{ SLURM_PROCID: "0", SLURM_NTASKS: "2" }, "SLURM_PROCID", 0, 2],
    [{ OMPI_COMM_WORLD_RANK: "5", OMPI_COMM_WORLD_SIZE: "6" }, "OMPI_COMM_WORLD_RANK", 5, 6],
    [{ PMI_RANK: "1", PMI_SIZE: "2" }, "PMI_RANK", 1, 2],
    [{ JOB_COMPLETION_INDEX: "0", JOB_COMPLETIONS: "10" }, "JOB_COMPLETION_INDEX", 0, 10],
    // An array job also has ranks, of its own single task.
    [
      {
        ...{ SLURM_PROCID: "0", SLURM_NTASKS: "1" },
        ...{ SLURM_ARRAY_TASK_ID: "1", SLURM_ARRAY_TASK_COUNT: "4" },
      },
      "SLURM_ARRAY_TASK_ID",
      1,
      4,
    ],
  ];
  for (const [environment, from, index, count] of cases)
    expect(shardFromEnvironment(environment)).toEqual({ shard: { index, count }, from });
  expect(shardFromEnvironment({})).toBeUndefined();
  expect(shardFromEnvironment({ SLURM_PROCID: "", PATH: "/bin" })).toBeUndefined();
});

test("variables that do not add up are no guess", () => {
  expect(told(() => shardFromEnvironment({ JOB_COMPLETION_INDEX: "1" }))).toMatchInlineSnapshot(
    `"2: JOB_COMPLETION_INDEX is set and JOB_COMPLETIONS is not: which part of the work is this? — set JOB_COMPLETIONS to the number of processes, or give --shard i/n instead"`,
  );
  const gap = { SLURM_ARRAY_TASK_ID: "7", SLURM_ARRAY_TASK_COUNT: "2", SLURM_ARRAY_TASK_MIN: "3" };
  expect(told(() => shardFromEnvironment(gap))).toMatchInlineSnapshot(
    `"2: the scheduler's variables do not say which part of the work this is — SLURM_ARRAY_TASK_ID=7, SLURM_ARRAY_TASK_COUNT=2, SLURM_ARRAY_TASK_MIN=3 — a job array must be without gaps and steps; otherwise give --shard i/n instead"`,
  );
  expect(told(() => shardFromEnvironment({ PMI_RANK: "x", PMI_SIZE: "2" }))).toMatchInlineSnapshot(
    `"2: the scheduler's variables do not say which part of the work this is — PMI_RANK=x, PMI_SIZE=2 — a job array must be without gaps and steps; otherwise give --shard i/n instead"`,
  );
});

test("in a folder each shard has its file", () => {
  const folder = mkdtempSync(join(tmpdir(), "whorl-test-"));
  const shard = { index: 2, count: 10 };
  expect(shardPath(folder, shard)).toBe(join(folder, "shard-2-of-10.npz"));
  expect(shardPath("not/there/", shard)).toBe(join("not/there", "shard-2-of-10.npz"));
  expect(shardPath("part.npz", shard)).toBe("part.npz");
});
