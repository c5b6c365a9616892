// Where a command of `whorl data` may write. Asked before the work, so that minutes of it are not lost to a name that is
// taken, and nothing but an older data set is ever replaced.

import { accessSync, constants, existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ToolError } from "../../base/errors.ts";
import { fileError } from "../../base/files.ts";

/** A file that is not there yet, or may be replaced. */
export function checkTargetFile(path: string, force: boolean): void {
  checkWritable(path);
  if (!existsSync(path)) return;
  const isFile = statSync(path).isFile();
  if (isFile && force) return;
  throw new ToolError(isFile ? `${path} exists already` : `${path} is not a file`, {
    code: "data/target-exists",
    hint: isFile ? "choose another name, or add --force to replace it" : "give the name of a file",
  });
}

/** A folder that is not there yet, or is a data set (or empty) and may be replaced as a whole. */
export function checkTargetFolder(path: string, force: boolean): void {
  checkWritable(path);
  if (!existsSync(path)) return;
  if (!statSync(path).isDirectory())
    throw new ToolError(`${path} is not a folder`, {
      code: "data/target-exists",
      hint: "give the name of a folder",
    });
  if (!force)
    throw new ToolError(`${path} exists already`, {
      code: "data/target-exists",
      hint: "choose another name, or add --force to replace the folder",
    });
  if (isDataFolder(path) || readdirSync(path).length === 0) return;
  throw new ToolError(`${path} holds something else than a data set`, {
    code: "data/target-foreign",
    hint: "--force replaces data sets and empty folders only: choose another name",
  });
}

/** Whether a folder looks like a data set in the reference's layout, perhaps a broken one. */
export function isDataFolder(path: string): boolean {
  const marks = ["identifiers.json", join("train", "dataset.json"), join("test", "dataset.json")];
  return statSync(path).isDirectory() && marks.some((name) => existsSync(join(path, name)));
}

/** Files appear beside their target before they are renamed, so the folder around it must take them, or be made. */
function checkWritable(path: string): void {
  let folder = dirname(resolve(path));
  while (!existsSync(folder)) folder = dirname(folder);
  if (!statSync(folder).isDirectory())
    throw new ToolError(`${path} cannot be written: ${folder} is a file, not a folder`, {
      code: "data/target-below-file",
      hint: "choose another name",
    });
  try {
    accessSync(folder, constants.W_OK);
  } catch (error) {
    throw fileError(error, `writing ${path}`, "nothing was written");
  }
}
