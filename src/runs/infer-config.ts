// The configuration of a weights file from elsewhere: what its config.yaml says, and for what it leaves out what the
// shapes tell. What no shape tells must be said: with other cycles nothing fails, but the answers get worse.

import { ToolError } from "../base/errors.ts";
import { parseConfig } from "../config/load.ts";
import { type Arch, archIn, translateReference } from "../config/reference-names.ts";
import type { WhorlConfig } from "../config/schema.ts";
import { parseSettings } from "../config/settings.ts";
import type { TensorType } from "../formats/safetensors.ts";
import { puzzleShapeOf } from "../tasks/index.ts";
import { describeWeights, type WeightsDescription } from "./weights-description.ts";

/** Without these a model may not be run; the other settings that weights do not tell have usual values. */
const MUST_BE_SAID = ["hCycles", "lCycles", "numHeads"];

/** @param file name of the YAML file, for errors */
export async function completeConfig(
  text: string,
  file: string,
  entries: ReadonlyMap<string, TensorType>,
): Promise<WhorlConfig> {
  const { said, arch } = settingsIn(text, file);
  const told = describeWeights(entries);
  const missing = mustBeSaid(told).filter((key) => !said.has(key));
  if (told.architecture !== "unknown" && missing.length > 0) throw notSaid(missing, file);
  const { config } = parseConfig(text, file);
  const { seqLen } = await puzzleShapeOf(config.data);
  const words = [...sizesTold(told, arch, seqLen)].filter(([key]) => !said.has(key));
  return parseConfig(
    text,
    file,
    words.map(([key, value]) => `${key}=${value}`),
  ).config;
}

/** What a configuration must say of these weights, as dotted names. */
export function mustBeSaid({ notInWeights }: WeightsDescription): string[] {
  return notInWeights.filter((key) => MUST_BE_SAID.includes(key)).map((key) => `model.${key}`);
}

/** Names of all settings of a YAML file, ours for the reference's, and the architecture if one of them names it. */
function settingsIn(text: string, file: string): { said: Set<string>; arch: Arch | undefined } {
  const settings = parseSettings(text, file);
  const namesArch = settings.some(({ path }) => ["arch", "arch.name", "model.arch"].includes(path));
  const arch = archIn(settings);
  const names = settings.map(({ path, value, where }) => {
    const translated = translateReference(path, value, where, arch);
    return translated && translated !== "ignored" ? translated.path : path;
  });
  return { said: new Set(names), arch: namesArch ? arch : undefined };
}

/** @param said the architecture that the configuration names @param seqLen cells of a puzzle */
function sizesTold(
  told: WeightsDescription,
  said: Arch | undefined,
  seqLen: number,
): Map<string, string | number | boolean> {
  const { mixing, hiddenSize, layers, tokens, puzzleEmbNdim, posEncodings } = told;
  const sizes = new Map<string, string | number | boolean>();
  if (hiddenSize === null || layers === null || told.architecture === "unknown") return sizes;
  const arch = said ?? told.architecture;
  sizes.set("model.arch", arch);
  if (arch === "hrm") sizes.set("model.hLayers", told.answerLayers);
  if (arch === "trm") sizes.set("model.latents", told.latents).set("model.tiedHead", told.tiedHead);
  sizes.set("model.hiddenSize", hiddenSize).set("model.layers", layers);
  sizes.set("model.mlpT", mixing === "mlp_t").set("model.puzzleEmbNdim", puzzleEmbNdim);
  if (posEncodings) sizes.set("model.posEncodings", posEncodings);
  if (puzzleEmbNdim === 0) sizes.set("model.puzzleEmbLen", 0);
  else if (tokens !== null && tokens > seqLen) sizes.set("model.puzzleEmbLen", tokens - seqLen);
  return sizes;
}

function notSaid(missing: readonly string[], file: string): ToolError {
  return new ToolError(`the configuration does not say ${missing.join(", ")}, and weights do not tell`, {
    code: "run/incomplete-config",
    where: file,
    hint: "add what the weights were trained with: with other values nothing fails, but the answers get worse",
    exitCode: 2,
  });
}
