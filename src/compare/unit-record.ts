// What one trained and evaluated unit leaves behind: units/<entry>.seed-<n>.json, written when all of it is done. A record
// made under other settings is refused, never mixed in.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { ToolError } from "../base/errors.ts";
import { makeFolder, readTextFile, writeFileAtomic } from "../base/files.ts";
import { differingKeys } from "../config/differences.ts";
import type { WhorlConfig } from "../config/schema.ts";
import { parseRecord } from "../runs/parse-record.ts";
import { originFields } from "../runs/run.ts";
import type { Comparison } from "./definition.ts";
import type { Unit } from "./plan.ts";

const unitRecordSchema = z.object({
  /** Those of format 1 had the accuracy at the first halting where that after all steps belongs. */
  format: z.literal(2),
  name: z.string(),
  preset: z.string(),
  overrides: z.array(z.string()),
  seed: z.number(),
  finishedAt: z.string(),
  /** The sections of the configuration that decide the result. */
  config: z.object({ model: z.unknown(), data: z.unknown(), train: z.unknown() }),
  evaluation: z.object({ limit: z.number().nullable(), steps: z.number().nullable() }),
  data: z.object({
    manifestSha256: z.string(),
    task: z.string(),
    trainPuzzles: z.number(),
    trainSha256: z.string(),
    testFrom: z.string(),
    /** Of the puzzles that it was evaluated on. */
    testSha256: z.string(),
    heldOutInTraining: z.number(),
  }),
  /** Trained numbers, puzzle table not among them. */
  parameters: z.number(),
  puzzleTable: z.number(),
  effectiveDepth: z.number(),
  hiddenSize: z.number(),
  training: z.object({
    steps: z.number(),
    rows: z.number(),
    flops: z.number(),
    seconds: z.number(),
    /** Means over the last tenth of the steps, and the loss of the tenth before. */
    lastLoss: z.number(),
    lossBefore: z.number(),
    lastExactAccuracy: z.number().nullable(),
    /** Supervision steps that a puzzle got. */
    haltingSteps: z.number().nullable(),
  }),
  /** After all supervision steps. */
  puzzles: z.number(),
  exactAccuracy: z.number(),
  cellAccuracy: z.number(),
  interval95: z.tuple([z.number(), z.number()]),
  bySteps: z.array(z.object({ step: z.number(), exactAccuracy: z.number(), cellAccuracy: z.number() })),
  supervisionSteps: z.number(),
  evalSeconds: z.number(),
  /** Had each answer been taken when the model first asked to halt. */
  halting: z.object({ meanSteps: z.number(), exactAccuracy: z.number() }),
  ...originFields,
  engine: z.looseObject({
    backend: z.string(),
    isa: z.string().nullable(),
    threads: z.number(),
    format: z.string(),
  }),
});

export type UnitRecord = z.output<typeof unitRecordSchema>;

export async function writeUnit(dir: string, unit: Unit, record: UnitRecord): Promise<void> {
  await makeFolder(join(dir, "units"));
  await writeFileAtomic(pathOf(dir, unit), `${JSON.stringify(record, null, 2)}\n`);
}

/** The record of a unit, if it is done; must be of the same settings. */
export async function readUnit(
  dir: string,
  unit: Unit,
  { evaluation }: Comparison,
): Promise<UnitRecord | undefined> {
  const path = pathOf(dir, unit);
  if (!existsSync(path)) return undefined;
  const record = parseRecord(unitRecordSchema, await readTextFile(path), (problem) => damaged(problem, path));
  checkSameSettings(record.config, unit.config, path);
  const [key] = differingKeys(record.evaluation, evaluation, "evaluation");
  if (key) throw otherSettings(key, record.evaluation, evaluation, "evaluation", path);
  return record;
}

/** Refuses what was made with other settings; how it was computed may differ. */
export function checkSameSettings(made: SettingsOfUnit, wanted: SettingsOfUnit, path: string): void {
  for (const section of ["model", "data", "train"] as const) {
    const [key] = differingKeys(made[section], wanted[section], section);
    if (key) throw otherSettings(key, made[section], wanted[section], section, path);
  }
}

/** Sections of a configuration, of which a record need only be comparable. */
type SettingsOfUnit = Readonly<Record<"model" | "data" | "train", unknown>>;

/** What of a configuration decides the result. */
export function settingsOf({ model, data, train }: WhorlConfig): UnitRecord["config"] {
  return { model, data, train };
}

function otherSettings(key: string, made: unknown, wanted: unknown, section: string, path: string) {
  const names = key
    .slice(section.length)
    .split(".")
    .filter((name) => name !== "");
  const valueIn = (settings: unknown) =>
    JSON.stringify(
      names.reduce<unknown>(
        (value, name) => (typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined),
        settings,
      ),
    );
  return new ToolError(`${key} is ${valueIn(wanted)} now, and was ${valueIn(made)} when this was made`, {
    code: "compare/other-settings",
    where: path,
    hint: "choose another --out, give the entry another name, or delete its runs and units",
    exitCode: 2,
  });
}

function pathOf(dir: string, unit: Unit): string {
  return join(dir, "units", `${unit.id}.json`);
}

function damaged(problem: string, path: string): ToolError {
  return new ToolError(`not a unit of a comparison: ${problem}`, {
    code: "compare/damaged",
    where: path,
    hint: "delete the file: its run is evaluated again, not trained again",
  });
}
