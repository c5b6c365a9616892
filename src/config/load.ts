// From a preset name or file, and `key=value` words, to a checked configuration; and back to YAML.
// Every complaint is wrong usage (exit code 2), names the key and the place, and says what is expected.

import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import type { z } from "zod";
import { packageRoot } from "../base/data-folder.ts";
import { ToolError } from "../base/errors.ts";
import { readTextFile } from "../base/files.ts";
import { nearestName } from "../base/nearest.ts";
import { type ConfigKey, configKeys } from "./keys.ts";
import { type Arch, archIn, referenceNames, translateReference } from "./reference-names.ts";
import { type WhorlConfig, whorlConfigSchema } from "./schema.ts";
import { parseOverride, parseSettings, type Setting } from "./settings.ts";

export interface LoadedConfig {
  config: WhorlConfig;
  /** The file it was read from. */
  path: string;
  /** Settings of the reference that have no meaning here, worth telling the user. */
  ignored: string[];
}

/** `presetOrFile` is a preset when it looks like a name, a file when it has a slash or ends in .yaml, .yml or .json. */
export async function loadConfig(
  presetOrFile: string,
  overrides: readonly string[] = [],
): Promise<LoadedConfig> {
  const path = findConfig(presetOrFile);
  const text = await readTextFile(path).catch((error) => {
    if (!(error instanceof ToolError)) throw error;
    const { code, where, hint, cause } = error;
    throw new ToolError(error.message, { code, where, hint, cause, exitCode: 2 });
  });
  return { ...parseConfig(text, path, overrides), path };
}

/** Names of the presets that come with the package. */
export function listPresets(): string[] {
  const files = readdirSync(presetFolder()).filter((name) => name.endsWith(".yaml"));
  return files.map((name) => name.slice(0, -".yaml".length)).sort();
}

/** Checks YAML text; `fileName` stands in the messages. */
export function parseConfig(
  text: string,
  fileName: string,
  overrides: readonly string[] = [],
): Omit<LoadedConfig, "path"> {
  const keys = configKeys();
  const values: Record<string, unknown> = {};
  const origins = new Map<string, string>();
  const ignored: string[] = [];
  const given = [...parseSettings(text, fileName), ...overrides.flatMap(parseOverride)];
  const arch = archIn(given);
  for (const written of given) {
    const setting = resolveName(written, keys, arch);
    if (setting === "ignored") ignored.push(written.path);
    else if (isEmptySection(setting, keys)) continue;
    else {
      setAt(values, setting.path.split("."), setting.value);
      origins.set(setting.path, setting.where);
    }
  }
  const result = whorlConfigSchema.safeParse(values, { reportInput: true });
  if (result.success) return { config: result.data, ignored };
  throw wrongValue(result.error.issues[0], values, keys, (key) => findOrigin(key, origins) ?? fileName);
}

/** YAML that `parseConfig` reads back to an equal configuration. */
export function formatConfig(config: WhorlConfig): string {
  return stringify(config, { lineWidth: 0 });
}

function presetFolder(): string {
  return join(packageRoot(), "configs");
}

function findConfig(presetOrFile: string): string {
  if (/[/\\]|\.(ya?ml|json)$/.test(presetOrFile)) return presetOrFile;
  const preset = join(presetFolder(), `${presetOrFile}.yaml`);
  if (existsSync(preset)) return preset;
  const presets = listPresets();
  throw new ToolError(`unknown preset ${presetOrFile}`, {
    code: "config/unknown-preset",
    hint: `the nearest is ${nearestName(presetOrFile, presets)}; there are ${presets.join(", ")}; a file is given as a path ending in .yaml`,
    exitCode: 2,
  });
}

/** Our name of a setting, whichever of the two it was written with. */
function resolveName(setting: Setting, keys: Map<string, ConfigKey>, arch: Arch): Setting | "ignored" {
  if (keys.has(setting.path) || isBelowOpen(setting.path, keys)) return setting;
  const translated = translateReference(setting.path, setting.value, setting.where, arch);
  if (translated === "ignored") return "ignored";
  if (translated) return { ...translated, where: setting.where };
  const nearest = nearestName(setting.path, [...keys.keys(), ...Object.keys(referenceNames(arch))]);
  throw new ToolError(`unknown setting ${setting.path}`, {
    code: "config/unknown-key",
    where: setting.where,
    hint: `the nearest is ${nearest}`,
    exitCode: 2,
  });
}

/** Whether some section above takes any names. */
function isBelowOpen(path: string, keys: Map<string, ConfigKey>): boolean {
  return [...keys.values()].some((key) => key.isOpen && path.startsWith(`${key.path}.`));
}

/** `train:` with everything below it commented out. */
function isEmptySection({ path, value }: Setting, keys: Map<string, ConfigKey>): boolean {
  const key = keys.get(path);
  return value === null && key !== undefined && key.isSection && !key.nullable;
}

function setAt(target: Record<string, unknown>, [name, ...below]: string[], value: unknown) {
  if (below.length === 0) {
    target[name] = value;
    return;
  }
  const inner = isRecord(target[name]) ? target[name] : {};
  target[name] = inner;
  setAt(inner, below, value);
}

function getAt(target: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce((value, name) => (isRecord(value) ? value[String(name)] : undefined), target);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Where a setting was given; for one that was not, where the last of its neighbours was. */
function findOrigin(key: string, origins: ReadonlyMap<string, string>): string | undefined {
  const section = key.slice(0, key.lastIndexOf(".") + 1);
  const lastBelow = (prefix: string) => [...origins].findLast(([other]) => other.startsWith(prefix))?.[1];
  return origins.get(key) ?? lastBelow(`${key}.`) ?? lastBelow(section);
}

function wrongValue(
  issue: z.core.$ZodIssue,
  values: unknown,
  keys: Map<string, ConfigKey>,
  whereOf: (key: string) => string,
): ToolError {
  if (issue.code === "unrecognized_keys") return othersKey(issue, values, whereOf);
  const path = issue.path.join(".");
  const key = keys.get(path);
  // A value that a rule found wrong may be a default, which the file does not hold.
  const value = getAt(values, issue.path) ?? issue.input;
  const expected = `expected ${describeExpected(issue)}${key?.nullable && issue.code !== "custom" ? ", or null" : ""}`;
  const isMissing = value === undefined && issue.code !== "custom";
  return new ToolError(
    isMissing ? `${path} is missing: ${expected}` : `${path} cannot be ${show(value)}: ${expected}`,
    {
      code: "config/wrong-value",
      where: whereOf(path),
      hint: key?.description ? `${path}: ${key.description}` : undefined,
      exitCode: 2,
    },
  );
}

/** A setting that exists, but not for the task or the model of this configuration. */
function othersKey(
  { path, keys: [name] }: z.core.$ZodIssueUnrecognizedKeys,
  values: unknown,
  whereOf: (key: string) => string,
): ToolError {
  const key = [...path, name].join(".");
  const isModels = path[0] === "model";
  const [chooser, fallback] = isModels ? ["model.arch", "trm"] : ["data.task", "sudoku"];
  const chosen = getAt(values, chooser.split(".")) ?? fallback;
  const owner = isModels ? "the model" : "the family of puzzles";
  return new ToolError(`${key} means nothing for ${chooser} ${show(chosen)}`, {
    code: isModels ? "config/other-model" : "config/other-task",
    where: whereOf(key),
    hint: `leave it out, or set ${chooser} to ${owner} that has it`,
    exitCode: 2,
  });
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

function describeExpected(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return typeNames[issue.expected] ?? issue.expected;
    case "invalid_value":
      return issue.values.map(String).join(" or ");
    case "too_small":
      return issue.origin === "string"
        ? "a text"
        : `${issue.inclusive ? "at least" : "more than"} ${issue.minimum}`;
    case "too_big":
      return `${issue.inclusive ? "at most" : "less than"} ${issue.maximum}`;
    case "invalid_union":
      if (!issue.message.startsWith("Invalid discriminator")) return issue.message.replace(/^expected /, "");
      return [...issue.message.matchAll(/'([^']+)'/g)]
        .map(([, name]) => name)
        .filter((name) => name !== "undefined")
        .join(" or ");
    default:
      return issue.message.replace(/^expected /, "");
  }
}

const typeNames: Record<string, string> = {
  number: "a number",
  int: "a whole number",
  string: "a text",
  boolean: "true or false",
  object: "a section with settings below it",
};
