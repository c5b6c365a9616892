// metrics.jsonl: one JSON object a line, each with its `step`, under the reference's names (`train/lm_loss`, …).
// A line is handed to the system in full before `append` returns. Numbers that are not finite become null.

import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { invariant, ToolError } from "../base/errors.ts";
import { fileError, readTextFile, systemCode, writeFileAtomic } from "../base/files.ts";
import { metricsPath, type Run } from "./run.ts";

export type Metrics = { step: number } & Record<string, number | string | boolean | null>;

export interface MetricsWriter {
  append(metrics: Metrics): void;
  /** Makes everything so far survive a power cut; called with every checkpoint. */
  sync(): void;
  close(): void;
}

/**
 * Opens the file for appending. With `resumeStep`, lines of later steps (they will be written again) and a torn
 * last line are dropped first; nothing else is.
 */
export async function openMetrics(
  run: Run,
  { resumeStep }: { resumeStep?: number } = {},
): Promise<MetricsWriter> {
  const path = metricsPath(run.dir);
  if (resumeStep !== undefined) await dropLaterLines(path, resumeStep);
  const attempt = <T>(action: () => T): T => {
    try {
      return action();
    } catch (error) {
      throw fileError(error, `writing ${path}`);
    }
  };
  const file = attempt(() => openSync(path, "a"));
  let isOpen = true;
  return {
    append(metrics) {
      invariant(isOpen, "metrics appended after close");
      let rest = Buffer.from(`${JSON.stringify(metrics)}\n`);
      while (rest.length > 0) rest = rest.subarray(attempt(() => writeSync(file, rest)));
    },
    sync: () => attempt(() => fsyncSync(file)),
    close() {
      if (isOpen) attempt(() => closeSync(file));
      isOpen = false;
    },
  };
}

/** All whole lines; one that is torn (the last, while a run goes on or after a crash) is left out. */
export async function readMetrics(run: Run): Promise<Metrics[]> {
  const text = await readIfPresent(metricsPath(run.dir));
  return text.split("\n").flatMap((line) => parseLine(line) ?? []);
}

async function dropLaterLines(path: string, resumeStep: number) {
  const text = await readIfPresent(path);
  const lines = text.split("\n");
  const last = lines.findLastIndex((line) => line !== "");
  const kept = lines.filter((line, index) => {
    if (line === "") return false;
    const metrics = parseLine(line);
    // A line in the middle that nobody can read is not ours to judge.
    return metrics ? metrics.step <= resumeStep : index !== last;
  });
  const cleaned = kept.map((line) => `${line}\n`).join("");
  if (cleaned !== text) await writeFileAtomic(path, cleaned);
}

async function readIfPresent(path: string): Promise<string> {
  return readTextFile(path).catch((error) => {
    if (error instanceof ToolError && systemCode(error.cause) === "ENOENT") return "";
    throw error;
  });
}

function parseLine(line: string): Metrics | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isMetrics(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isMetrics(value: unknown): value is Metrics {
  return typeof value === "object" && value !== null && "step" in value && typeof value.step === "number";
}
