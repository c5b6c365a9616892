// Shards of one evaluation laid side by side: the rows of the whole, checked to be all of it, each once, of one work.

import { ToolError } from "../base/errors.ts";
import { copyRows, type EvaluationRows, makeRows } from "./rows.ts";
import { formatShard, shardRange } from "./shard.ts";
import { findDifference, readShard, type ShardFile, type ShardMeta, type ShardWork } from "./shard-file.ts";

export interface MergedShards {
  readonly work: ShardWork;
  readonly rows: EvaluationRows;
  /** Of all shards together. */
  readonly seconds: number;
  /** All that took part. */
  readonly backend: string;
}

/** Reads the files one after the other: no more than one is in memory beside the whole. */
export async function mergeShards(paths: readonly string[]): Promise<MergedShards> {
  const taken = new Map<number, ShardMeta & { path: string }>();
  let whole: EvaluationRows | undefined;
  for (const path of paths) {
    const file = await readShard(path);
    checkFits(file, taken);
    const { work, shard, rows } = file;
    whole ??= makeRows(work.examples, work.supervisionSteps, rows.seqLen);
    if (rows.seqLen !== whole.seqLen) throw mixed(`${path} has rows of ${rows.seqLen} cells`);
    copyRows(rows, whole, shardRange(work.examples, shard).start);
    taken.set(shard.index, { path, work, shard, backend: file.backend, seconds: file.seconds });
  }
  const shards = [...taken.values()].sort((a, b) => a.shard.index - b.shard.index);
  if (!whole || shards.length === 0)
    throw new ToolError("no shards to merge", { code: "shard/none", hint: "name their files", exitCode: 2 });
  checkComplete(shards);
  return {
    work: shards[0].work,
    rows: whole,
    seconds: shards.reduce((sum, { seconds }) => sum + seconds, 0),
    backend: [...new Set(shards.map(({ backend }) => backend))].join(", "),
  };
}

function checkFits(
  { path, work, shard }: ShardFile,
  taken: ReadonlyMap<number, ShardMeta & { path: string }>,
) {
  const [first] = taken.values();
  if (!first) return;
  if (first.shard.count !== shard.count)
    throw mixed(`${path} is shard ${formatShard(shard)}, ${first.path} is shard ${formatShard(first.shard)}`);
  const difference = findDifference(work, first.work);
  if (difference) throw mixed(`${path} has ${difference} as in ${first.path}`);
  const same = taken.get(shard.index);
  if (same) throw mixed(`${path} and ${same.path} are both shard ${formatShard(shard)}`);
}

function checkComplete(shards: readonly ShardMeta[]): void {
  const { count } = shards[0].shard;
  const present = new Set(shards.map(({ shard }) => shard.index));
  const missing = Array.from({ length: count }, (_, index) => index).filter((index) => !present.has(index));
  if (missing.length === 0) return;
  const named = missing.slice(0, 20).map((index) => formatShard({ index, count }));
  const more = missing.length > named.length ? ` and ${missing.length - named.length} more` : "";
  throw new ToolError(`${missing.length} of ${count} shards are missing: ${named.join(", ")}${more}`, {
    code: "shard/missing",
    hint: "run `whorl eval … --shard i/n --out FILE` for each, then merge again",
  });
}

function mixed(problem: string): ToolError {
  return new ToolError(`these shards do not belong together: ${problem}`, {
    code: "shard/mixed",
    hint: "name each shard of one evaluation once",
  });
}
