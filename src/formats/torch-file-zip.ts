// Writer of ZIP archives whose members are stored as they are and may be larger than memory and than 4 GiB: each is
// made twice, once for its checksum, once for the file. Always in ZIP64 form, so that there is one way of writing, and
// with data at multiples of 64 bytes, as PyTorch places them for readers that map the file. Source: APPNOTE 4.3, 4.5.3.

import { crc32 } from "node:zlib";
import { invariant } from "../base/errors.ts";

export interface StoredMember {
  readonly name: string;
  readonly bytes: number;
  /** The same pieces each time; the memory of one may be used for the next. */
  pieces(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

interface Placed {
  readonly name: Buffer;
  readonly bytes: number;
  readonly crc32: number;
  /** Of the local header. */
  readonly offset: number;
}

const alignment = 64;
const localBytes = 30;
const localExtraBytes = 20;
const version64 = 45;
/** 1 January 1980: equal contents give equal files. */
const firstDay = 33;

/** For `writeFileAtomic`. */
export async function* encodeStoredZip(members: readonly StoredMember[]): AsyncGenerator<Uint8Array> {
  const written: Placed[] = [];
  let at = 0;
  for (const member of members) {
    const placed = await place(member, at);
    const header = localHeader(placed);
    yield header;
    yield* member.pieces();
    written.push(placed);
    at += header.length + member.bytes;
  }
  const directory = Buffer.concat(written.map(directoryEntry));
  yield directory;
  yield endRecords(written.length, directory.length, at);
}

async function place(member: StoredMember, offset: number): Promise<Placed> {
  let checksum = 0;
  let bytes = 0;
  for await (const piece of member.pieces()) {
    checksum = crc32(piece, checksum);
    bytes += piece.length;
  }
  invariant(bytes === member.bytes, `${member.name}: ${bytes} of ${member.bytes} bytes`);
  return { name: Buffer.from(member.name), bytes, crc32: checksum, offset };
}

function localHeader({ name, bytes, crc32: checksum, offset }: Placed): Buffer {
  const unpadded = localBytes + name.length + localExtraBytes + 4;
  const padding = (alignment - ((offset + unpadded) % alignment)) % alignment;
  const header = Buffer.alloc(unpadded + padding);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(version64, 4);
  writeCommon(header, 10, checksum, name.length);
  header.writeUInt16LE(localExtraBytes + 4 + padding, 28);
  name.copy(header, localBytes);
  const extra = localBytes + name.length;
  writeSizes(header, extra, [bytes, bytes]);
  header.writeUInt16LE(0x4246, extra + localExtraBytes); // "FB", PyTorch's name for padding
  header.writeUInt16LE(padding, extra + localExtraBytes + 2);
  return header;
}

function directoryEntry({ name, bytes, crc32: checksum, offset }: Placed): Buffer {
  const entry = Buffer.alloc(46 + name.length + 28);
  entry.writeUInt32LE(0x02014b50, 0);
  entry.writeUInt16LE(version64, 4);
  entry.writeUInt16LE(version64, 6);
  writeCommon(entry, 12, checksum, name.length);
  entry.writeUInt16LE(28, 30);
  entry.writeUInt32LE(0xffffffff, 42);
  name.copy(entry, 46);
  writeSizes(entry, 46 + name.length, [bytes, bytes, offset]);
  return entry;
}

/** Time to length of the name, the same in both headers; sizes are in the extra field. */
function writeCommon(header: Buffer, at: number, checksum: number, nameLength: number): void {
  header.writeUInt16LE(firstDay, at + 2);
  header.writeUInt32LE(checksum, at + 4);
  header.writeUInt32LE(0xffffffff, at + 8);
  header.writeUInt32LE(0xffffffff, at + 12);
  header.writeUInt16LE(nameLength, at + 16);
}

function writeSizes(header: Buffer, at: number, sizes: readonly number[]): void {
  header.writeUInt16LE(1, at);
  header.writeUInt16LE(8 * sizes.length, at + 2);
  for (const [i, size] of sizes.entries()) header.writeBigUInt64LE(BigInt(size), at + 4 + 8 * i);
}

function endRecords(count: number, directoryBytes: number, directoryStart: number): Buffer {
  const end = Buffer.alloc(56 + 20 + 22);
  end.writeUInt32LE(0x06064b50, 0);
  end.writeBigUInt64LE(44n, 4);
  end.writeUInt16LE(version64, 12);
  end.writeUInt16LE(version64, 14);
  const fields = [count, count, directoryBytes, directoryStart];
  for (const [i, field] of fields.entries()) end.writeBigUInt64LE(BigInt(field), 24 + 8 * i);
  end.writeUInt32LE(0x07064b50, 56);
  end.writeBigUInt64LE(BigInt(directoryStart + directoryBytes), 56 + 8);
  end.writeUInt32LE(1, 56 + 16);
  end.writeUInt32LE(0x06054b50, 76);
  end.writeUInt16LE(0xffff, 76 + 8);
  end.writeUInt16LE(0xffff, 76 + 10);
  end.writeUInt32LE(0xffffffff, 76 + 12);
  end.writeUInt32LE(0xffffffff, 76 + 16);
  return end;
}
