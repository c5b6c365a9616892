// What is compared: entries, each a preset with overrides of its own, an equal budget, and seeds. Written in a YAML file
// (the form to commit) or on the command line; the output folder keeps it as comparison.yaml, which reads back to the same.

import { basename } from "node:path";
import { parse, stringify } from "yaml";
import { z } from "zod";
import { ToolError } from "../base/errors.ts";
import { readTextFile } from "../base/files.ts";

/** What every run gets: FLOP of training, optimizer steps, or minutes. */
export type Budget = z.output<typeof budgetSchema>;
/** One model to be compared. */
export type Entry = z.output<typeof entrySchema>;
/** A whole comparison; the first entry is the baseline of the differences. */
export type Comparison = z.output<typeof comparisonSchema>;

/** As a mapping (`model.layers: 2`) or a list of words (`model.layers=2`); words in the end. */
const overridesSchema = z
  .union([z.array(z.string()), z.record(z.string(), z.unknown())], {
    error: "settings as a mapping, for instance {model.layers: 2}",
  })
  .default([])
  .transform((given) =>
    Array.isArray(given)
      ? given
      : Object.entries(given).map(([key, value]) => `${key}=${JSON.stringify(value)}`),
  );

const budgetSchema = z.union(
  [
    z.strictObject({ flops: z.number().positive() }),
    z.strictObject({ steps: z.int().min(1) }),
    z.strictObject({ minutes: z.number().positive() }),
  ],
  { error: "one of {flops: 6e12}, {steps: 500}, {minutes: 5}" },
);

const seedSchema = z
  .int()
  .min(0)
  .max(2 ** 32 - 1);

const entrySchema = z
  .strictObject({
    preset: z.string().min(1),
    /** As tables and charts call it; the preset's own name by default. */
    name: z.string().min(1).optional(),
    overrides: overridesSchema,
    /** A sentence for the report. */
    note: z.string().optional(),
  })
  .transform(({ name, preset, ...rest }) => ({ name: name ?? presetName(preset), preset, ...rest }));

const comparisonSchema = z.strictObject({
  title: z.string().min(1).default("Comparison"),
  budget: budgetSchema,
  seeds: z.array(seedSchema).min(1).default([0, 1, 2]),
  /** For all entries, before their own. */
  overrides: overridesSchema,
  evaluation: z
    .strictObject({
      /** At most so many held-out puzzles, the same ones for all; null: all of them. */
      limit: z.int().min(1).nullable().default(null),
      /** Supervision steps; null: each model's own. */
      steps: z.int().min(1).nullable().default(null),
    })
    .prefault({}),
  entries: z.array(entrySchema).min(1),
});

/** What the command line says; it wins over the file. */
export interface Given {
  readonly budget?: Budget;
  readonly seeds?: readonly number[];
  readonly limit?: number;
  readonly steps?: number;
}

/**
 * The comparison of a command line: one comparison file, or presets and configuration files, each with overrides of its
 * own behind a colon (`sudoku-6x6:model.layers=2,train.ema=false`); `key=value` words are for all.
 */
export async function defineComparison(words: readonly string[], given: Given): Promise<Comparison> {
  const isShared = (word: string) => /^\+{0,2}[\w.]+=/.test(word);
  const named = words.filter((word) => !isShared(word));
  const shared = words.filter(isShared);
  const file = named.length === 1 ? await readComparison(named[0]) : undefined;
  const base = file?.values ?? { entries: named.map(parseEntry) };
  const { budget, seeds, limit, steps } = given;
  const comparison = check(
    {
      ...base,
      ...(budget && { budget }),
      ...(seeds && { seeds }),
    },
    file?.path ?? "the command line",
  );
  return {
    ...comparison,
    overrides: [...comparison.overrides, ...shared],
    evaluation: {
      limit: limit ?? comparison.evaluation.limit,
      steps: steps ?? comparison.evaluation.steps,
    },
  };
}

/** YAML that reads back to the same comparison. */
export function formatComparison(comparison: Comparison): string {
  return stringify(comparison, { lineWidth: 0 });
}

/** The content of a comparison file; undefined for a preset or a configuration file. */
async function readComparison(
  path: string,
): Promise<{ path: string; values: Record<string, unknown> } | undefined> {
  if (!/\.(ya?ml|json)$/.test(path)) return undefined;
  const text = await readTextFile(path).catch((error) => {
    if (!(error instanceof ToolError)) throw error;
    const { code, where, hint, cause } = error;
    throw new ToolError(error.message, { code, where, hint, cause, exitCode: 2 });
  });
  const values = parseYaml(text, path);
  return typeof values === "object" && values !== null && "entries" in values
    ? { path, values: { ...values } }
    : undefined;
}

function parseYaml(text: string, path: string): unknown {
  try {
    return parse(text, { merge: true });
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new ToolError(`not valid YAML: ${error.message.split("\n")[0]}`, {
      code: "compare/yaml",
      where: path,
      hint: "correct the line",
      exitCode: 2,
    });
  }
}

/** `preset` or `preset:key=value,key=value`, which is called by preset, last parts of the keys and values. */
function parseEntry(word: string): { preset: string; name?: string; overrides: string[] } {
  const [, preset, overrides] = /^(.*?):(\+{0,2}[\w.]+=.*)$/s.exec(word) ?? [];
  if (preset === undefined) return { preset: word, overrides: [] };
  const words = overrides.split(/,(?=\+{0,2}[\w.]+=)/);
  const changes = words.map((each) => each.replace(/^[\w.+]*[.+](?=\w+=)/, ""));
  return { preset, name: `${presetName(preset)} ${changes.join(" ")}`, overrides: words };
}

function presetName(preset: string): string {
  return basename(preset).replace(/\.(ya?ml|json)$/, "");
}

function check(values: Record<string, unknown>, where: string): Comparison {
  if (values.budget === undefined) throw noBudget(where);
  const result = comparisonSchema.safeParse(values);
  if (!result.success) {
    const [issue] = result.error.issues;
    const place = issue.path.join(".");
    throw new ToolError(`not a comparison: ${place ? `${place}: ` : ""}${issue.message}`, {
      code: "compare/definition",
      where,
      hint: "a comparison has title, budget, seeds, overrides, evaluation and entries, each with preset, name, overrides, note",
      exitCode: 2,
    });
  }
  checkDistinct(result.data, where);
  return result.data;
}

function checkDistinct({ entries, seeds }: Comparison, where: string): void {
  const places = new Map<string, string>();
  for (const { name } of entries) {
    const other = places.get(slugOf(name));
    if (other !== undefined)
      throw new ToolError(
        other === name
          ? `two entries are called ${name}`
          : `the entries ${other} and ${name} would share a folder`,
        {
          code: "compare/same-name",
          where,
          hint: "give them other names: `name:` in a comparison file",
          exitCode: 2,
        },
      );
    places.set(slugOf(name), name);
  }
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) !== i);
  if (twice !== undefined)
    throw new ToolError(`seed ${twice} is given twice`, { code: "compare/same-seed", where, exitCode: 2 });
}

/** An entry's name as a folder name. */
export function slugOf(name: string): string {
  return (
    name
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}.]+/gu, "-")
      .replaceAll(/^[-.]+|[-.]+$/g, "") || "entry"
  );
}

function noBudget(where: string): ToolError {
  return new ToolError("no budget: the runs are to be equal in what?", {
    code: "compare/no-budget",
    where,
    hint: "add --flops 6e12, --steps 500 or --minutes 5 (in a file: budget: {flops: 6e12})",
    exitCode: 2,
  });
}
