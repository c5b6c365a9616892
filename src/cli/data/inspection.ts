// What `whorl data inspect` says of a data set, whatever its kind: the contract of the inspect-….ts files.

import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { fileError } from "../../base/files.ts";
import type { Colors } from "../render/colors.ts";

export interface InspectOptions {
  /** Confirm every puzzle, at whatever cost. */
  readonly check: boolean;
  /** Puzzles to draw. */
  readonly show: number;
  /** Columns of the terminal. */
  readonly width: number;
  readonly colors: Colors;
}

export interface Inspection {
  /** For scripts: at least task, examples, puzzles, groups, identifiers and sha256. */
  readonly summary: Readonly<Record<string, unknown>>;
  /** For people. */
  readonly lines: readonly string[];
}

export interface DataKind {
  /** For the list of what is known. */
  readonly name: string;
  isKind(path: string): boolean;
  inspect(path: string, options: InspectOptions): Promise<Inspection>;
}

/** SHA-256 of a file's bytes. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    for await (const chunk of createReadStream(path)) hash.update(chunk);
  } catch (error) {
    throw fileError(error, `reading ${path}`);
  }
  return hash.digest("hex");
}
