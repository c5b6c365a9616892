// Which part of an evaluation one process does: `--shard i/n`, or what a scheduler says in the environment. Shards are
// contiguous ranges that differ by one example at most; their files are shard-file.ts.

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { ToolError } from "../base/errors.ts";

export interface Shard {
  /** From 0. */
  readonly index: number;
  readonly count: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables of a scheduler: the number of this process, how many there are, and the first number where it is not 0. */
const SCHEDULERS: readonly { index: string; count: string; first?: string }[] = [
  { index: "SLURM_ARRAY_TASK_ID", count: "SLURM_ARRAY_TASK_COUNT", first: "SLURM_ARRAY_TASK_MIN" },
  { index: "SLURM_PROCID", count: "SLURM_NTASKS" },
  { index: "OMPI_COMM_WORLD_RANK", count: "OMPI_COMM_WORLD_SIZE" },
  { index: "PMI_RANK", count: "PMI_SIZE" },
  { index: "JOB_COMPLETION_INDEX", count: "JOB_COMPLETIONS" },
];

/** `0/4` is the first of four. */
export function parseShard(text: string): Shard {
  const match = /^(?<index>\d+)\/(?<count>\d+)$/.exec(text.trim());
  const shard = { index: Number(match?.groups?.index), count: Number(match?.groups?.count) };
  if (isShard(shard)) return shard;
  throw new ToolError(`--shard takes i/n with i from 0 to n - 1, not '${text}'`, {
    code: "usage/shard",
    hint: "for instance --shard 0/4 … --shard 3/4",
    exitCode: 2,
  });
}

export function formatShard({ index, count }: Shard): string {
  return `${index}/${count}`;
}

/** The shard of a process that a scheduler started, and by which variable; undefined outside of one. */
export function shardFromEnvironment(
  environment: Environment,
): { readonly shard: Shard; readonly from: string } | undefined {
  const scheduler = SCHEDULERS.find(({ index }) => isSet(environment, index));
  if (!scheduler) return undefined;
  const { index, count, first } = scheduler;
  const hint = "give --shard i/n instead";
  if (!isSet(environment, count))
    throw new ToolError(`${index} is set and ${count} is not: which part of the work is this?`, {
      code: "shard/environment",
      hint: `set ${count} to the number of processes, or ${hint}`,
      exitCode: 2,
    });
  const start = first && isSet(environment, first) ? Number(environment[first]) : 0;
  const shard = { index: Number(environment[index]) - start, count: Number(environment[count]) };
  if (isShard(shard)) return { shard, from: index };
  const names = first ? [index, count, first] : [index, count];
  throw new ToolError("the scheduler's variables do not say which part of the work this is", {
    code: "shard/environment",
    where: names.map((name) => `${name}=${environment[name] ?? ""}`).join(", "),
    hint: `a job array must be without gaps and steps; otherwise ${hint}`,
    exitCode: 2,
  });
}

/** The examples from `start` until before `end`. With more shards than examples some are empty. */
export function shardRange(count: number, shard: Shard): { readonly start: number; readonly end: number } {
  const boundary = (index: number) => Math.floor((count * index) / shard.count);
  return { start: boundary(shard.index), end: boundary(shard.index + 1) };
}

/**
 * The file of a shard: `path` itself, or in it when it is a folder or ends in a slash, so that all processes of a job
 * can be started with the same words.
 */
export function shardPath(path: string, { index, count }: Shard): string {
  const isFolder = /[/\\]$/.test(path) || (existsSync(path) && statSync(path).isDirectory());
  return isFolder ? join(path, `shard-${index}-of-${count}.npz`) : path;
}

function isSet(environment: Environment, name: string): boolean {
  return environment[name] !== undefined && environment[name] !== "";
}

function isShard({ index, count }: Shard): boolean {
  return Number.isSafeInteger(index) && Number.isSafeInteger(count) && index >= 0 && index < count;
}
