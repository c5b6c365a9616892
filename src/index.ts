// `whorl`: the library. The command line is a thin layer over what is exported here; engine, models and tasks have
// entry points of their own for those who build on parts.

// Failures
export { ToolError } from "./base/errors.ts";
// Configuration
export { formatConfig, listPresets, loadConfig, parseConfig } from "./config/load.ts";
export type { WhorlConfig } from "./config/schema.ts";
// Embedding: `whorl/web` is the same in a browser
export { type LoadOptions, loadModel } from "./embed/load-model.ts";
export type { SolveOptions, Solver, SolverStep } from "./embed/solver.ts";
// Engine
export { type BackendChoice, chooseExecutor } from "./engine/executors/choose.ts";
export type { Executor } from "./engine/executors/executor.ts";
// Trained models
export type { DifficultyGroup } from "./eval/by-difficulty.ts";
export { type Evaluation, evaluate, type Halting } from "./eval/evaluate.ts";
export { makeRecursion, type Recursion, type RecursionResults } from "./eval/recursion.ts";
export { readSafetensors, writeSafetensors } from "./formats/safetensors.ts";
// Models and weights
export { type ModelConfig, makeModel, type PuzzleShape, type RecursiveModel } from "./models/index.ts";
export { loadStateDict, type ModelWeights, makeWeights, toStateDict } from "./models/weights.ts";
export { type OpenedModel, openModel } from "./runs/open-model.ts";
// Data
export { type Dataset, type Examples, loadDataset, type TrainingStream } from "./tasks/index.ts";
// Training
export {
  type StepProgress,
  type TrainingEvents,
  type TrainingParts,
  type TrainingResult,
  trainModel,
} from "./train/loop.ts";
export { prepareTraining, type SessionOptions } from "./train/session.ts";
