// Pickles put together by hand, as an attacker would, and archives around them.

import { writeFile } from "node:fs/promises";
import { encodeStoredZip } from "../torch-file-zip.ts";

/** Bytes of a pickle from instructions, texts and numbers as they stand. */
export function pickle(...parts: readonly (number | string | Uint8Array)[]): Buffer {
  return Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.of(part) : Buffer.from(part))));
}

/** BINUNICODE */
export function text(value: string): Buffer {
  return pickle("X", int32(Buffer.byteLength(value)), value);
}

/** BININT */
export function integer(value: number): Buffer {
  return pickle("J", int32(value));
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(value);
  return bytes;
}

export function int64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(value);
  return bytes;
}

export interface FakeTensor {
  readonly storage?: string;
  readonly key?: string;
  readonly elements?: Buffer;
  readonly offset?: Buffer;
  readonly shape: readonly Buffer[];
  readonly strides: readonly Buffer[];
}

/** A dict with one tensor `w`. */
export function tensorPickle({ storage = "FloatStorage", key = "0", ...rest }: FakeTensor): Buffer {
  const { elements = integer(4), offset = integer(0), shape, strides } = rest;
  const id = pickle("(", text("storage"), `ctorch\n${storage}\n`, text(key), text("cpu"), elements, "tQ");
  const view = pickle(offset, "(", ...shape, "t", "(", ...strides, "t", 0x89, "N");
  return pickle(...[0x80, 2, "}", text("w"), "ctorch._utils\n_rebuild_tensor_v2\n("], ...[id, view, "tRs."]);
}

/** A .pt file of this pickle and these storages. */
export async function encodeArchive(
  dataPickle: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
): Promise<Buffer> {
  const members: [string, Uint8Array][] = [
    ["data.pkl", dataPickle],
    ["byteorder", Buffer.from("little")],
    ...Object.entries(storages).map(([key, bytes]): [string, Uint8Array] => [`data/${key}`, bytes]),
  ];
  const stored = members.map(([name, bytes]) => ({
    ...{ name: `archive/${name}`, bytes: bytes.length, pieces: () => [bytes] },
  }));
  const pieces: Uint8Array[] = [];
  for await (const piece of encodeStoredZip(stored)) pieces.push(piece);
  return Buffer.concat(pieces);
}

export async function writeArchive(
  path: string,
  dataPickle: Uint8Array,
  storages: Readonly<Record<string, Uint8Array>> = {},
): Promise<string> {
  await writeFile(path, await encodeArchive(dataPickle, storages));
  return path;
}
