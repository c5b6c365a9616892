// The models, in one list.

import type { PuzzleShape, RecursiveModel } from "./model.ts";
import type { TrmConfig } from "./trm/config.ts";
import { makeTrm } from "./trm/model.ts";

export type { EvaluationGraphOptions, PuzzleShape, RecursiveModel, TrainingGraphOptions } from "./model.ts";
export { formatOn } from "./model.ts";
export type { TrmConfig } from "./trm/config.ts";

/** Configuration of any model; `arch` tells which. */
export type ModelConfig = TrmConfig;

/** The model of a configuration, for puzzles of a shape. */
export function makeModel(config: ModelConfig, shape: PuzzleShape): RecursiveModel {
  return makeTrm(config, shape);
}
