// Reader and writer of safetensors: 8 bytes header length, a JSON header (name → dtype, shape, byte range), raw
// little-endian data without holes. Format: README of huggingface/safetensors; this is own code, stricter where the
// format's text leaves room. Only the header is read on opening, so files larger than memory can be opened.

import type { FileHandle } from "node:fs/promises";
import { endianness } from "node:os";
import { invariant, ToolError } from "../base/errors.ts";
import { fileError, openToRead, type WriteOptions, writeFileAtomic } from "../base/files.ts";
import { bfloat16FromFloat32, float32FromBfloat16, float32FromFloat16 } from "./half.ts";
import { elementBytes, type HeaderEntry, parseHeader, type SafetensorsDtype } from "./safetensors-header.ts";

export type { SafetensorsDtype } from "./safetensors-header.ts";

export type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array;

/**
 * `dtype` is that of the file; F16 and BF16 values are held as float32, BOOL as bytes 0 and 1. Written, BF16 may also be
 * given as bits.
 */
export interface StoredTensor {
  dtype: SafetensorsDtype;
  shape: readonly number[];
  data: TensorData;
}

export interface SafetensorsContent {
  metadata: Record<string, string>;
  tensors: Map<string, StoredTensor>;
}

/** An open file: read the tensors wanted, then `close`. */
export interface SafetensorsFile {
  metadata: Record<string, string>;
  entries: ReadonlyMap<string, { dtype: SafetensorsDtype; shape: readonly number[] }>;
  read(name: string): Promise<StoredTensor>;
  /**
   * The numbers of an F32, F16 or BF16 tensor in order, at most `most` at a time, always in the same memory: how a
   * tensor that fills half of the memory is read into its place.
   */
  floats(name: string, most: number): AsyncGenerator<Float32Array>;
  close(): Promise<void>;
}

/** Whether tensors of this type are held as float32. */
export function isFloat(dtype: SafetensorsDtype): boolean {
  return dtype === "F32" || dtype === "F16" || dtype === "BF16";
}

/** Reads a whole file. */
export async function readSafetensors(path: string): Promise<SafetensorsContent> {
  const file = await openSafetensors(path);
  try {
    const tensors = new Map<string, StoredTensor>();
    for (const name of file.entries.keys()) tensors.set(name, await file.read(name));
    return { metadata: file.metadata, tensors };
  } finally {
    await file.close();
  }
}

/** Reads and checks the header only. */
export async function openSafetensors(path: string): Promise<SafetensorsFile> {
  const handle = await openToRead(path);
  try {
    const { size } = await handle.stat();
    const { metadata, entries, dataStart } = await parseHeader(path, size, async (offset, length) => {
      const bytes = allocate(path, length);
      await readRange(handle, path, offset, bytes);
      return bytes;
    });
    const entryOf = (name: string) => {
      const entry = entries.get(name);
      if (!entry) throw missingTensor(path, name, entries);
      return entry;
    };
    return {
      metadata,
      entries,
      async read(name) {
        const { dtype, shape, begin, end } = entryOf(name);
        const bytes = allocate(path, end - begin);
        await readRange(handle, path, dataStart + begin, bytes);
        return { dtype, shape, data: decodeNumbers(dtype, bytes.buffer) };
      },
      async *floats(name, most) {
        const { dtype, begin, end } = entryOf(name);
        invariant(most >= 1 && isFloat(dtype), `${name}: ${dtype} in pieces of ${most} floats`);
        const step = most * elementBytes[dtype];
        const bytes = allocate(path, Math.min(step, end - begin));
        for (let from = begin; from < end; from += step) {
          const piece = bytes.subarray(0, Math.min(step, end - from));
          await readRange(handle, path, dataStart + from, piece);
          const numbers = decodeNumbers(dtype, bytes.buffer, piece.length);
          invariant(numbers instanceof Float32Array, `${dtype} held as ${numbers.constructor.name}`);
          yield numbers;
        }
      },
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** Writes a file as a whole or not at all. The header lists the tensors in the given order. */
export async function writeSafetensors(
  path: string,
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
  options: WriteOptions = {},
): Promise<void> {
  await writeFileAtomic(path, encodeSafetensors(tensors, metadata), options);
}

/** The bytes of a file, in pieces that share memory with the tensors (except BF16 held as float32). */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array[] {
  const pieces = [...tensors].map(([name, tensor]) => ({ ...tensor, bytes: encode(name, tensor) }));
  return [encodeHeader(tensors, metadata), ...inFileOrder(pieces).map(({ bytes }) => bytes)];
}

export type TensorType = Pick<StoredTensor, "dtype" | "shape">;

/**
 * What stands before the data, for who writes that himself: the tensors in order of falling element size, equal ones
 * as listed. That order keeps every tensor aligned: readers that map the file need it.
 */
export function encodeHeader(
  tensors: ReadonlyMap<string, TensorType>,
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  checkLittleEndian();
  const offsets = new Map<string, [number, number]>();
  let end = 0;
  for (const { name, dtype, shape } of inFileOrder([...tensors].map(([name, type]) => ({ name, ...type })))) {
    const begin = end;
    end += elementBytes[dtype] * shape.reduce((product, size) => product * size, 1);
    offsets.set(name, [begin, end]);
  }
  // Put together by hand: a JavaScript object would move names that look like numbers to the front.
  const fields = [...tensors].map(([name, { dtype, shape }]) => {
    return `${JSON.stringify(name)}:${JSON.stringify({ dtype, shape, data_offsets: offsets.get(name) })}`;
  });
  if (Object.keys(metadata).length > 0) fields.unshift(`"__metadata__":${JSON.stringify(metadata)}`);
  const json = new TextEncoder().encode(`{${fields.join(",")}}`);
  const header = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(json, 8);
  return header;
}

/** As `encodeHeader` places them. */
export function inFileOrder<T extends TensorType>(tensors: readonly T[]): T[] {
  return [...tensors].sort((a, b) => elementBytes[b.dtype] - elementBytes[a.dtype]);
}

/** The first `bytes` bytes of a buffer as numbers. */
export function decodeNumbers(
  dtype: SafetensorsDtype,
  buffer: ArrayBuffer,
  bytes = buffer.byteLength,
): TensorData {
  checkLittleEndian();
  const count = bytes / elementBytes[dtype];
  switch (dtype) {
    case "F64":
      return new Float64Array(buffer, 0, count);
    case "I64":
      return new BigInt64Array(buffer, 0, count);
    case "F32":
      return new Float32Array(buffer, 0, count);
    case "I32":
      return new Int32Array(buffer, 0, count);
    case "F16":
      return float32FromFloat16(new Uint16Array(buffer, 0, count));
    case "BF16":
      return float32FromBfloat16(new Uint16Array(buffer, 0, count));
    case "U8":
    case "BOOL":
      return new Uint8Array(buffer, 0, count);
  }
}

function encode(name: string, { dtype, shape, data }: StoredTensor): Uint8Array {
  if (dtype === "F16") {
    const message = `tensor ${name}: F16 can be read but not written`;
    throw new ToolError(message, { code: "safetensors/dtype", hint: "write it as F32 or BF16" });
  }
  const count = shape.reduce((product, size) => product * size, 1);
  invariant(data.length === count, `tensor ${name}: ${data.length} values for shape [${shape.join(", ")}]`);
  invariant(
    data instanceof heldAs[dtype] || (dtype === "BF16" && data instanceof Uint16Array),
    `tensor ${name}: ${dtype} cannot be written from ${data.constructor.name}`,
  );
  const stored = dtype === "BF16" && data instanceof Float32Array ? bfloat16FromFloat32(data) : data;
  return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
}

const heldAs = {
  ...{ F64: Float64Array, I64: BigInt64Array, F32: Float32Array, I32: Int32Array },
  ...{ BF16: Float32Array, U8: Uint8Array, BOOL: Uint8Array },
};

/** Fills `bytes` from the file. */
async function readRange(handle: FileHandle, path: string, offset: number, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    // One read call takes less than 2 GiB.
    const wanted = Math.min(bytes.length - done, 2 ** 30);
    const { bytesRead } = await handle.read(bytes, done, wanted, offset + done).catch((error) => {
      throw fileError(error, `reading ${path}`);
    });
    if (bytesRead === 0) {
      throw new ToolError(`${path} became shorter while it was read`, { code: "safetensors/truncated" });
    }
    done += bytesRead;
  }
}

function allocate(path: string, length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    const message = `not enough memory for ${length} bytes of ${path}`;
    throw new ToolError(message, { code: "safetensors/too-large", cause });
  }
}

function missingTensor(path: string, name: string, entries: ReadonlyMap<string, HeaderEntry>) {
  const names = [...entries.keys()];
  return new ToolError(`no tensor ${name} in ${path}`, {
    code: "safetensors/no-tensor",
    hint: `it has ${names.length} tensors: ${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""}`,
  });
}

function checkLittleEndian() {
  invariant(endianness() === "LE", "safetensors on a big-endian machine");
}
