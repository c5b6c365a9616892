// A large puzzle table in checkpoints. A step changes a few hundred of a million rows, so a checkpoint writes only what
// changed since the last one: segments `puzzle-table.step-N.safetensors` (`ids` I32 [n], `rows` F32 [n, size]) that are
// read in the order of `puzzle-table.json`, later rows over earlier ones; rows in none are zero. The first segment, the
// base, holds every row that was ever used. Earlier segments are hard links to those of the checkpoint before, so each
// folder is complete and any other may be deleted; a link that rots does so in all folders that share it, which is why
// the base is written anew from time to time.

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { invariant } from "../base/errors.ts";
import {
  encodeHeader,
  openSafetensors,
  type SafetensorsFile,
  type TensorType,
} from "../formats/safetensors.ts";
import { clearTable, usedRows } from "../models/puzzle-table.ts";
import { damaged } from "./damaged.ts";

/** Lists the segments. In checkpoints whose table is in the weights file there is none. */
export const TABLE_FILE = "puzzle-table.json";

/** More links than this are not worth their files: a new base. */
const MOST_SEGMENTS = 32;

/** Rows that are gathered or read at once: 4 MB of ARC's. */
const ROWS_AT_ONCE = 2048;

const segmentSchema = z.object({
  file: z.string().regex(/^puzzle-table\.step-\d+\.safetensors$/),
  rows: z.int().min(1),
  sizeBytes: z.int().min(0),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
});

const indexSchema = z.object({
  format: z.literal(1),
  /** Identifiers; ids are int32. */
  rows: z
    .int()
    .min(1)
    .max(2 ** 31),
  /** Numbers of a row. */
  size: z.int().min(1),
  segments: z.array(segmentSchema),
});

export type Segment = z.output<typeof segmentSchema>;
export type TableIndex = z.output<typeof indexSchema>;

/** A puzzle table, which of its rows changed since it was last saved, and where that was. */
export class TrackedTable {
  readonly numbers: Float32Array;
  /** Numbers of a row; 0 if the model has no puzzle vectors. */
  readonly size: number;
  readonly rows: number;
  /** A bit for each row. */
  readonly #changed: Uint8Array;
  #saved: { readonly dir: string; readonly segments: readonly Segment[] } | undefined;

  constructor(numbers: Float32Array, size: number) {
    this.numbers = numbers;
    this.size = size;
    this.rows = size === 0 ? 0 : numbers.length / size;
    this.#changed = new Uint8Array(Math.ceil(this.rows / 8));
  }

  /** To be called for every row that is written to, once anything was saved. */
  mark(ids: ArrayLike<number>): void {
    for (let i = 0; i < ids.length; i++) {
      invariant(ids[i] >= 0 && ids[i] < this.rows, `puzzle ${ids[i]} in a table of ${this.rows}`);
      this.#changed[ids[i] >> 3] |= 1 << (ids[i] & 7);
    }
  }

  /** Ascending. */
  changedRows(): Int32Array {
    const ids: number[] = [];
    this.#changed.forEach((bits, byte) => {
      for (let bit = 0; bits >> bit > 0; bit++) if ((bits >> bit) & 1) ids.push(8 * byte + bit);
    });
    return Int32Array.from(ids);
  }

  get saved() {
    return this.#saved;
  }

  /** These files hold the table as it is now. */
  noteSaved(dir: string, segments: readonly Segment[]): void {
    this.#saved = { dir, segments };
    this.#changed.fill(0);
  }
}

/** What a checkpoint does about a table: files to be linked, and rows to be written to a new one. */
export interface SegmentPlan {
  readonly kept: readonly { readonly segment: Segment; readonly path: string }[];
  readonly fresh: { readonly file: string; readonly ids: Int32Array } | undefined;
}

/** A delta where the files of the last checkpoint are still there and outweigh what changed since the base. */
export async function planSegments(table: TrackedTable, step: number): Promise<SegmentPlan> {
  const file = `puzzle-table.step-${step}.safetensors`;
  const fresh = (ids: Int32Array) => (ids.length > 0 ? { file, ids } : undefined);
  const { saved } = table;
  if (saved && (await areThere(saved.dir, saved.segments))) {
    const { segments } = saved;
    const ids = table.changedRows();
    const deltaRows = segments.slice(1).reduce((sum, { rows }) => sum + rows, ids.length);
    const hasPlace = segments.length < MOST_SEGMENTS && !segments.some((segment) => segment.file === file);
    if (ids.length === 0 || (deltaRows <= (segments[0]?.rows ?? 0) && hasPlace)) {
      const kept = segments.map((segment) => ({ segment, path: join(saved.dir, segment.file) }));
      return { kept, fresh: fresh(ids) };
    }
  }
  return { kept: [], fresh: fresh(usedRows(table.numbers, table.size)) };
}

/** Cheap enough for every checkpoint: hashes are compared when a checkpoint is read. */
async function areThere(dir: string, segments: readonly Segment[]): Promise<boolean> {
  for (const { file, sizeBytes } of segments) {
    const found = await stat(join(dir, file)).catch(() => undefined);
    if (found?.size !== sizeBytes) return false;
  }
  return true;
}

/** A segment's file, made while it is written; the memory of a piece is that of the next. */
export function* segmentPieces({ numbers, size }: TrackedTable, ids: Int32Array): Generator<Uint8Array> {
  const types = new Map<string, TensorType>([
    ["ids", { dtype: "I32", shape: [ids.length] }],
    ["rows", { dtype: "F32", shape: [ids.length, size] }],
  ]);
  yield encodeHeader(types, { format: "pt" });
  yield new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
  const buffer = new Float32Array(Math.min(ids.length, ROWS_AT_ONCE) * size);
  for (let start = 0; start < ids.length; start += ROWS_AT_ONCE) {
    const some = ids.subarray(start, start + ROWS_AT_ONCE);
    some.forEach((id, i) => {
      buffer.set(numbers.subarray(id * size, (id + 1) * size), i * size);
    });
    yield new Uint8Array(buffer.buffer, 0, some.length * size * buffer.BYTES_PER_ELEMENT);
  }
}

export function formatIndex({ rows, size }: TrackedTable, segments: readonly Segment[]): string {
  const index: TableIndex = { format: 1, rows, size, segments: [...segments] };
  return `${JSON.stringify(index, null, 2)}\n`;
}

/** What is needed of a checkpoint (checkpoints.ts) to read its table. */
export interface TableFolder {
  readonly dir: string;
  readonly files: readonly string[];
  readJson(name: string): Promise<unknown>;
}

/** The segments of a checkpoint's table; undefined if its table is in the weights file. */
export async function readTableIndex(checkpoint: TableFolder): Promise<TableIndex | undefined> {
  if (!checkpoint.files.includes(TABLE_FILE)) return undefined;
  const result = indexSchema.safeParse(await checkpoint.readJson(TABLE_FILE));
  if (!result.success) {
    const [issue] = result.error.issues;
    throw damaged(checkpoint.dir, `${TABLE_FILE}: ${issue.path.join(".")}: ${issue.message}`);
  }
  // Only what the manifest lists was compared with its hash.
  for (const { file } of result.data.segments)
    if (!checkpoint.files.includes(file)) throw damaged(checkpoint.dir, `${file} is not in it`);
  return result.data;
}

/** Reads the segments into `table` [rows, size]; peaks at a few MB beyond it. */
export async function readTable(dir: string, index: TableIndex, table: Float32Array): Promise<void> {
  const { rows, size, segments } = index;
  invariant(table.length === rows * size, `${table.length} numbers for ${rows} rows of ${size}`);
  clearTable(table, size);
  for (const segment of segments) {
    const path = join(dir, segment.file);
    const file = await openSafetensors(path);
    try {
      const ids = await readIds(dir, segment, file, index);
      let at = 0;
      for await (const piece of file.floats("rows", ROWS_AT_ONCE * size))
        for (let start = 0; start < piece.length; start += size)
          table.set(piece.subarray(start, start + size), ids[at++] * size);
    } finally {
      await file.close();
    }
  }
}

/** The rows that a segment holds, all of them in the table. */
export async function readIds(
  dir: string,
  segment: Segment,
  { entries, read }: SafetensorsFile,
  index: TableIndex,
) {
  const isOf = (name: string, dtype: string, shape: number[]) => {
    const entry = entries.get(name);
    return entry?.dtype === dtype && entry.shape.join() === shape.join();
  };
  const isSegment = isOf("ids", "I32", [segment.rows]) && isOf("rows", "F32", [segment.rows, index.size]);
  const { data } = isSegment ? await read("ids") : { data: undefined };
  if (!(data instanceof Int32Array) || data.some((id) => id < 0 || id >= index.rows))
    throw damaged(
      dir,
      `${segment.file} does not hold ${segment.rows} of ${index.rows} rows of ${index.size}`,
    );
  return data;
}
