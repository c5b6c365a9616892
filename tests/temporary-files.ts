// Everything that tests write lies in one folder, which goes when they end, however they do.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Vitest runs this before it starts its workers, which inherit TMPDIR. */
export function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), "whorl-tests-"));
  process.env.TMPDIR = folder;
  return () => rmSync(folder, { recursive: true, force: true });
}

/** A new folder for one test. */
export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "whorl-test-"));
}
