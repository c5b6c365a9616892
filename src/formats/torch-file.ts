// Reader of PyTorch's .pt files (zip archives, torch 1.6 and later): a state dict of tensors, read like a safetensors
// file, a few MB at a time and never more than is asked for. The pickle in it runs nothing (pickle.ts). Tensors that are
// views of shared or larger storages come out contiguous. Source: caffe2/serialize/inline_container.cc, spec/trm.md 13.

import type { FileHandle } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { invariant, ToolError } from "../base/errors.ts";
import { fileError, openToRead } from "../base/files.ts";
import { pickleLimits } from "./pickle-machine.ts";
import { unpickleStateDict } from "./pickle-torch.ts";
import type { TorchTensor } from "./pickle-values.ts";
import { decodeNumbers, isFloat, type SafetensorsFile } from "./safetensors.ts";
import { elementBytes } from "./safetensors-header.ts";
import { type PlacedTensor, readPieces } from "./torch-file-pieces.ts";
import {
  damagedZip,
  findMemberData,
  readZipDirectory,
  readZipRange,
  type ZipKind,
  type ZipMember,
} from "./zip-directory.ts";

const torchArchive: ZipKind = {
  code: "torch",
  file: ".pt file",
  howToWrite: "save it with torch.save",
};

const PICKLE = "data.pkl";
/** Tensors may share storages, but not so that a small file becomes a large one. */
const mostSharing = 16;
/** How many numbers `read` takes in at once when they are not contiguous. */
const numbersAtOnce = 2 ** 20;

/** Whether a file starts like one; what it holds shows when it is opened. */
export async function isTorchFile(path: string): Promise<boolean> {
  const handle = await openToRead(path);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.equals(zipStart);
  } catch (error) {
    throw fileError(error, `reading ${path}`);
  } finally {
    await handle.close();
  }
}

const zipStart = Buffer.from("PK\u0003\u0004", "latin1");

/** Reads and checks everything but the numbers. Names are those of the file. */
export async function openTorchFile(path: string): Promise<SafetensorsFile> {
  const handle = await openToRead(path);
  try {
    const tensors = await placeTensors(handle, path);
    const placeOf = (name: string) => {
      const placed = tensors.get(name);
      if (!placed) throw missingTensor(path, name, tensors);
      return placed;
    };
    return {
      metadata: {},
      entries: new Map([...tensors].map(([name, { dtype, shape }]) => [name, { dtype, shape }])),
      async read(name) {
        const placed = placeOf(name);
        const { dtype, shape, elements } = placed;
        const bytes = allocate(path, elements * elementBytes[dtype]);
        let at = 0;
        for await (const piece of readPieces(handle, path, placed, numbersAtOnce)) {
          bytes.set(piece, at);
          at += piece.length;
        }
        return { dtype, shape, data: decodeNumbers(dtype, bytes.buffer) };
      },
      async *floats(name, most) {
        const placed = placeOf(name);
        const { dtype } = placed;
        invariant(most >= 1 && isFloat(dtype), `${name}: ${dtype} in pieces of ${most} floats`);
        for await (const piece of readPieces(handle, path, placed, most)) {
          const numbers = decodeNumbers(dtype, piece.buffer, piece.length);
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

/** Every tensor of the pickle, and where in the file its storage lies. */
async function placeTensors(file: FileHandle, path: string): Promise<Map<string, PlacedTensor>> {
  const members = new Map(
    (await readZipDirectory(file, path, torchArchive)).map((each) => [each.name, each]),
  );
  const pickle = findPickle(path, members);
  const root = pickle.name.slice(0, -PICKLE.length);
  await checkByteOrder(file, path, members.get(`${root}byteorder`));
  const tensors = unpickleStateDict(await readMember(file, path, pickle), path);
  const placed = new Map<string, PlacedTensor>();
  const starts = new Map<string, number>();
  let bytes = 0;
  for (const [name, tensor] of tensors) {
    const member = members.get(`${root}data/${tensor.storage.key}`);
    checkStorage(path, name, tensor, member);
    const start = starts.get(member.name) ?? (await findMemberData(file, path, member, torchArchive));
    starts.set(member.name, start);
    placed.set(name, placeTensor(name, tensor, member, start));
    bytes += elementCount(tensor.shape) * elementBytes[tensor.storage.dtype];
  }
  const { size } = await file.stat();
  if (bytes > mostSharing * size)
    throw new ToolError(
      `the tensors of ${path} would take ${bytes} bytes, ${mostSharing} times those of the file`,
      {
        code: "torch/too-large",
        hint: "save tensors that share their numbers as one",
      },
    );
  return placed;
}

function placeTensor(name: string, tensor: TorchTensor, member: ZipMember, start: number): PlacedTensor {
  const { storage, offset, shape, strides } = tensor;
  const elements = elementCount(shape);
  const { dtype } = storage;
  const isWhole = offset === 0 && elements * elementBytes[dtype] === member.bytes;
  return { name, dtype, shape, strides, offset, elements, start, crc32: isWhole ? member.crc32 : undefined };
}

function elementCount(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
}

function findPickle(path: string, members: ReadonlyMap<string, ZipMember>): ZipMember {
  const found = [...members.values()].filter(({ name }) => /^([^/]*\/)?data\.pkl$/.test(name));
  if (found.length === 1) return found[0];
  throw new ToolError(`${path} is no .pt file: it has ${found.length} members ${PICKLE}`, {
    code: "torch/no-weights",
    hint: "give a file that torch.save made",
  });
}

async function checkByteOrder(file: FileHandle, path: string, member: ZipMember | undefined) {
  if (!member) return; // before torch 2.1 nobody wrote it
  if (member.bytes > 16) throw damagedZip(path, "its byte order is not a word", torchArchive);
  const order = new TextDecoder().decode(await readMember(file, path, member)).trim();
  if (order === "little") return;
  throw new ToolError(`${path} has the byte order ${JSON.stringify(order)}, only little can be read`, {
    code: "torch/byte-order",
    hint: "load and save it again on a usual machine",
  });
}

/** A small member as a whole. */
async function readMember(file: FileHandle, path: string, member: ZipMember): Promise<Uint8Array> {
  checkStored(path, member);
  if (member.bytes > pickleLimits.bytes)
    throw damagedZip(path, `its member ${member.name} would be ${member.bytes} bytes long`, torchArchive);
  const start = await findMemberData(file, path, member, torchArchive);
  const bytes = await readZipRange(file, path, start, member.bytes, torchArchive);
  if (crc32(bytes) !== member.crc32) throw wrongChecksum(path, member.name);
  return bytes;
}

function checkStored(path: string, member: ZipMember): void {
  if (member.method === "stored") return;
  throw new ToolError(`${path} cannot be read: its member ${member.name} is compressed`, {
    code: "torch/method",
    hint: "torch.save never compresses: pack it again without compression (zip -0)",
  });
}

function checkStorage(
  path: string,
  name: string,
  { storage }: TorchTensor,
  member: ZipMember | undefined,
): asserts member is ZipMember {
  if (!member) throw damagedZip(path, `the numbers of ${JSON.stringify(name)} are not in it`, torchArchive);
  checkStored(path, member);
  const bytes = storage.elements * elementBytes[storage.dtype];
  if (bytes <= member.bytes) return;
  const what = `${JSON.stringify(name)} needs ${bytes} bytes of ${storage.dtype}, its member has ${member.bytes}`;
  throw damagedZip(path, what, torchArchive);
}

function wrongChecksum(path: string, what: string): ToolError {
  return new ToolError(`${path} is damaged: the checksum of ${what} is wrong`, {
    code: "torch/damaged",
    hint: "copy the file again",
  });
}

function allocate(path: string, length: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(length);
  } catch (cause) {
    throw new ToolError(`not enough memory for ${length} bytes of ${path}`, {
      code: "torch/too-large",
      cause,
    });
  }
}

function missingTensor(path: string, name: string, tensors: ReadonlyMap<string, PlacedTensor>): ToolError {
  const names = [...tensors.keys()];
  return new ToolError(`no tensor ${JSON.stringify(name)} in ${path}`, {
    code: "torch/no-tensor",
    hint: `it has ${names.length} tensors: ${names.slice(0, 5).join(", ")}${names.length > 5 ? ", …" : ""}`,
  });
}
