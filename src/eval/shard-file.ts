// The result of one shard as an .npz file: the arrays that the reference's evaluator saves (puzzle_identifiers, inputs,
// preds, q_halt_logits), so that `whorl vote` and Python read it as it is, the rest of the evaluation rows, and `meta`,
// which says of what work it is a part. Files appear whole or not at all: a killed shard is simply run again.

import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { ToolError } from "../base/errors.ts";
import { makeFolder, writeFileAtomic } from "../base/files.ts";
import { whorlConfigSchema } from "../config/schema.ts";
import { NUMBER_FORMATS } from "../engine/number-format.ts";
import type { NpyArray } from "../formats/npy.ts";
import { encodeNpz, readNpz } from "../formats/npz.ts";
import type { ModelWeights } from "../models/weights.ts";
import type { ExampleSet } from "../tasks/dataset.ts";
import { type EvaluationRows, UNKNOWN } from "./rows.ts";
import { formatShard, type Shard, shardRange } from "./shard.ts";

/** What all shards of an evaluation have in common. */
const workSchema = z.strictObject({
  checkpoint: z.string(),
  /** Of the numbers, wherever the file lies; see `hashWeights`. */
  weightsSha256: z.string(),
  trainedSteps: z.number().nullable(),
  supervisionSteps: z.int().min(1),
  /** Answers taken when the model asks to halt. */
  halt: z.boolean(),
  format: z.enum(NUMBER_FORMATS),
  /** Examples of all shards together. */
  examples: z.int().min(0),
  manifest: z.object({ from: z.string(), puzzles: z.int(), sha256: z.string() }),
  source: z.strictObject({
    data: whorlConfigSchema.shape.data,
    file: z.string().nullable(),
    limit: z.int().nullable(),
  }),
});

const metaSchema = z.strictObject({
  kind: z.literal("whorl evaluation shard"),
  version: z.literal(1),
  work: workSchema,
  shard: z.strictObject({ index: z.int().min(0), count: z.int().min(1) }),
  backend: z.string(),
  seconds: z.number(),
});

export type ShardWork = z.output<typeof workSchema>;

/** Everything but the numbers. */
export interface ShardMeta {
  readonly work: ShardWork;
  readonly shard: Shard;
  readonly backend: string;
  readonly seconds: number;
}

export interface ShardFile extends ShardMeta {
  readonly path: string;
  readonly rows: EvaluationRows;
}

/** Writes the rows of a shard with the examples that they belong to; makes the folder where it is not there. */
export async function writeShard(
  path: string,
  rows: EvaluationRows,
  examples: ExampleSet,
  { work, shard, backend, seconds }: ShardMeta,
): Promise<void> {
  const { start, end } = shardRange(examples.count, shard);
  const { inputs, identifiers } = compactInputs(examples, start, end - start, rows.seqLen);
  const meta = { kind: "whorl evaluation shard", version: 1, work, shard, backend, seconds };
  const bytes = Uint8Array.from(Buffer.from(JSON.stringify(meta)));
  const count = rows.index.length;
  const cells = [count, rows.seqLen];
  const bySteps = [count, rows.supervisionSteps];
  const arrays = new Map<string, NpyArray>([
    ["puzzle_identifiers", { dtype: "int32", shape: [count], data: identifiers }],
    ["inputs", { dtype: "uint8", shape: cells, data: inputs }],
    ["preds", { dtype: "uint8", shape: cells, data: rows.predictions }],
    ["q_halt_logits", { dtype: "float32", shape: [count], data: rows.haltLogits }],
    ["index", { dtype: "int32", shape: [count], data: rows.index }],
    ["exact", { dtype: "uint8", shape: bySteps, data: rows.exact }],
    ["correct", { dtype: "int32", shape: bySteps, data: rows.correct }],
    ["labelled", { dtype: "int32", shape: [count], data: rows.labelled }],
    ["steps", { dtype: "int32", shape: [count], data: rows.steps }],
    ["asked_to_halt", { dtype: "int32", shape: [count], data: rows.asked }],
    ["halt_right", { dtype: "uint8", shape: [count], data: rows.haltRight }],
    ["lm_loss", { dtype: "float32", shape: [count], data: rows.lmLoss }],
    ["meta", { dtype: "uint8", shape: [bytes.length], data: bytes }],
  ]);
  await makeFolder(dirname(path));
  await writeFileAtomic(path, encodeNpz(arrays));
}

/**
 * Whether the shard is there already, so that a job that was killed can be submitted again unchanged. A file of other
 * work under its name is an error: results of different models must not replace each other unnoticed.
 */
export async function hasShard(path: string, work: ShardWork, shard: Shard): Promise<boolean> {
  if (!existsSync(path)) return false;
  const found = await readShard(path);
  const difference =
    formatShard(found.shard) === formatShard(shard)
      ? findDifference(found.work, work)
      : `shard ${formatShard(found.shard)}, not ${formatShard(shard)}`;
  if (difference === undefined) return true;
  throw new ToolError(`${path} is the result of other work: ${difference}`, {
    code: "shard/other-work",
    hint: "choose another --out, or delete the file",
  });
}

/** What sets two pieces of work apart, in a few words; nothing for parts of the same. */
export function findDifference(found: ShardWork, wanted: ShardWork): string | undefined {
  const compared: [string, (work: ShardWork) => string | number | boolean | null][] = [
    ["weights with the SHA-256", ({ weightsSha256 }) => weightsSha256],
    ["test data with the SHA-256", ({ manifest }) => manifest.sha256],
    ["--limit", ({ source }) => source.limit],
    ["examples", ({ examples }) => examples],
    ["supervision steps", ({ supervisionSteps }) => supervisionSteps],
    ["--halt", ({ halt }) => halt],
    ["number format", ({ format }) => format],
  ];
  const differing = compared.find(([, of]) => of(found) !== of(wanted));
  if (!differing) return undefined;
  const [name, of] = differing;
  return `${name} ${shorten(of(found))}, not ${shorten(of(wanted))}`;
}

export async function readShard(path: string): Promise<ShardFile> {
  const arrays = await readNpz(path);
  const { work, shard, backend, seconds } = parseMeta(arrays.get("meta"), path);
  const { start, end } = shardRange(work.examples, shard);
  const count = end - start;
  const seqLen = arrays.get("preds")?.shape[1] ?? 0;
  const bySteps = [count, work.supervisionSteps];
  const ints = (name: string, shape = [count]) => take(arrays, path, name, "int32", shape);
  const bytes = (name: string, shape = [count]) => take(arrays, path, name, "uint8", shape);
  const floats = (name: string) => take(arrays, path, name, "float32", [count]);
  const rows: EvaluationRows = {
    supervisionSteps: work.supervisionSteps,
    seqLen,
    index: ints("index"),
    exact: bytes("exact", bySteps),
    correct: ints("correct", bySteps),
    labelled: ints("labelled"),
    steps: ints("steps"),
    predictions: bytes("preds", [count, seqLen]),
    haltLogits: floats("q_halt_logits"),
    // Shards of earlier versions do not say.
    asked: arrays.has("asked_to_halt") ? ints("asked_to_halt") : new Int32Array(count).fill(UNKNOWN),
    haltRight: bytes("halt_right"),
    lmLoss: floats("lm_loss"),
  };
  if (rows.index.some((index, row) => index !== start + row))
    throw damaged(path, `its rows are not examples ${start} to ${end - 1}`);
  return { path, work, shard, backend, seconds, rows };
}

/** Of all numbers of a model, for telling two apart. */
export function hashWeights({ weights, buffers, table }: ModelWeights): string {
  const hash = createHash("sha256");
  for (const floats of [weights, ...buffers.values(), table]) {
    const bytes = new Uint8Array(floats.buffer, floats.byteOffset, floats.byteLength);
    // One update takes less than 2 GiB; a puzzle table may be larger.
    for (let at = 0; at < bytes.length; at += 2 ** 30) hash.update(bytes.subarray(at, at + 2 ** 30));
  }
  return hash.digest("hex");
}

/** A byte a token, read in pieces. */
function compactInputs(examples: ExampleSet, start: number, count: number, seqLen: number) {
  const inputs = new Uint8Array(count * seqLen);
  const identifiers = new Int32Array(count);
  for (let done = 0; done < count; ) {
    const part = examples.slice(start + done, Math.min(1024, count - done));
    inputs.set(part.inputs, done * seqLen);
    identifiers.set(part.identifiers, done);
    done += part.count;
  }
  return { inputs, identifiers };
}

function parseMeta(array: NpyArray | undefined, path: string): ShardMeta {
  if (array?.dtype !== "uint8") throw notShard(path, "it has no meta");
  try {
    return metaSchema.parse(JSON.parse(Buffer.from(array.data).toString("utf8")));
  } catch (cause) {
    throw notShard(path, "its meta cannot be read", cause);
  }
}

interface DataOf {
  readonly uint8: Uint8Array;
  readonly int32: Int32Array;
  readonly float32: Float32Array;
}

function take<Dtype extends keyof DataOf>(
  arrays: ReadonlyMap<string, NpyArray>,
  path: string,
  name: string,
  dtype: Dtype,
  shape: readonly number[],
): DataOf[Dtype] {
  const array = arrays.get(name);
  const found = array ? `${array.dtype} [${array.shape.join(", ")}]` : "missing";
  const wanted = `${dtype} [${shape.join(", ")}]`;
  if (found !== wanted || !array) throw damaged(path, `'${name}' is ${found}, not ${wanted}`);
  return array.data as DataOf[Dtype]; // the types were compared by name
}

function shorten(value: string | number | boolean | null): string {
  const text = String(value ?? "none");
  return text.length > 20 ? `${text.slice(0, 12)}…` : text;
}

function notShard(path: string, problem: string, cause?: unknown): ToolError {
  return new ToolError(`${path} is no shard of an evaluation: ${problem}`, {
    code: "shard/not-a-shard",
    hint: "`whorl eval … --shard i/n --out FILE` writes them; files of another version of whorl must be made again",
    cause,
  });
}

function damaged(path: string, problem: string): ToolError {
  return new ToolError(`${path} does not hold what its meta says: ${problem}`, {
    code: "shard/damaged",
    hint: "delete it and run that shard again",
  });
}
