// The models, in one list: their settings, their makers, and the names that the reference has for their settings.

import { z } from "zod";
import { type DirectConfig, directConfigSchema, directReferenceNames } from "./direct/config.ts";
import { makeDirect } from "./direct/model.ts";
import { type HrmConfig, hrmConfigSchema, hrmReferenceNames } from "./hrm/config.ts";
import { makeHrm } from "./hrm/model.ts";
import type { PuzzleShape, RecursiveModel } from "./model.ts";
import { type ThreeStreamConfig, threeStreamConfigSchema } from "./three-stream/config.ts";
import { makeThreeStream } from "./three-stream/model.ts";
import { type TrmConfig, trmConfigSchema, trmReferenceNames } from "./trm/config.ts";
import { makeTrm } from "./trm/model.ts";

export type { EvaluationGraphOptions, PuzzleShape, RecursiveModel, TrainingGraphOptions } from "./model.ts";
export { formatOn } from "./model.ts";
export type { TrmConfig } from "./trm/config.ts";

/** Configuration of any model; `arch` tells which. */
export type ModelConfig = TrmConfig | HrmConfig | DirectConfig | ThreeStreamConfig;

/** By `arch`; TRM when nothing is said. */
export const modelConfigSchema = z.preprocess(
  (model) =>
    typeof model === "object" && model !== null && !("arch" in model) ? { arch: "trm", ...model } : model,
  z.discriminatedUnion("arch", [
    trmConfigSchema,
    hrmConfigSchema,
    directConfigSchema,
    threeStreamConfigSchema,
  ]),
);

/** Names under `arch:` in a YAML file of the reference, and ours, for the models that it has. */
export const modelReferenceNames: Readonly<Record<ModelConfig["arch"], Readonly<Record<string, string>>>> = {
  trm: trmReferenceNames,
  hrm: hrmReferenceNames,
  direct: directReferenceNames,
  "three-stream": {},
};

/** The model of a configuration, for puzzles of a shape. */
export function makeModel(config: ModelConfig, shape: PuzzleShape): RecursiveModel {
  switch (config.arch) {
    case "trm":
      return makeTrm(config, shape);
    case "hrm":
      return makeHrm(config, shape);
    case "direct":
      return makeDirect(config, shape);
    case "three-stream":
      return makeThreeStream(config, shape);
  }
}
