// The run folder: run.json (what, when, versions, machine), config.yaml (fully resolved), and beside them what
// metrics.ts and checkpoints.ts write. It is self-contained: copied elsewhere it can be evaluated and resumed.

import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { ToolError } from "../base/errors.ts";
import {
  fileError,
  makeFolder,
  readTextFile,
  recoverInterrupted,
  type WriteOptions,
  writeFileAtomic,
} from "../base/files.ts";
import { formatConfig, parseConfig } from "../config/load.ts";
import type { WhorlConfig } from "../config/schema.ts";
import { NUMBER_FORMATS } from "../engine/number-format.ts";
import { parseRecord } from "./parse-record.ts";

/** What software and machine a result comes from. */
export const originFields = {
  versions: z.looseObject({ whorl: z.string(), node: z.string() }),
  machine: z.looseObject({ platform: z.string(), cpuModel: z.string(), cores: z.number() }),
};

/** Later versions may add fields; what is unknown here is kept. */
const runRecordSchema = z.looseObject({
  format: z.literal(1),
  /** What made it, for instance `train`. */
  kind: z.string(),
  /** ISO 8601, UTC. */
  createdAt: z.string(),
  ...originFields,
  engine: z.looseObject({
    backend: z.string(),
    isa: z.string().nullable(),
    threads: z.number(),
    lanes: z.number(),
    microBatch: z.number(),
    /** Number format of the training graph and of the carry in checkpoints. */
    format: z.enum(NUMBER_FORMATS).default("float32"),
  }),
  seeds: z.record(z.string(), z.number()),
  data: z.looseObject({
    /** SHA-256 over the manifest of the data set: equal hashes, equal puzzles. */
    manifestSha256: z.string(),
  }),
  /** Each later start with --resume. */
  resumes: z.array(z.looseObject({ at: z.string(), step: z.number() })),
});

export type RunRecord = z.output<typeof runRecordSchema>;

export interface Run {
  dir: string;
  record: RunRecord;
  config: WhorlConfig;
}

/** runs/<name>, or the first of runs/<name>-2, -3 … that does not exist yet. */
export function freeRunDir(name: string): string {
  for (let number = 1; ; number++) {
    const dir = join("runs", number === 1 ? name : `${name}-${number}`);
    if (!existsSync(dir)) return dir;
  }
}

/** What a start that was killed before run.json leaves behind; `tasks` is the data of an adapted model. */
const UNFINISHED = /^config\.yaml$|^tasks$|\.tmp-\d+$/;

/** Starts a run in a new or empty folder; never writes into one that holds anything of worth. */
export async function createRun(
  dir: string,
  { config, record }: { config: WhorlConfig; record: RunRecord },
  options: WriteOptions = {},
): Promise<Run> {
  await makeFolder(dir);
  const present = await readdir(dir).catch((error) => {
    throw fileError(error, `reading ${dir}`);
  });
  if (present.some((name) => !UNFINISHED.test(name))) {
    const isRun = present.includes("run.json");
    throw new ToolError(isRun ? `${dir} already holds a run` : `${dir} is not empty and not a run`, {
      code: isRun ? "run/exists" : "run/not-a-run",
      hint: isRun
        ? "add --resume to go on with it, or choose another folder"
        : "choose another folder; nothing was written",
    });
  }
  await writeFileAtomic(join(dir, "config.yaml"), formatConfig(config), options);
  // Last, because it is what makes the folder a run.
  await saveRecord(dir, record, options);
  return { dir, record, config };
}

/** Opens a run to read it; `forWriting` (only to resume it) also clears what a crash left behind. */
export async function openRun(dir: string, { forWriting = false } = {}): Promise<Run> {
  if (forWriting) for (const folder of [dir, checkpointsDir(dir)]) await recoverInterrupted(folder);
  const text = await readTextFile(join(dir, "run.json")).catch((cause) => {
    if (!(cause instanceof ToolError)) throw cause;
    const hint = "give the folder that `whorl train` wrote, the one with run.json in it";
    throw new ToolError(`${dir} is not a run folder: ${cause.message}`, {
      code: "run/not-a-run",
      hint,
      cause,
    });
  });
  const configPath = join(dir, "config.yaml");
  const { config } = parseConfig(await readTextFile(configPath), configPath);
  const recordPath = join(dir, "run.json");
  const record = parseRecord(runRecordSchema, text, (problem) => damaged(problem, recordPath));
  return { dir, record, config };
}

/** Notes in run.json that the run goes on from `step`. */
export async function recordResume(run: Run, resume: RunRecord["resumes"][number]): Promise<Run> {
  const record = { ...run.record, resumes: [...run.record.resumes, resume] };
  await saveRecord(run.dir, record);
  return { ...run, record };
}

/** The machine's part of the record. */
export function describeMachine(): RunRecord["machine"] {
  const cores = cpus();
  const cpuModel = cores[0]?.model.trim() || "unknown";
  return { platform: `${process.platform}-${process.arch}`, cpuModel, cores: cores.length };
}

export function checkpointsDir(runDir: string): string {
  return join(runDir, "checkpoints");
}

export function metricsPath(runDir: string): string {
  return join(runDir, "metrics.jsonl");
}

async function saveRecord(dir: string, record: RunRecord, options: WriteOptions = {}) {
  await writeFileAtomic(join(dir, "run.json"), `${JSON.stringify(record, null, 2)}\n`, options);
}

function damaged(problem: string, path: string): ToolError {
  return new ToolError(`run.json cannot be read: ${problem}`, {
    code: "run/damaged",
    where: path,
    hint: "it was changed, or written by a newer version",
  });
}
