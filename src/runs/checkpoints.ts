// Checkpoints of a run: `checkpoints/step-N/`, written as a whole or not at all, with a manifest.json of the size and
// SHA-256 of every file, so that a damaged one is noticed before anything is read from it. What the files are is the
// trainer's business. A crash at any moment leaves the old checkpoints or the old ones and the new.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { z } from "zod";
import { invariant, ToolError } from "../base/errors.ts";
import {
  type FileContent,
  fileError,
  type LinkedFile,
  readBytes,
  readTextFile,
  removeDirectory,
  type WriteOptions,
  writeDirectoryAtomic,
} from "../base/files.ts";
import { encodeSafetensors, readSafetensors, type StoredTensor } from "../formats/safetensors.ts";
import { damaged } from "./damaged.ts";
import { checkpointsDir, type Run } from "./run.ts";
import {
  formatIndex,
  planSegments,
  type Segment,
  segmentPieces,
  TABLE_FILE,
  TrackedTable,
} from "./table-segments.ts";

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** Bytes as they are, tensors as safetensors, the puzzle table (under TABLE_FILE) in segments, anything else as JSON. */
export type CheckpointPart = Uint8Array | ReadonlyMap<string, StoredTensor> | TrackedTable | Json;

/** A checkpoint whose files were all found undamaged. */
export interface Checkpoint {
  dir: string;
  step: number;
  files: readonly string[];
  readTensors(name: string): Promise<Map<string, StoredTensor>>;
  readJson(name: string): Promise<unknown>;
  readBytes(name: string): Promise<Uint8Array>;
}

const manifestName = "manifest.json";

const manifestSchema = z.object({
  format: z.literal(1),
  step: z.int().min(0),
  files: z.record(
    z.string().regex(/^[^/\\]+$/),
    z.object({ sizeBytes: z.int().min(0), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
  ),
});

/** Returns the folder. A checkpoint of the same step is replaced. The parts must not change until it is written. */
export async function writeCheckpoint(
  run: Run,
  step: number,
  parts: Readonly<Record<string, CheckpointPart>>,
  options: WriteOptions = {},
): Promise<string> {
  const files = new Map<string, FileContent | LinkedFile>();
  const listed: Listed = {};
  const tables: { table: TrackedTable; segments: Segment[] }[] = [];
  for (const [name, part] of Object.entries(parts)) {
    invariant(name !== manifestName && !/[/\\]/.test(name), `checkpoint file named ${name}`);
    if (!(part instanceof TrackedTable)) files.set(name, noted(name, encodePart(part), listed));
    else {
      invariant(name === TABLE_FILE, `a puzzle table named ${name}`);
      tables.push({ table: part, segments: await addTable(part, step, files, listed) });
    }
  }
  files.set(manifestName, encodeManifest(step, listed));
  const dir = join(checkpointsDir(run.dir), `step-${step}`);
  await writeDirectoryAtomic(dir, files, options);
  for (const { table, segments } of tables) table.noteSaved(dir, segments);
  return dir;
}

/** Size and hash of the files that were written so far. */
type Listed = z.output<typeof manifestSchema>["files"];

/** Pieces on their way to the disk, entered in the list when the last has passed. */
function* noted(name: string, pieces: Iterable<Uint8Array>, listed: Listed): Generator<Uint8Array> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for (const piece of pieces) {
    hash.update(piece);
    sizeBytes += piece.byteLength;
    yield piece;
  }
  listed[name] = { sizeBytes, sha256: hash.digest("hex") };
}

/** The last file: by the time it is made, all others are listed. */
function* encodeManifest(step: number, files: Listed): Generator<Uint8Array> {
  yield Buffer.from(`${JSON.stringify({ format: 1, step, files }, null, 2)}\n`);
}

/** Adds the table's files; the list that is returned is complete when they are written. */
async function addTable(
  table: TrackedTable,
  step: number,
  files: Map<string, FileContent | LinkedFile>,
  listed: Listed,
): Promise<Segment[]> {
  const { kept, fresh } = await planSegments(table, step);
  const segments: Segment[] = [];
  for (const { segment, path } of kept) {
    const { file, sizeBytes, sha256 } = segment;
    files.set(file, { linkTo: path });
    listed[file] = { sizeBytes, sha256 };
    segments.push(segment);
  }
  if (fresh) files.set(fresh.file, noted(fresh.file, segmentPieces(table, fresh.ids), listed));
  function* index(): Generator<Uint8Array> {
    if (fresh) segments.push({ file: fresh.file, rows: fresh.ids.length, ...listed[fresh.file] });
    yield Buffer.from(formatIndex(table, segments));
  }
  files.set(TABLE_FILE, noted(TABLE_FILE, index(), listed));
  return segments;
}

/** Checks every file of a checkpoint folder against its manifest; the error names the damaged file. */
export async function readCheckpoint(dir: string): Promise<Checkpoint> {
  const manifest = await readManifest(dir);
  const pathOf = (name: string) => {
    if (!Object.hasOwn(manifest.files, name)) throw damaged(dir, `${name} is not in it`);
    return join(dir, name);
  };
  for (const [name, expected] of Object.entries(manifest.files)) await checkFile(dir, name, expected);
  return {
    dir,
    step: manifest.step,
    files: Object.keys(manifest.files),
    readTensors: async (name) => (await readSafetensors(pathOf(name))).tensors,
    readJson: async (name) => JSON.parse(await readTextFile(pathOf(name))),
    readBytes: async (name) => readBytes(pathOf(name)),
  };
}

/** The newest undamaged checkpoint, and why newer ones were passed over. */
export async function latestCheckpoint(run: Run): Promise<{ checkpoint?: Checkpoint; damaged: ToolError[] }> {
  const damaged: ToolError[] = [];
  for (const step of (await listSteps(run)).reverse()) {
    try {
      return { checkpoint: await readCheckpoint(join(checkpointsDir(run.dir), `step-${step}`)), damaged };
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      damaged.push(error);
    }
  }
  return { damaged };
}

/**
 * Deletes old checkpoints after `writtenStep` was written: of those up to it the newest `keep` stay.
 * Later ones, which a resumed run passed over, are left alone: they are either damaged or someone's choice.
 */
export async function pruneCheckpoints(
  run: Run,
  { keep, writtenStep }: { keep: number; writtenStep: number },
) {
  invariant(keep >= 1, "the newest checkpoint is never deleted");
  const steps = (await listSteps(run)).filter((step) => step <= writtenStep);
  for (const step of steps.slice(0, -keep))
    await removeDirectory(join(checkpointsDir(run.dir), `step-${step}`));
}

/** Steps that have a folder, ascending; temporaries have other names. */
async function listSteps(run: Run): Promise<number[]> {
  const names = await readdir(checkpointsDir(run.dir)).catch(() => []);
  const steps = names.flatMap((name) => /^step-(0|[1-9]\d*)$/.exec(name)?.slice(1).map(Number) ?? []);
  return steps.sort((a, b) => a - b);
}

function encodePart(part: Exclude<CheckpointPart, TrackedTable>): readonly Uint8Array[] {
  if (part instanceof Uint8Array) return [part];
  // Loaders of other libraries ask for this note of where the tensors come from.
  if (part instanceof Map) return encodeSafetensors(part, { format: "pt" });
  return [Buffer.from(`${JSON.stringify(part)}\n`)];
}

async function readManifest(dir: string): Promise<z.output<typeof manifestSchema>> {
  const text = await readTextFile(join(dir, manifestName)).catch((cause) => {
    if (!(cause instanceof ToolError)) throw cause;
    throw damaged(dir, `${manifestName}: ${cause.message}`, cause);
  });
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw damaged(dir, `${manifestName} is not valid JSON`, cause);
  }
  const result = manifestSchema.safeParse(content);
  if (!result.success) {
    const [issue] = result.error.issues;
    throw damaged(dir, `${manifestName}: ${issue.path.join(".")}: ${issue.message}`);
  }
  // A folder under another name was copied by someone; only its own name can contradict it.
  const ownName = /^step-\d+$/.test(basename(dir));
  if (ownName && basename(dir) !== `step-${result.data.step}`)
    throw damaged(dir, `${manifestName} says step ${result.data.step}`);
  return result.data;
}

async function checkFile(dir: string, name: string, expected: { sizeBytes: number; sha256: string }) {
  const path = join(dir, name);
  const hash = createHash("sha256");
  try {
    const { size } = await stat(path);
    if (size !== expected.sizeBytes)
      throw damaged(dir, `${name} has ${size} bytes, ${expected.sizeBytes} were written`);
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  } catch (error) {
    const known = fileError(error, `reading ${path}`);
    if (known === error) throw error;
    throw damaged(dir, `${name}: ${known instanceof Error ? known.message : known}`, error);
  }
  if (hash.digest("hex") !== expected.sha256)
    throw damaged(dir, `${name} is not what was written (SHA-256 differs)`);
}
