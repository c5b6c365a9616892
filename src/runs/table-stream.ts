// The rows of a checkpoint's puzzle table in order, merged from its segments (table-segments.ts) a few MB at a time:
// for writing a table elsewhere that need never be in memory as a whole.

import { join } from "node:path";
import { openSafetensors, type SafetensorsFile } from "../formats/safetensors.ts";
import { damaged } from "./damaged.ts";
import { readIds, type TableIndex } from "./table-segments.ts";

/** Rows that one segment has in memory. */
const ROWS_AT_ONCE = 512;

/** A segment on the way from its first row to its last. */
interface Cursor {
  readonly ids: Int32Array;
  readonly pieces: AsyncGenerator<Float32Array>;
  /** Position in `ids` of the next row. */
  next: number;
  piece: Float32Array;
  /** Position in `piece` of the next row. */
  at: number;
}

/** `rowsAtOnce` rows at a time (the last piece has the rest), always in the same memory. */
export async function* streamTable(
  dir: string,
  index: TableIndex,
  rowsAtOnce: number,
): AsyncGenerator<Float32Array> {
  const files: SafetensorsFile[] = [];
  try {
    const cursors: Cursor[] = [];
    for (const segment of index.segments) {
      const file = await openSafetensors(join(dir, segment.file));
      files.push(file);
      const ids = await readIds(dir, segment, file, index);
      if (ids.some((id, i) => i > 0 && id <= ids[i - 1]))
        throw damaged(dir, `the rows of ${segment.file} are not in order`);
      const pieces = file.floats("rows", ROWS_AT_ONCE * index.size);
      cursors.push({ ids, pieces, next: 0, piece: new Float32Array(0), at: 0 });
    }
    const block = new Float32Array(Math.min(rowsAtOnce, index.rows) * index.size);
    for (let start = 0; start < index.rows; start += rowsAtOnce) {
      const end = Math.min(start + rowsAtOnce, index.rows);
      block.fill(0);
      for (const cursor of cursors) await copyRows(cursor, block, start, end, index.size); // later ones win
      yield block.subarray(0, (end - start) * index.size);
    }
  } finally {
    for (const file of files) await file.close();
  }
}

async function copyRows(cursor: Cursor, block: Float32Array, start: number, end: number, size: number) {
  while (cursor.next < cursor.ids.length && cursor.ids[cursor.next] < end) {
    if (cursor.at === cursor.piece.length) {
      cursor.piece = (await cursor.pieces.next()).value ?? new Float32Array(0);
      cursor.at = 0;
    }
    const row = cursor.piece.subarray(cursor.at, cursor.at + size);
    block.set(row, (cursor.ids[cursor.next] - start) * size);
    cursor.next++;
    cursor.at += size;
  }
}
