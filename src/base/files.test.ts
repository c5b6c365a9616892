import { execFileSync } from "node:child_process";
import * as promises from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { failingFileSystem } from "../../tests/failing-file-system.ts";
import { ToolError } from "./errors.ts";
import {
  fileError,
  openToRead,
  readBytes,
  readTextFile,
  recoverInterrupted,
  removeDirectory,
  writeDirectoryAtomic,
  writeFileAtomic,
} from "./files.ts";

/** No process has this number: it is above the largest that Linux hands out. */
const deadProcess = 99_999_999;
let folder: string;

beforeEach(async () => {
  folder = await promises.mkdtemp(join(tmpdir(), "whorl-files-"));
});
afterEach(() => promises.rm(folder, { recursive: true, force: true }));

async function caught(action: Promise<unknown>): Promise<ToolError> {
  const error = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ToolError)) throw new Error(`expected a ToolError, got ${String(error)}`);
  return error;
}

test("a file is written and replaced, in one or several pieces, and no temporary stays", async () => {
  const path = join(folder, "a.txt");
  await writeFileAtomic(path, "old");
  await writeFileAtomic(path, [Buffer.from("ne"), Buffer.from("w")]);
  expect(await readTextFile(path)).toBe("new");
  expect(await promises.readdir(folder)).toEqual(["a.txt"]);
});

test("a full disk while writing a file leaves the old one and no temporary", async () => {
  const path = join(folder, "a.txt");
  await writeFileAtomic(path, "old");
  for (const failAt of [1, 2, 3]) {
    const error = await caught(
      writeFileAtomic(path, "new", { fileSystem: failingFileSystem("ENOSPC", failAt) }),
    );
    expect(error.format().replace(folder, "<folder>")).toMatchInlineSnapshot(
      `"disk is full while writing <folder>/a.txt; nothing was replaced — free some space and try again"`,
    );
    expect(error.code).toBe("file/disk-full");
    expect(await readTextFile(path)).toBe("old");
    expect(await promises.readdir(folder)).toEqual(["a.txt"]);
  }
});

test("a directory is written as a whole and replaced as a whole", async () => {
  const path = join(folder, "sub", "d");
  await writeDirectoryAtomic(path, new Map([["one", "1"]]));
  await writeDirectoryAtomic(path, new Map([["two", "2"]]));
  expect(await promises.readdir(path)).toEqual(["two"]);
  expect(await promises.readdir(join(folder, "sub"))).toEqual(["d"]);
});

test("pieces may be made while they are written, in the same memory, and fail without a trace", async () => {
  const path = join(folder, "d");
  const buffer = new Uint8Array(2);
  function* pieces(last: number) {
    for (let i = 0; i <= last; i++) yield buffer.fill(65 + i);
    if (last > 2) throw new RangeError("no more");
  }
  await writeDirectoryAtomic(path, new Map([["one", pieces(2)]]));
  expect(await readTextFile(join(path, "one"))).toBe("AABBCC");
  await expect(writeDirectoryAtomic(path, new Map([["one", pieces(3)]]))).rejects.toThrow("no more");
  expect(await promises.readdir(folder)).toEqual(["d"]);
  expect(await readTextFile(join(path, "one"))).toBe("AABBCC");
});

test("a file that is there already is linked, or copied where links are refused", async () => {
  const from = join(folder, "a.bin");
  await writeFileAtomic(from, "kept");
  const files = new Map([["one", { linkTo: from }]]);
  await writeDirectoryAtomic(join(folder, "linked"), files);
  expect((await promises.stat(from)).nlink).toBe(2);
  const refuse = () =>
    Promise.reject(Object.assign(new Error("EXDEV: made up"), { code: "EXDEV", syscall: "link" }));
  await writeDirectoryAtomic(join(folder, "copied"), files, { fileSystem: { ...promises, link: refuse } });
  expect((await promises.stat(from)).nlink).toBe(2);
  await promises.rm(from);
  expect(await readTextFile(join(folder, "linked", "one"))).toBe("kept");
  expect(await readTextFile(join(folder, "copied", "one"))).toBe("kept");
  const missing = await caught(writeDirectoryAtomic(join(folder, "none"), files));
  expect(missing.code).toBe("file/not-found");
  expect((await promises.readdir(folder)).sort()).toEqual(["copied", "linked"]);
});

test("a directory may have folders in it", async () => {
  const path = join(folder, "d");
  const files = { "one.txt": "1", "sub/deep/two.txt": "2", "sub/deep/three.txt": "3", "sub/four.txt": "4" };
  await writeDirectoryAtomic(path, new Map(Object.entries(files)));
  for (const [name, text] of Object.entries(files)) expect(await readTextFile(join(path, name))).toBe(text);
  expect((await promises.readdir(path)).sort()).toEqual(["one.txt", "sub"]);
});

test("a failure at any point of replacing a directory leaves the old one, and recovery restores it", async () => {
  const path = join(folder, "d");
  const files = new Map([
    ["one", "new"],
    ["two", "new"],
  ]);
  for (let failAt = 1; ; failAt++) {
    await promises.rm(path, { recursive: true, force: true });
    await writeDirectoryAtomic(path, new Map([["one", "old"]]));
    const fileSystem = failingFileSystem("EACCES", failAt);
    const outcome = await writeDirectoryAtomic(path, files, { fileSystem }).then(
      () => "written",
      () => "failed",
    );
    await recoverInterrupted(folder);
    expect(await promises.readdir(folder)).toEqual(["d"]);
    expect(await readTextFile(join(path, "one"))).toBe(outcome === "written" ? "new" : "old");
    if (fileSystem.calls < failAt) {
      expect(failAt).toBeGreaterThan(6);
      return;
    }
  }
});

test("recovery deletes garbage, puts back what had stepped aside, and leaves live processes alone", async () => {
  for (const name of ["a", `a.old-${deadProcess}`, `b.old-${deadProcess}`, `c.tmp-${deadProcess}`, "d.tmp-1"])
    await promises.mkdir(join(folder, name));
  await recoverInterrupted(folder);
  expect((await promises.readdir(folder)).sort()).toEqual(["a", "b", "d.tmp-1"]);
  await recoverInterrupted(join(folder, "missing"));
});

test("a directory is deleted", async () => {
  await writeDirectoryAtomic(join(folder, "d"), new Map([["one", "1"]]));
  await removeDirectory(join(folder, "d"));
  expect(await promises.readdir(folder)).toEqual([]);
});

test("reading what is not there, or is a folder, says so", async () => {
  const missing = await caught(readTextFile(join(folder, "none")));
  expect(missing.format().replace(folder, "<folder>")).toMatchInlineSnapshot(
    `"no such file or folder while reading <folder>/none — check the path"`,
  );
  expect((await caught(readTextFile(folder))).code).toBe("file/is-a-folder");
});

test.skipIf(process.platform === "win32")("a pipe is refused, not waited for", async () => {
  const pipe = join(folder, "pipe");
  execFileSync("mkfifo", [pipe]);
  expect((await caught(openToRead(pipe))).message).toBe(`${pipe} is a pipe or a device, not a file`);
  expect((await caught(readBytes(pipe))).code).toBe("file/not-regular");
});

test("a file larger than a buffer can be is refused before it is read", async () => {
  const large = join(folder, "large");
  await promises.writeFile(large, "");
  await promises.truncate(large, 3e9); // sparse: takes no room
  expect((await caught(readBytes(large))).code).toBe("file/too-large");
});

test("errors that are not the system's pass through", () => {
  const error = new TypeError("mine");
  expect(fileError(error, "writing x")).toBe(error);
});
