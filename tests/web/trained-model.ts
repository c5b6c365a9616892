// A small trained model for tests of the page: seconds on the native engine.

import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runWhorl } from "../cli/run-whorl.ts";

/** The run folder of a 4×4 Sudoku model that solves nearly all puzzles. */
export async function trainedModel(): Promise<string> {
  const run = join(mkdtempSync(join(tmpdir(), "whorl-web-")), "sudoku-4x4");
  await whorl("train", "sudoku-4x4", "--out", run);
  return run;
}

/** What `whorl export --to web` printed. */
export async function exportPage(
  model: string,
  out: string,
  ...words: string[]
): Promise<Record<string, unknown>> {
  return JSON.parse(await whorl("export", model, "--to", "web", "--out", out, "--json", ...words));
}

async function whorl(...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await runWhorl(words);
  if (exitCode === 0) return stdout;
  throw new Error(`whorl ${words.join(" ")} ended with ${exitCode}: ${stderr}`);
}

export async function allSteps<Step>(steps: AsyncIterable<Step>): Promise<Step[]> {
  const all: Step[] = [];
  for await (const step of steps) all.push(step);
  return all;
}
