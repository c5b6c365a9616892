// What must hold of the files of a data set in the reference's layout before they are used, and the errors that say what
// does not. Tokens are checked where they are read (reference-part.ts).

import { readFileSync } from "node:fs";
import { ToolError } from "../base/errors.ts";
import { fileError } from "../base/files.ts";
import type { NpyFile } from "../formats/npy.ts";
import type { ReferenceMetadata } from "./reference-metadata.ts";

/** What to expect of a folder, as a hint in errors. */
export const referenceLayout =
  "a data folder has identifiers.json, train/ and test/, each with dataset.json and five all__*.npy files";

export function checkTokens(file: NpyFile, rows: number, { seqLen }: ReferenceMetadata): void {
  const [count, ...rest] = file.shape;
  const shape = `[${file.shape.join(", ")}]`;
  if (rest.length !== 1 || rest[0] !== seqLen)
    throw brokenFolder(file.path, `its shape is ${shape}, and seq_len of dataset.json is ${seqLen}`);
  if (count !== rows) throw brokenFolder(file.path, `its shape is ${shape}, and there are ${rows} inputs`);
  if (file.dtype.startsWith("float"))
    throw brokenFolder(file.path, `it holds ${file.dtype} values, not tokens`);
}

/** Offsets from 0 to the length of what they point into, each with something behind it. */
export function checkIndices(path: string, indices: Int32Array, end: number, what: string): void {
  if (indices.length === 0) throw brokenFolder(path, "it is empty");
  if (indices[0] !== 0) throw brokenFolder(path, `it begins with ${indices[0]}, not with 0`);
  const bad = indices.findIndex((value, i) => i > 0 && value <= indices[i - 1]);
  if (bad > 0)
    throw brokenFolder(path, `entry ${bad} is ${indices[bad]}, not above the ${indices[bad - 1]} before it`);
  const last = indices[indices.length - 1];
  if (last !== end) throw brokenFolder(path, `it ends with ${last}, and there are ${end} ${what}`);
}

export function checkIdentifiers(
  path: string,
  identifiers: Int32Array,
  puzzles: number,
  { numPuzzleIdentifiers: count }: ReferenceMetadata,
): void {
  if (identifiers.length !== puzzles)
    throw brokenFolder(path, `it has ${identifiers.length} entries, and there are ${puzzles} puzzles`);
  const bad = identifiers.findIndex((identifier) => identifier < 0 || identifier >= count);
  if (bad < 0) return;
  throw brokenFolder(
    path,
    `puzzle ${bad} has the identifier ${identifiers[bad]}, and there are ${count} identifiers`,
  );
}

export function checkMetadata(
  path: string,
  metadata: ReferenceMetadata,
  found: { groups: number; mean: number; identifiers: number },
): void {
  const fail = (key: string, said: number, are: number) =>
    brokenFolder(path, `${key} is ${said}, but the files have ${are}`);
  if (metadata.totalGroups !== found.groups) throw fail("total_groups", metadata.totalGroups, found.groups);
  if (Math.abs(metadata.meanPuzzleExamples - found.mean) > 1e-9 * found.mean)
    throw fail("mean_puzzle_examples", metadata.meanPuzzleExamples, found.mean);
  if (metadata.numPuzzleIdentifiers !== found.identifiers)
    throw fail("num_puzzle_identifiers", metadata.numPuzzleIdentifiers, found.identifiers);
}

export function readReferenceText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(error, `reading ${path}`);
  }
}

export function parseReferenceJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw brokenFolder(path, `it is not valid JSON (${cause instanceof Error ? cause.message : "broken"})`);
  }
}

export function brokenFolder(path: string, what: string): ToolError {
  return new ToolError(`${path} cannot be used: ${what}`, {
    code: "reference/broken",
    hint: referenceLayout,
  });
}
