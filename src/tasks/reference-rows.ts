// Which rows of one token array occur in another: rows are looked up by a hash and compared token by token before they
// count. Holds some bytes a row, so that millions of rows of gigabytes can be asked for; the arrays may differ in dtype.

import { int32Values, type NpyArray, type NpyFile, readBlocks } from "../formats/npy.ts";

export interface RowIndex {
  /** Marks the rows that are equal to one of the block's. */
  mark(block: NpyArray): void;
  /** Number of rows marked so far. */
  marked(): number;
}

/** `file` stays in use. */
export function indexRows(file: NpyFile): RowIndex {
  const buckets = 2 ** Math.ceil(Math.log2(2 * file.rows + 1));
  // The rows of a bucket are a chain: its first row, then after each row the next; -1 ends it.
  const first = new Int32Array(buckets).fill(-1);
  const next = new Int32Array(file.rows);
  const hashes = new Int32Array(file.rows);
  const isMarked = new Uint8Array(file.rows);
  let row = 0;
  let marked = 0;
  for (const block of readBlocks(file)) {
    for (const hash of rowHashes(block)) {
      const bucket = hash & (buckets - 1);
      hashes[row] = hash;
      next[row] = first[bucket];
      first[bucket] = row++;
    }
  }
  return {
    mark(block) {
      rowHashes(block).forEach((hash, i) => {
        for (let at = first[hash & (buckets - 1)]; at >= 0; at = next[at]) {
          if (hashes[at] !== hash || isMarked[at] || !isEqualRow(file.readRows(at, 1), block, i)) continue;
          isMarked[at] = 1;
          marked++;
        }
      });
    },
    marked: () => marked,
  };
}

/** Equal for equal tokens, whatever the dtype (FNV-1a over the low words, then mixed as the low bits choose the bucket). */
function rowHashes(block: NpyArray): Int32Array {
  const [tokens, stride] = lowWords(block);
  const rows = block.shape[0];
  const step = rows === 0 ? 0 : tokens.length / rows;
  const hashes = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    let hash = 0x811c9dc5;
    for (let i = row * step; i < (row + 1) * step; i += stride)
      hash = Math.imul(hash ^ tokens[i], 0x01000193);
    hash ^= hash >>> 15;
    hashes[row] = Math.imul(hash, 0x2c1b3c6d) ^ (hash >>> 12);
  }
  return hashes;
}

function lowWords(block: NpyArray): [words: Uint8Array | Int32Array, stride: number] {
  if (block.dtype === "uint8" || block.dtype === "bool" || block.dtype === "int32") return [block.data, 1];
  if (block.dtype !== "int64") return [int32Values(block, "tokens"), 1];
  const { buffer, byteOffset, length } = block.data;
  return [new Int32Array(buffer, byteOffset, 2 * length), 2];
}

function isEqualRow(row: NpyArray, block: NpyArray, index: number): boolean {
  const size = row.data.length;
  if (block.data.length < (index + 1) * size) return false;
  // Number() on both sides: a bigint is never strictly equal to a number.
  for (let i = 0; i < size; i++)
    if (Number(row.data[i]) !== Number(block.data[index * size + i])) return false;
  return true;
}
