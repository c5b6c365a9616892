// Files that are either the old or the new, never half of one: written under a temporary name, flushed to the
// disk, renamed. A crash leaves `name.tmp-<pid>` (garbage) or, when a directory is replaced, `name.old-<pid>`
// (put back by `recoverInterrupted`). Every failure of the system is a ToolError that says what stands where.

import { createReadStream } from "node:fs";
import * as promises from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { ToolError } from "./errors.ts";

/**
 * Several pieces are written one after the other, so that large arrays need no joint copy. They may be made while the
 * file is written, in memory that is used again for the next piece.
 */
export type FileContent = string | Uint8Array | Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** A file that is there already and will never change: linked, or copied where the file system has no links. */
export interface LinkedFile {
  readonly linkTo: string;
}

/** The calls used here; tests pass one that fails. */
export type FileSystem = Pick<typeof promises, "open" | "rename" | "rm" | "mkdir" | "readdir" | "link">;

export interface WriteOptions {
  fileSystem?: FileSystem;
}

/** Creates or replaces one file; its folder must exist. */
export async function writeFileAtomic(path: string, content: FileContent, options: WriteOptions = {}) {
  const fileSystem = options.fileSystem ?? promises;
  const temporary = `${path}.tmp-${process.pid}`;
  try {
    await writeAndSync(fileSystem, temporary, content);
    await fileSystem.rename(temporary, path);
    await syncFolder(fileSystem, dirname(path));
  } catch (error) {
    await fileSystem.rm(temporary, { force: true }).catch(ignore);
    throw fileError(error, `writing ${path}`, "nothing was replaced");
  }
}

/**
 * Creates or replaces a whole directory of files, all of them or none; they are made in the given order. Names may lead
 * into folders of it: `train/inputs.npy`.
 */
export async function writeDirectoryAtomic(
  path: string,
  files: ReadonlyMap<string, FileContent | LinkedFile>,
  options: WriteOptions = {},
) {
  const fileSystem = options.fileSystem ?? promises;
  const temporary = `${path}.tmp-${process.pid}`;
  try {
    await fileSystem.mkdir(dirname(path), { recursive: true });
    await fileSystem.rm(temporary, { recursive: true, force: true });
    await fileSystem.mkdir(temporary);
    const folders = new Set([temporary]);
    for (const [name, content] of files) {
      const target = join(temporary, name);
      if (!folders.has(dirname(target))) await fileSystem.mkdir(dirname(target), { recursive: true });
      folders.add(dirname(target));
      if (isLink(content)) await linkOrCopy(fileSystem, content.linkTo, target);
      else await writeAndSync(fileSystem, target, content);
    }
    for (const folder of folders) await syncFolder(fileSystem, folder);
    await moveIntoPlace(fileSystem, temporary, path);
    await syncFolder(fileSystem, dirname(path));
  } catch (error) {
    await fileSystem.rm(temporary, { recursive: true, force: true }).catch(ignore);
    throw fileError(error, `writing ${path}`, "nothing was replaced");
  }
}

/** Deletes a directory so that a crash never leaves half of it under its own name. */
export async function removeDirectory(path: string, options: WriteOptions = {}) {
  const fileSystem = options.fileSystem ?? promises;
  const temporary = `${path}.tmp-${process.pid}`;
  try {
    await fileSystem.rename(path, temporary);
    await fileSystem.rm(temporary, { recursive: true, force: true });
  } catch (error) {
    throw fileError(error, `deleting ${path}`);
  }
}

/** Clears what crashed writers left in a folder; leftovers of other processes that still run are not touched. */
export async function recoverInterrupted(folder: string, options: WriteOptions = {}) {
  const fileSystem = options.fileSystem ?? promises;
  const names = await fileSystem.readdir(folder).catch(() => []);
  const present = new Set(names);
  for (const name of names) {
    const match = /^(?<target>.+)\.(?<kind>tmp|old)-(?<pid>\d+)$/.exec(name);
    if (!match?.groups || isOtherLiveProcess(Number(match.groups.pid))) continue;
    const { target, kind } = match.groups;
    try {
      if (kind === "old" && !present.has(target))
        await fileSystem.rename(join(folder, name), join(folder, target));
      else await fileSystem.rm(join(folder, name), { recursive: true, force: true });
    } catch (error) {
      throw fileError(error, `clearing the leftover ${join(folder, name)}`);
    }
  }
}

export async function makeFolder(path: string) {
  try {
    await promises.mkdir(path, { recursive: true });
  } catch (error) {
    throw fileError(error, `creating the folder ${path}`);
  }
}

export async function readTextFile(path: string): Promise<string> {
  try {
    return await promises.readFile(path, "utf8");
  } catch (error) {
    throw fileError(error, `reading ${path}`);
  }
}

/** What one array of bytes can hold wherever Node runs. */
const mostBytesAtOnce = 2 ** 31 - 1;

export async function readBytes(path: string): Promise<Uint8Array> {
  const file = await openToRead(path);
  try {
    const { size } = await file.stat();
    if (size > mostBytesAtOnce)
      throw new ToolError(
        `${path} has ${(size / 1e9).toFixed(1)} GB, more than can be read at once (2.1 GB)`,
        {
          code: "file/too-large",
        },
      );
    return await file.readFile();
  } catch (error) {
    throw fileError(error, `reading ${path}`);
  } finally {
    await file.close();
  }
}

/** Opens a file to read parts of it. Pipes and devices are refused first: opening one would wait for its writer. */
export async function openToRead(path: string): Promise<promises.FileHandle> {
  try {
    const stats = await promises.stat(path);
    if (!stats.isFile() && !stats.isDirectory())
      throw new ToolError(`${path} is a pipe or a device, not a file`, {
        code: "file/not-regular",
        hint: "save it to a file first: it is read in parts, back and forth",
      });
    return await promises.open(path, "r");
  } catch (error) {
    throw fileError(error, `reading ${path}`);
  }
}

/** Turns an error of the system into one for the user; anything else passes through unchanged. */
export function fileError(error: unknown, doing: string, consequence?: string): unknown {
  const code = systemCode(error);
  if (code === undefined) return error;
  const known = systemErrors[code];
  const message = `${known?.what ?? `system error ${code}`} while ${doing}`;
  return new ToolError(consequence ? `${message}; ${consequence}` : message, {
    code: `file/${known?.code ?? code.toLowerCase()}`,
    hint: known?.hint,
    cause: error,
  });
}

/** The system's own code (`ENOSPC`, …) of an error, if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error) || !("syscall" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}

const systemErrors: Record<string, { code: string; what: string; hint?: string }> = {
  ENOSPC: { code: "disk-full", what: "disk is full", hint: "free some space and try again" },
  EDQUOT: { code: "disk-full", what: "disk quota is used up", hint: "free some space and try again" },
  EACCES: { code: "no-permission", what: "no permission", hint: "check the owner and mode of the path" },
  EPERM: { code: "no-permission", what: "no permission", hint: "check the owner and mode of the path" },
  EROFS: { code: "read-only", what: "file system is read-only", hint: "choose another folder" },
  ENOENT: { code: "not-found", what: "no such file or folder", hint: "check the path" },
  ENOTDIR: { code: "not-a-folder", what: "a part of the path is a file", hint: "check the path" },
  EISDIR: { code: "is-a-folder", what: "the path is a folder, not a file", hint: "check the path" },
  EEXIST: { code: "exists", what: "a file of that name exists", hint: "choose another name" },
  EMFILE: { code: "too-many-open", what: "too many open files", hint: "raise the limit: `ulimit -n 4096`" },
};

async function writeAndSync(fileSystem: FileSystem, path: string, content: FileContent) {
  const pieces = typeof content === "string" || content instanceof Uint8Array ? [content] : content;
  const handle = await fileSystem.open(path, "w");
  try {
    for await (const piece of pieces) await handle.writeFile(piece);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isLink(content: FileContent | LinkedFile): content is LinkedFile {
  return typeof content === "object" && "linkTo" in content;
}

/** What cannot be linked (other volume, no such feature, too many links) is copied; a missing file fails either way. */
async function linkOrCopy(fileSystem: FileSystem, from: string, to: string) {
  try {
    await fileSystem.link(from, to);
  } catch {
    await writeAndSync(fileSystem, to, piecesOf(from));
  }
}

/** Opened when the first piece is asked for: a stream that nobody reads would throw its errors at the process. */
async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path, { highWaterMark: 1 << 20 });
}

/** Makes a rename in the folder durable. Some file systems refuse to sync a folder; the rename itself still holds. */
async function syncFolder(fileSystem: FileSystem, path: string) {
  const handle = await fileSystem.open(path === "" ? "." : path, "r").catch(ignore);
  await handle?.sync().catch(ignore);
  await handle?.close().catch(ignore);
}

/** A directory cannot be renamed over a full one, so an existing target steps aside first. */
async function moveIntoPlace(fileSystem: FileSystem, temporary: string, path: string) {
  const siblings = await fileSystem.readdir(dirname(resolve(path)));
  if (!siblings.includes(basename(path))) return fileSystem.rename(temporary, path);
  const aside = `${path}.old-${process.pid}`;
  await fileSystem.rename(path, aside);
  try {
    await fileSystem.rename(temporary, path);
  } catch (error) {
    await fileSystem.rename(aside, path);
    throw error;
  }
  await fileSystem.rm(aside, { recursive: true, force: true });
}

/** Our own number counts as dead: at recovery we have not written yet, and containers hand out equal numbers. */
function isOtherLiveProcess(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === "EPERM";
  }
}

function ignore(): undefined {
  return undefined;
}
