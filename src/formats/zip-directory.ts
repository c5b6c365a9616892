// The directory of a ZIP archive, read without its data: names, sizes and places of the members, ZIP64 included (NumPy
// and PyTorch write it for large ones). Source: PKWARE's APPNOTE 4.3.7, 4.3.12, 4.3.14-16, 4.5.3. Own code because
// fflate reads an archive only as a whole in memory. No encryption, no archives in several parts.

import type { FileHandle } from "node:fs/promises";
import { ToolError } from "../base/errors.ts";
import { fileError } from "../base/files.ts";

/** What an archive is to its reader: words of the errors. */
export interface ZipKind {
  readonly code: "npz" | "torch";
  readonly file: string;
  readonly howToWrite: string;
}

export const npzArchive: ZipKind = {
  code: "npz",
  file: ".npz file",
  howToWrite: "write it with np.savez or np.savez_compressed",
};

export interface ZipMember {
  readonly name: string;
  readonly method: "stored" | "deflated";
  readonly crc32: number;
  readonly compressedBytes: number;
  /** Of the data when it is inflated, as the directory says. */
  readonly bytes: number;
  /** Where its local header begins. */
  readonly offset: number;
}

const endSignature = 0x06054b50;
const end64Signature = 0x06064b50;
const locator64Signature = 0x07064b50;
const memberSignature = 0x02014b50;
const localSignature = 0x04034b50;
const endBytes = 22;
const locator64Bytes = 20;
const end64Bytes = 56;
const memberBytes = 46;
const localBytes = 30;
const maximumCommentBytes = 0xffff;
/** That of an archive of arrays has some hundred bytes. */
const maximumDirectoryBytes = 64 * 2 ** 20;
const unknown32 = 0xffffffff;
const unknown16 = 0xffff;

export async function readZipDirectory(
  file: FileHandle,
  path: string,
  kind = npzArchive,
): Promise<ZipMember[]> {
  const { size } = await file.stat();
  const { start, length, count } = await findDirectory(file, path, size, kind);
  if (length > maximumDirectoryBytes || start + length > size)
    throw damagedZip(
      path,
      `a directory of ${length} bytes at ${start} is not inside its ${size} bytes`,
      kind,
    );
  const bytes = await readZipRange(file, path, start, length, kind);
  const view = new DataView(bytes.buffer);
  const members = new Map<string, ZipMember>();
  for (let at = 0; members.size < count; ) {
    const nameEnd = at + memberBytes + (at + memberBytes <= length ? view.getUint16(at + 28, true) : 0);
    if (nameEnd > length || view.getUint32(at, true) !== memberSignature)
      throw damagedZip(path, `its directory breaks off after ${members.size} of ${count} members`, kind);
    const extraEnd = nameEnd + view.getUint16(at + 30, true);
    if (extraEnd > length) throw damagedZip(path, "its directory breaks off inside a member", kind);
    const member = parseMember(view, at, nameEnd, extraEnd, path, kind);
    if (members.has(member.name)) throw damagedZip(path, `it has the member ${member.name} twice`, kind);
    members.set(member.name, member);
    at = extraEnd + view.getUint16(at + 32, true);
  }
  return [...members.values()];
}

/** Where the (compressed) data of a member begins: its local header may differ in length from the directory's. */
export async function findMemberData(
  file: FileHandle,
  path: string,
  member: ZipMember,
  kind = npzArchive,
): Promise<number> {
  const { size } = await file.stat();
  const fail = () => damagedZip(path, `its member ${member.name} is not where the directory says`, kind);
  if (member.offset + localBytes > size) throw fail();
  const { buffer } = await readZipRange(file, path, member.offset, localBytes, kind);
  const view = new DataView(buffer);
  if (view.getUint32(0, true) !== localSignature) throw fail();
  const start = member.offset + localBytes + view.getUint16(26, true) + view.getUint16(28, true);
  if (start + member.compressedBytes > size) throw fail();
  return start;
}

/** Exactly `length` bytes, in a buffer of their own. */
export async function readZipRange(
  file: FileHandle,
  path: string,
  offset: number,
  length: number,
  kind = npzArchive,
) {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const { bytesRead } = await file.read(bytes, done, length - done, offset + done).catch((error) => {
      throw fileError(error, `reading ${path}`);
    });
    if (bytesRead === 0) throw damagedZip(path, "it became shorter while it was read", kind);
    done += bytesRead;
  }
  return bytes;
}

export function damagedZip(path: string, what: string, kind = npzArchive) {
  return new ToolError(`${path} is not a whole ${kind.file}: ${what}`, {
    code: `${kind.code}/damaged`,
    hint: "copy or make the file again",
  });
}

/** The end record is the last thing of the file, but for a comment. */
async function findDirectory(file: FileHandle, path: string, size: number, kind: ZipKind) {
  const tailStart = Math.max(0, size - endBytes - maximumCommentBytes);
  const tail = await readZipRange(file, path, tailStart, size - tailStart, kind);
  const view = new DataView(tail.buffer);
  for (let at = tail.length - endBytes; at >= 0; at--) {
    if (view.getUint32(at, true) !== endSignature) continue;
    if (at + endBytes + view.getUint16(at + 20, true) !== tail.length) continue;
    const [count, length, start] = [
      view.getUint16(at + 10, true),
      view.getUint32(at + 12, true),
      view.getUint32(at + 16, true),
    ];
    if (count !== unknown16 && length !== unknown32 && start !== unknown32) return { start, length, count };
    return await findDirectory64(file, path, tailStart + at, size, kind);
  }
  throw damagedZip(path, size === 0 ? "it is empty" : "no directory of a ZIP archive is at its end", kind);
}

async function findDirectory64(
  file: FileHandle,
  path: string,
  endStart: number,
  size: number,
  kind: ZipKind,
) {
  const fail = () => damagedZip(path, "its ZIP64 directory is not where it should be", kind);
  if (endStart < locator64Bytes) throw fail();
  const locator = await readZipRange(file, path, endStart - locator64Bytes, locator64Bytes, kind);
  const locatorView = new DataView(locator.buffer);
  const end64Start = Number(locatorView.getBigUint64(8, true));
  if (locatorView.getUint32(0, true) !== locator64Signature || end64Start + end64Bytes > size) throw fail();
  const end = await readZipRange(file, path, end64Start, end64Bytes, kind);
  const view = new DataView(end.buffer);
  if (view.getUint32(0, true) !== end64Signature) throw fail();
  const [count, length, start] = [32, 40, 48].map((at) => Number(view.getBigUint64(at, true)));
  return { start, length, count };
}

function parseMember(
  view: DataView<ArrayBuffer>,
  at: number,
  nameEnd: number,
  extraEnd: number,
  path: string,
  kind: ZipKind,
): ZipMember {
  const name = Buffer.from(view.buffer, at + memberBytes, nameEnd - at - memberBytes).toString("utf8");
  const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
  if ((flags & 1) !== 0) throw unreadable(path, `its member ${name} is encrypted`, kind);
  if (method !== 0 && method !== 8)
    throw unreadable(path, `its member ${name} is compressed by method ${method}`, kind);
  const [bytes, compressedBytes, offset] = widen(view, nameEnd, extraEnd, [
    view.getUint32(at + 24, true),
    view.getUint32(at + 20, true),
    view.getUint32(at + 42, true),
  ]);
  if (method === 0 && bytes !== compressedBytes)
    throw damagedZip(path, `its member ${name} is stored in ${compressedBytes} bytes but has ${bytes}`, kind);
  const crc32 = view.getUint32(at + 16, true);
  return { name, method: method === 0 ? "stored" : "deflated", crc32, compressedBytes, bytes, offset };
}

/** Fields that do not fit 32 bits stand in the ZIP64 extra field, in this order and only those. */
function widen(view: DataView, extraStart: number, extraEnd: number, fields: number[]): number[] {
  for (let at = extraStart; at + 4 <= extraEnd; at += 4 + view.getUint16(at + 2, true)) {
    if (view.getUint16(at, true) !== 1) continue;
    let next = at + 4;
    return fields.map((value) => {
      if (value !== unknown32 || next + 8 > extraEnd) return value;
      next += 8;
      return Number(view.getBigUint64(next - 8, true));
    });
  }
  return fields;
}

function unreadable(path: string, what: string, kind: ZipKind) {
  return new ToolError(`${path} cannot be read: ${what}`, {
    code: `${kind.code}/method`,
    hint: kind.howToWrite,
  });
}
