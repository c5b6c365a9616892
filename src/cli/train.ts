// `whorl train`: from a preset or file to a trained run folder, with one live line, a clean Ctrl-C and --resume.

import { basename, join } from "node:path";
import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { readTextFile } from "../base/files.ts";
import { logInfo, logWarning, printJson } from "../base/log.ts";
import { differingKeys } from "../config/differences.ts";
import { loadConfig, parseConfig } from "../config/load.ts";
import type { WhorlConfig } from "../config/schema.ts";
import { freeRunDir, openRun } from "../runs/run.ts";
import { type TrainingParts, type TrainingResult, trainModel } from "../train/loop.ts";
import { holdsRun, prepareTraining } from "../train/session.ts";
import { addComputeOptions, type ComputeOptions, engineFrom, executorFrom } from "./options.ts";
import { duration, flop, integer, mebibytes } from "./render/numbers.ts";
import { makeStatusLine } from "./render/status-line.ts";
import { interruptible, progressEvents } from "./training-progress.ts";
import { packageVersion } from "./version.ts";

interface TrainOptions extends ComputeOptions {
  out?: string;
  resume?: boolean;
  from?: string;
  json?: boolean;
}

export function registerTrain(program: Command): void {
  const command = program
    .command("train")
    .description("train a model")
    .argument("[preset]", "a preset (configs/) or a YAML file; not needed with --resume")
    .argument("[settings...]", "key=value words, for instance model.hiddenSize=256 train.steps=500")
    .option("--out <dir>", "run folder (default: runs/<preset>)")
    .option("--resume", "go on with the run in --out, bit for bit")
    .option("--from <checkpoint>", "start from the weights of a run, checkpoint, .safetensors or .pt file")
    .option("--json", "print the result as one line of JSON")
    .addHelpText("after", "\nExample:\n  whorl train sudoku-6x6 train.steps=500 --out runs/first")
    .action((preset: string | undefined, settings: string[], options: TrainOptions) =>
      runTrain(preset, settings, options),
    );
  addComputeOptions(command);
}

async function runTrain(
  preset: string | undefined,
  settings: string[],
  options: TrainOptions,
): Promise<void> {
  const { config, dir, resume } = await resolveRun(preset, settings, options);
  const result = await trainWithProgress(config, dir, { ...options, resume });
  if (options.json) printJson(summary(dir, result));
}

/** Trains with progress on stderr; Ctrl-C (or SIGTERM) saves and ends, a second one ends at once. */
export async function trainWithProgress(
  config: WhorlConfig,
  dir: string,
  options: ComputeOptions & { resume?: boolean; from?: string },
): Promise<TrainingResult> {
  const executor = await executorFrom(options, config.engine);
  const parts = await prepareTraining({
    dir,
    config,
    executor,
    whorlVersion: packageVersion(),
    resume: options.resume ?? false,
    from: options.from,
  });
  warnOfFormat(parts);
  logInfo(introduction(parts));
  const status = makeStatusLine();
  const interrupt = interruptible(status);
  try {
    const result = await trainModel(parts, {
      resume: options.resume ?? false,
      signal: interrupt.signal,
      events: progressEvents(status, parts.config.globalBatchSize),
    });
    status.finish(conclusion(dir, result));
    return result;
  } finally {
    interrupt.release();
  }
}

/** Says so when the numbers are not in the format that the configuration asks for. */
function warnOfFormat({ model, state, executor, run }: TrainingParts): void {
  const wanted = model.numberFormat;
  if (state.format === wanted) return;
  const { backend, isa } = executor.description;
  logWarning(
    executor.formats.includes(wanted)
      ? `model.forwardDtype is ${wanted}, but the run in ${run.dir} began in ${state.format} and goes on in it`
      : `model.forwardDtype is ${wanted}, which ${backend} ${isa} does not compute in: training in ${state.format}, which is slower and more exact`,
  );
}

/** Which configuration, which folder, and whether there is something to go on with. */
async function resolveRun(preset: string | undefined, settings: string[], options: TrainOptions) {
  const words = preset?.includes("=") ? [preset, ...settings] : settings;
  const name = preset?.includes("=") ? undefined : preset;
  if (options.resume && options.out === undefined && name === undefined)
    throw new ToolError("--resume needs to know which run: add --out DIR", {
      code: "usage/resume",
      exitCode: 2,
    });
  const dir =
    options.out ?? (options.resume ? `runs/${presetName(name ?? "")}` : freeRunDir(presetName(name ?? "")));
  if (options.resume && holdsRun(dir))
    return { ...(await resumedConfig(dir, words, options)), dir, resume: true };
  if (name === undefined)
    throw new ToolError(options.resume ? `${dir} holds no run to go on with` : "which preset or file?", {
      code: "usage/preset",
      hint: "for instance `whorl train sudoku-6x6`",
      exitCode: 2,
    });
  if (options.resume) logInfo(`${dir} holds no run yet: starting from the beginning`);
  const { config, ignored, path } = await loadConfig(name, words);
  if (ignored.length > 0) logInfo(`no meaning here, ignored: ${ignored.join(", ")} (${path})`);
  return { config: { ...config, engine: engineFrom(options, config.engine) }, dir, resume: false };
}

/** Settings that may change when a run goes on; any other would make it another run. */
const CHANGEABLE =
  /^(train\.(steps|maxMinutes|checkpointEverySteps|keepCheckpoints|quickEval|stopAtExactAccuracy)|engine)\b/;

/** The run's own configuration, whatever the preset says now, with the changes asked for. */
async function resumedConfig(dir: string, words: readonly string[], options: TrainOptions) {
  const path = join(dir, "config.yaml");
  const { config: stored, record } = await openRun(dir);
  const { config } = parseConfig(await readTextFile(path), path, words);
  const changed = differingKeys(stored, config).find((key) => !CHANGEABLE.test(key));
  if (changed)
    throw new ToolError(`${changed} cannot change when a run goes on`, {
      code: "train/other-settings",
      where: path,
      hint: "leave it out, or start a new run (--from takes the weights along)",
      exitCode: 2,
    });
  const { isa, lanes, backend } = record.engine;
  const engine = engineFrom({ isa: isa ?? undefined, backend, ...options }, { ...config.engine, lanes });
  return { config: { ...config, engine } };
}

function presetName(preset: string): string {
  return basename(preset).replace(/\.(ya?ml|json)$/, "");
}

function introduction({ model, dataset, executor, run, state, trainer }: TrainingParts): string {
  const { backend, isa, threads } = executor.description;
  const { train, validation, test, heldOutInTraining } = dataset.manifest;
  const weights = model.parameters.reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0);
  const { microBatch, arenaBytes } = trainer.program;
  return [
    `${model.name}: ${integer(weights)} weights, effective depth ${model.effectiveDepth}, ${model.tokens} positions of ${model.hiddenSize}`,
    `data: ${train.puzzles} training puzzles (${train.from}), ${validation.puzzles} for checks, ${test.puzzles} held out; ${heldOutInTraining} held-out puzzles equivalent to a training puzzle`,
    `engine: ${backend} ${isa}, ${state.format}, ${threads} thread${threads > 1 ? "s" : ""}, micro-batches of ${microBatch} rows, ${mebibytes(arenaBytes)} of working memory a thread`,
    `run folder: ${run.dir}`,
  ].join("\n");
}

function conclusion(dir: string, result: TrainingResult): string {
  const rate = `${result.exStepsPerSecond.toFixed(1)} rows/s`;
  const ended = result.stopped === "finished" ? "" : ` (${result.stopped})`;
  return [
    `done${ended}: ${integer(result.step)} steps in ${duration(result.trainSeconds)}, ${flop(result.flops)}, ${rate}`,
    result.stopped === "interrupted"
      ? `go on with: whorl train --resume --out ${dir}`
      : `next: whorl eval ${dir}`,
  ].join("\n");
}

function summary(runDir: string, result: TrainingResult) {
  const { step, stopped, trainLoss, exStepsPerSecond, trainSeconds, flops, metrics } = result;
  return { runDir, step, stopped, trainLoss, exStepsPerSecond, trainSeconds, flops, metrics };
}
