// Reader and writer of NumPy's .npy files: whole arrays, rows of files larger than memory, and files larger than memory
// written from blocks. Little-endian C-order arrays of six element types; the header is in npy-header.ts.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { endianness } from "node:os";
import { invariant, ToolError } from "../base/errors.ts";
import { fileError } from "../base/files.ts";
import {
  checkNpySize,
  formatNpyHeader,
  type NpyDtype,
  npyElementBytes,
  npyHeaderLength,
  npyPrefixBytes,
  parseNpyHeader,
} from "./npy-header.ts";

export { type NpyDtype, npyElementBytes } from "./npy-header.ts";

const blockBytes = 4 * 2 ** 20;

/** `bool` is held as bytes 0 and 1. */
export type NpyArray =
  | { dtype: "uint8" | "bool"; shape: number[]; data: Uint8Array }
  | { dtype: "int32"; shape: number[]; data: Int32Array }
  | { dtype: "int64"; shape: number[]; data: BigInt64Array }
  | { dtype: "float32"; shape: number[]; data: Float32Array }
  | { dtype: "float64"; shape: number[]; data: Float64Array };

export type NpyData = NpyArray["data"];

/** An open file whose rows (first axis) are read as they are asked for. */
export interface NpyFile {
  readonly path: string;
  readonly dtype: NpyDtype;
  readonly shape: readonly number[];
  /** Size of the first axis; 1 for a single value. */
  readonly rows: number;
  /** Elements of a row. */
  readonly rowSize: number;
  /** An array whose first axis is `count`. */
  readRows(start: number, count: number): NpyArray;
  close(): void;
}

/**
 * The array in the bytes of a file, copied; `name` stands for the file in errors.
 * @example
 * const { shape, data } = parseNpy(readFileSync("x.npy"), "x.npy");
 */
export function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const header = parseNpyHeader(bytes, name);
  checkNpySize(header, bytes.length, name);
  const data = allocateBytes(header.dataBytes, name);
  data.set(bytes.subarray(header.dataStart));
  return arrayOf(header.dtype, header.shape, data.buffer);
}

/** What np.save writes, in pieces; the second shares memory with the array. */
export function encodeNpy(array: NpyArray): [header: Uint8Array, data: Uint8Array] {
  checkLittleEndian();
  const { dtype, shape, data } = array;
  const count = shape.reduce((product, size) => product * size, 1);
  invariant(data.length === count, `npy: ${data.length} values for shape [${shape.join(", ")}]`);
  invariant(data.BYTES_PER_ELEMENT === npyElementBytes[dtype], `npy: ${dtype} of ${data.constructor.name}`);
  return [formatNpyHeader(dtype, shape), bytesOf(data)];
}

/**
 * The bytes of a file larger than memory: data blocks of any sizes, which together must make up the shape. A block may
 * be filled anew once the next is asked for. Meant for `writeFileAtomic` and `writeDirectoryAtomic`.
 */
export function* encodeNpyBlocks(
  dtype: NpyDtype,
  shape: readonly number[],
  blocks: Iterable<NpyData>,
): Generator<Uint8Array> {
  checkLittleEndian();
  const count = shape.reduce((product, size) => product * size, 1);
  yield formatNpyHeader(dtype, shape);
  let written = 0;
  for (const block of blocks) {
    invariant(
      block.BYTES_PER_ELEMENT === npyElementBytes[dtype],
      `npy: ${dtype} of ${block.constructor.name}`,
    );
    written += block.length;
    invariant(written <= count, `npy: more than the ${count} values of shape [${shape.join(", ")}]`);
    yield bytesOf(block);
  }
  invariant(written === count, `npy: ${written} values for shape [${shape.join(", ")}]`);
}

/** Reads and checks the header only. */
export function openNpy(path: string): NpyFile {
  const file = attempt(path, () => openSync(path, "r"));
  try {
    const { size } = attempt(path, () => fstatSync(file));
    const prefix = readRange(file, path, 0, Math.min(size, npyPrefixBytes));
    const headerLength = Math.min(size, npyHeaderLength(prefix, path));
    const header = parseNpyHeader(readRange(file, path, 0, headerLength), path);
    checkNpySize(header, size, path);
    const { dtype, shape, dataStart } = header;
    const rows = shape.length === 0 ? 1 : shape[0];
    const rowSize = shape.slice(1).reduce((product, extent) => product * extent, 1);
    const rowBytes = rowSize * npyElementBytes[dtype];
    return {
      ...{ path, dtype, shape, rows, rowSize },
      readRows(start, count) {
        const inside = start >= 0 && count >= 0 && start + count <= rows;
        invariant(inside, `rows ${start} to ${start + count} of ${rows} in ${path}`);
        const bytes = readRange(file, path, dataStart + start * rowBytes, count * rowBytes);
        return arrayOf(dtype, shape.length === 0 ? [] : [count, ...shape.slice(1)], bytes.buffer);
      },
      close: () => closeSync(file),
    };
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** Reads a whole file. */
export function readNpy(path: string): NpyArray {
  const file = openNpy(path);
  try {
    return file.readRows(0, file.rows);
  } finally {
    file.close();
  }
}

/** All rows, in blocks of about four megabytes. */
export function* readBlocks(file: NpyFile): Generator<NpyArray> {
  const rowBytes = Math.max(1, file.rowSize * npyElementBytes[file.dtype]);
  const rows = Math.max(1, Math.floor(blockBytes / rowBytes));
  for (let start = 0; start < file.rows; start += rows)
    yield file.readRows(start, Math.min(rows, file.rows - start));
}

/** An array over bytes that hold exactly its values. */
export function arrayOf(dtype: NpyDtype, shape: number[], buffer: ArrayBuffer): NpyArray {
  checkLittleEndian();
  switch (dtype) {
    case "uint8":
    case "bool":
      return { dtype, shape, data: new Uint8Array(buffer) };
    case "int32":
      return { dtype, shape, data: new Int32Array(buffer) };
    case "int64":
      return { dtype, shape, data: new BigInt64Array(buffer) };
    case "float32":
      return { dtype, shape, data: new Float32Array(buffer) };
    case "float64":
      return { dtype, shape, data: new Float64Array(buffer) };
  }
}

/** The values of an integer array of any width as int32; `name` stands for it in errors. */
export function int32Values(array: NpyArray, name: string): Int32Array {
  switch (array.dtype) {
    case "int32":
      return array.data;
    case "uint8":
    case "bool":
      return new Int32Array(array.data); // ten times as fast as Int32Array.from
    case "int64":
      return narrow(array.data, name);
    default:
      throw new ToolError(`${name} holds ${array.dtype} values, not integers`, {
        code: "npy/dtype",
        hint: "convert it with array.astype(np.int32)",
      });
  }
}

export function allocateBytes(length: number, name: string): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new ToolError(`not enough memory for ${length} bytes of ${name}`, { code: "npy/too-large", cause });
  }
}

/** By halves, because making a bigint of every value is slow. */
function narrow(wide: BigInt64Array, name: string): Int32Array {
  const halves = new Int32Array(wide.buffer, wide.byteOffset, wide.length * 2);
  const values = new Int32Array(wide.length);
  for (let i = 0; i < values.length; i++) {
    const low = halves[2 * i];
    if (halves[2 * i + 1] !== low >> 31)
      throw new ToolError(`${name} holds ${wide[i]}, which is too large`, { code: "npy/range" });
    values[i] = low;
  }
  return values;
}

/** Exactly `length` bytes, in a buffer of their own. */
function readRange(file: number, path: string, offset: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = allocateBytes(length, path);
  for (let done = 0; done < length; ) {
    // One read call takes less than 2 GiB.
    const wanted = Math.min(length - done, 2 ** 30);
    const got = attempt(path, () => readSync(file, bytes, done, wanted, offset + done));
    if (got === 0) throw new ToolError(`${path} became shorter while it was read`, { code: "npy/truncated" });
    done += got;
  }
  return bytes;
}

function bytesOf(data: NpyData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

function attempt<T>(path: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw fileError(error, `reading ${path}`);
  }
}

function checkLittleEndian() {
  invariant(endianness() === "LE", "npy on a big-endian machine");
}
