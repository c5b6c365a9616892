// The numbers of one tensor of a .pt file, in order and in pieces. Contiguous ones are read as they lie; of other views
// each piece reads the stretch of the storage that it touches and picks its numbers from that.

import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { ToolError } from "../base/errors.ts";
import { fileError } from "../base/files.ts";
import { elementBytes, type SafetensorsDtype } from "./safetensors-header.ts";

/** A view of a storage whose bytes begin at `start` of the file; `offset` and `strides` count elements. */
export interface PlacedTensor {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  readonly offset: number;
  readonly elements: number;
  readonly start: number;
  /** Of the storage, if the tensor is all of it. */
  readonly crc32: number | undefined;
}

/** A stretch that a piece of a scattered view may touch. */
const mostStretchBytes = 64 * 2 ** 20;
/** What one read call brings in; more would be read but not faster. */
const mostReadBytes = 2 ** 30;

/** At most `most` numbers at a time, as their bytes, always in the same memory, from its beginning. */
export async function* readPieces(
  file: FileHandle,
  path: string,
  tensor: PlacedTensor,
  most: number,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const step = Math.min(most, tensor.elements);
  if (step === 0) return;
  const buffer = new Uint8Array(step * elementBytes[tensor.dtype]);
  if (isContiguous(tensor)) return yield* readStraight(file, path, tensor, buffer);
  for (let from = 0; from < tensor.elements; from += step) {
    const count = Math.min(step, tensor.elements - from);
    const piece = buffer.subarray(0, count * elementBytes[tensor.dtype]);
    await gather(file, path, tensor, indicesOf(tensor, from, count), piece);
    yield piece;
  }
}

async function* readStraight(
  file: FileHandle,
  path: string,
  { name, dtype, elements, start, offset, crc32: expected }: PlacedTensor,
  buffer: Uint8Array<ArrayBuffer>,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const bytes = elements * elementBytes[dtype];
  let checksum = 0;
  for (let from = 0; from < bytes; from += buffer.length) {
    const piece = buffer.subarray(0, Math.min(buffer.length, bytes - from));
    await fillFrom(file, path, start + offset * elementBytes[dtype] + from, piece);
    if (expected !== undefined) checksum = crc32(piece, checksum);
    yield piece;
  }
  if (expected !== undefined && checksum !== expected)
    throw new ToolError(`${path} is damaged: the checksum of ${JSON.stringify(name)} is wrong`, {
      code: "torch/damaged",
      hint: "copy the file again",
    });
}

/** Row-major; axes of size 1 may say what they like. */
function isContiguous({ shape, strides }: PlacedTensor): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis];
  }
  return true;
}

/** Where in the storage `count` numbers from the `from`-th on lie. */
function indicesOf({ shape, strides, offset }: PlacedTensor, from: number, count: number): Float64Array {
  const position = shape.map(() => 0);
  let rest = from;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    position[axis] = rest % shape[axis];
    rest = Math.floor(rest / shape[axis]);
  }
  let index = position.reduce((sum, at, axis) => sum + at * strides[axis], offset);
  const indices = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    indices[i] = index;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index += strides[axis];
      if (++position[axis] < shape[axis]) break;
      index -= shape[axis] * strides[axis];
      position[axis] = 0;
    }
  }
  return indices;
}

async function gather(
  file: FileHandle,
  path: string,
  { name, dtype, start }: PlacedTensor,
  indices: Float64Array,
  target: Uint8Array,
): Promise<void> {
  const width = elementBytes[dtype];
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for (const index of indices) {
    first = Math.min(first, index);
    last = Math.max(last, index);
  }
  const stretch = (last - first + 1) * width;
  if (stretch > mostStretchBytes)
    throw new ToolError(
      `the rows of ${JSON.stringify(name)} in ${path} lie scattered over ${stretch} bytes`,
      {
        code: "torch/scattered",
        hint: "save it contiguous: {name: tensor.contiguous() for name, tensor in state_dict.items()}",
      },
    );
  const source = new Uint8Array(stretch);
  await fillFrom(file, path, start + first * width, source);
  let at = 0;
  for (const index of indices) {
    const from = (index - first) * width;
    for (let i = 0; i < width; i++) target[at++] = source[from + i];
  }
}

async function fillFrom(file: FileHandle, path: string, offset: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const wanted = Math.min(bytes.length - done, mostReadBytes);
    const { bytesRead } = await file.read(bytes, done, wanted, offset + done).catch((error) => {
      throw fileError(error, `reading ${path}`);
    });
    if (bytesRead === 0)
      throw new ToolError(`${path} became shorter while it was read`, { code: "torch/damaged" });
    done += bytesRead;
  }
}
