// Reader and writer of NumPy's .npz files: ZIP archives of .npy arrays (np.savez, np.savez_compressed). Members are
// inflated piece by piece straight into their array, which is allocated only when directory and array header agree
// on its size and all together stay under a limit: an archive of a few kilobytes can claim terabytes.

import type { FileHandle } from "node:fs/promises";
import { Readable } from "node:stream";
import { crc32, createInflateRaw } from "node:zlib";
import { zipSync } from "fflate";
import { ToolError } from "../base/errors.ts";
import { openToRead } from "../base/files.ts";
import { allocateBytes, arrayOf, encodeNpy, type NpyArray } from "./npy.ts";
import { checkNpySize, npyHeaderLength, npyPrefixBytes, parseNpyHeader } from "./npy-header.ts";
import {
  damagedZip,
  findMemberData,
  readZipDirectory,
  readZipRange,
  type ZipMember,
} from "./zip-directory.ts";

const gibibyte = 2 ** 30;
const pieceBytes = 2 ** 20;
/** Without ZIP64, which the writer does not know. */
const maximumArchiveBytes = 4 * gibibyte - 1;

/**
 * The arrays by their names (without `.npy`), in the order of the archive; members that are not arrays are passed over.
 * More than `limitBytes` of arrays are refused.
 * @example
 * const predictions = (await readNpz("predictions.npz")).get("preds");
 */
export async function readNpz(path: string, limitBytes = 4 * gibibyte): Promise<Map<string, NpyArray>> {
  const file = await openToRead(path);
  try {
    const members = (await readZipDirectory(file, path)).filter(({ name }) => name.endsWith(".npy"));
    const bytes = members.reduce((sum, member) => sum + member.bytes, 0);
    if (bytes > limitBytes) {
      throw new ToolError(`${path} would take ${bytes} bytes of memory, the limit is ${limitBytes}`, {
        code: "npz/too-large",
        hint: "write fewer rows, or smaller types such as uint8 for tokens",
      });
    }
    const arrays = new Map<string, NpyArray>();
    for (const member of members)
      arrays.set(member.name.slice(0, -".npy".length), await readMember(file, path, member));
    return arrays;
  } finally {
    await file.close();
  }
}

/**
 * An archive that np.load reads; equal arrays give equal bytes on every machine.
 * @example
 * await writeFileAtomic("x.npz", encodeNpz(new Map([["x", { dtype: "uint8", shape: [2], data }]])));
 */
export function encodeNpz(arrays: ReadonlyMap<string, NpyArray>): Uint8Array {
  const files: Record<string, Uint8Array> = {};
  let bytes = 0;
  for (const [name, array] of arrays) {
    const joined = Buffer.concat(encodeNpy(array));
    bytes += joined.length;
    files[`${name}.npy`] = joined;
  }
  if (bytes > maximumArchiveBytes) {
    throw new ToolError(`${bytes} bytes of arrays are too large for a .npz file`, {
      code: "npz/too-large",
      hint: "write them in several parts (shards)",
    });
  }
  // Local time is what the format knows, so this is the same date everywhere. Level 6 takes five times as long as
  // level 1 and saves a tenth of rows of tokens; fflate because zlib's output differs between versions of Node.
  return zipSync(files, { level: 1, mtime: new Date(1980, 0, 1) });
}

/** What is known of a member while it comes in: at first a part of the header, then the array. */
interface Arrival {
  header: ReturnType<typeof parseNpyHeader> | undefined;
  start: Uint8Array;
  data: Uint8Array<ArrayBuffer>;
  /** Bytes of the member so far. */
  received: number;
  crc32: number;
}

async function readMember(file: FileHandle, path: string, member: ZipMember): Promise<NpyArray> {
  const place = `${path}: ${member.name}`;
  const arrival: Arrival = {
    header: undefined,
    start: new Uint8Array(),
    data: new Uint8Array(),
    received: 0,
    crc32: 0,
  };
  for await (const piece of contentOf(file, path, member)) {
    if (arrival.received + piece.length > member.bytes)
      throw damagedZip(path, `its member ${member.name} is larger than the ${member.bytes} bytes it claims`);
    receive(arrival, piece, member, place);
  }
  if (arrival.received !== member.bytes)
    throw damagedZip(path, `its member ${member.name} has ${arrival.received} of ${member.bytes} bytes`);
  // An incomplete header is told by its parser.
  const { dtype, shape } = arrival.header ?? parseNpyHeader(arrival.start, place);
  if (arrival.crc32 !== member.crc32)
    throw damagedZip(path, `the checksum of its member ${member.name} is wrong`);
  return arrayOf(dtype, shape, arrival.data.buffer);
}

function receive(arrival: Arrival, piece: Uint8Array, member: ZipMember, place: string): void {
  arrival.crc32 = crc32(piece, arrival.crc32);
  const before = arrival.received;
  arrival.received += piece.length;
  if (arrival.header) {
    arrival.data.set(piece, before - arrival.header.dataStart);
    return;
  }
  arrival.start = Buffer.concat([arrival.start, piece]);
  if (arrival.start.length < npyPrefixBytes) return;
  if (arrival.start.length < npyHeaderLength(arrival.start, place)) return;
  const header = parseNpyHeader(arrival.start, place);
  checkNpySize(header, member.bytes, place);
  arrival.header = header;
  arrival.data = allocateBytes(header.dataBytes, place);
  arrival.data.set(arrival.start.subarray(header.dataStart));
}

/** The bytes of a member, inflated. */
async function* contentOf(file: FileHandle, path: string, member: ZipMember): AsyncGenerator<Uint8Array> {
  const start = await findMemberData(file, path, member);
  const stored = readPieces(file, path, start, member.compressedBytes);
  if (member.method === "stored") return yield* stored;
  const inflate = createInflateRaw({ chunkSize: pieceBytes });
  const source = Readable.from(stored, { objectMode: false });
  source.on("error", (error) => inflate.destroy(error));
  try {
    yield* source.pipe(inflate);
  } catch (error) {
    if (error instanceof ToolError) throw error;
    throw damagedZip(path, `its member ${member.name} cannot be inflated`);
  } finally {
    source.destroy();
    inflate.destroy();
  }
}

async function* readPieces(file: FileHandle, path: string, start: number, bytes: number) {
  for (let done = 0; done < bytes; done += pieceBytes)
    yield await readZipRange(file, path, start + done, Math.min(pieceBytes, bytes - done));
}
