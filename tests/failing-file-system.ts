// A file system for tests that fails from a chosen call on, like a disk that fills up or a crash at that moment.

import * as promises from "node:fs/promises";
import type { FileSystem } from "../src/base/files.ts";

/** A file system whose calls fail with `code` from the `failAt`-th one on (counted over open, link, rename and writes). */
export function failingFileSystem(code: string, failAt: number): FileSystem & { calls: number } {
  const broken = { ...promises, calls: 0 };
  const count = () => {
    broken.calls++;
    if (broken.calls >= failAt)
      throw Object.assign(new Error(`${code}: made up`), { code, syscall: "write" });
  };
  broken.open = async (...parameters) => {
    count();
    const handle = await promises.open(...parameters);
    const original = handle.writeFile.bind(handle);
    handle.writeFile = async (...content) => {
      count();
      return original(...content);
    };
    return handle;
  };
  broken.link = async (...parameters) => {
    count();
    return promises.link(...parameters);
  };
  broken.rename = async (...parameters) => {
    count();
    return promises.rename(...parameters);
  };
  return broken;
}
