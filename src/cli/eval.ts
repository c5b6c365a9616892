// `whorl eval`: accuracy of a trained model on held-out puzzles, with its interval and how it grows with the steps; the
// whole set, or one shard of it that `whorl merge` puts together with the others.

import { dirname } from "node:path";
import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { makeFolder } from "../base/files.ts";
import { logInfo, printJson, printLine } from "../base/log.ts";
import { evaluateRows } from "../eval/evaluate.ts";
import { makeRecursion } from "../eval/recursion.ts";
import {
  type AboutResult,
  type EvalReport,
  type JudgedResult,
  reportOf,
  withMeasuredHalting,
} from "../eval/report.ts";
import { type EvaluationRows, summarize } from "../eval/rows.ts";
import {
  formatShard,
  parseShard,
  type Shard,
  shardFromEnvironment,
  shardPath,
  shardRange,
} from "../eval/shard.ts";
import { hashWeights, hasShard, type ShardWork, writeShard } from "../eval/shard-file.ts";
import { writeSubmission } from "../eval/submission.ts";
import { openTestSet, type TestSource } from "../eval/test-set.ts";
import { formatOn } from "../models/index.ts";
import { openAnyModel } from "../onnx/open-any.ts";
import type { OpenedModel } from "../runs/open-model.ts";
import type { TestSet } from "../tasks/dataset.ts";
import { addComputeOptions, type ComputeOptions, executorFrom, parseCount } from "./options.ts";
import { describeReport } from "./render/eval-report.ts";
import { duration, integer, percent } from "./render/numbers.ts";
import { makeStatusLine } from "./render/status-line.ts";

interface EvalOptions extends ComputeOptions {
  data?: string;
  limit?: string;
  steps?: string;
  batch?: string;
  halt?: boolean;
  halting?: boolean;
  json?: boolean;
  atLeast?: string;
  shard?: string;
  out?: string;
  submission?: string;
}

/** What one process does of an evaluation, and the file that it goes to. */
interface Part {
  readonly shard: Shard;
  readonly path: string;
}

const HELP = `
Parts of an evaluation on several machines (in a job array the shard is taken from its environment):
  whorl eval runs/arc --shard 0/8 --out shards/      … up to 7/8, any of them again if it was killed
  whorl merge shards/*.npz

Examples:
  whorl eval runs/sudoku-6x6 --limit 300
  whorl eval runs/sudoku-6x6 --steps 64              more steps than it was trained for
  whorl eval runs/sudoku-6x6 --halting               accuracy and time, with and without early stop`;

/** Puzzles computed together. */
const BATCH_SIZE = "256";

export function registerEval(program: Command): void {
  const command = program
    .command("eval")
    .description("measure a trained model on held-out puzzles")
    .argument("<model>", "run folder, checkpoint folder, .safetensors, .pt or .onnx file")
    .option("--data <file>", "puzzles to test on (default: the run's own test set)")
    .option("--limit <n>", "only so many puzzles (ARC: tasks), drawn at random with a fixed seed")
    .option("--steps <k>", "supervision steps (default: the model's own)")
    .option("--halt", "take each answer when the halting output says so, and spend no more time on it")
    .option("--halting", "measure what that saves and costs: all steps, then the same puzzles with --halt")
    .option("--batch <n>", "puzzles computed together", BATCH_SIZE)
    .option("--shard <i/n>", "only part i of n (from 0), written to --out")
    .option("--out <file>", "with a shard: .npz file, or folder that ends in /")
    .option("--submission <file>", "ARC: write the two attempts for each test input")
    .option("--at-least <share>", "exit with 3 if the exact accuracy (ARC: pass@2) is below this")
    .option("--json", "print the result as one line of JSON")
    .addHelpText("after", HELP)
    .action(runEval);
  addComputeOptions(command);
}

async function runEval(path: string, options: EvalOptions): Promise<void> {
  if (options.halting) checkHalting(options);
  const part = shardOf(options);
  const threshold = parseShare(options.atLeast);
  const opened = await openAnyModel(path);
  if (options.submission !== undefined && opened.config.data.task !== "arc") throw noSubmission();
  const source: TestSource = {
    data: opened.config.data,
    file: options.data ?? null,
    limit: options.limit === undefined ? null : parseCount("--limit", options.limit),
  };
  const testSet = await openTestSet(source);
  if (part) return evaluateShard(opened, testSet, source, part, options);
  const { report, submission } = await (options.halting ? evaluateBothWays : evaluateModel)(
    opened,
    testSet,
    options,
  );
  if (options.submission !== undefined) await saveSubmission(options.submission, submission);
  if (options.json) printJson(report);
  else for (const line of describeReport(report)) printLine(line);
  checkThreshold(report, threshold);
}

/** Runs the model on the puzzles; progress on stderr. */
export async function evaluateModel(
  opened: OpenedModel,
  testSet: TestSet,
  options: EvalOptions,
): Promise<JudgedResult> {
  const { rows, seconds, about } = await runRows(opened, testSet, options);
  return reportOf(rows, testSet, about, seconds);
}

/** All steps, and then the same puzzles again, each until the model asks to halt. */
async function evaluateBothWays(
  opened: OpenedModel,
  testSet: TestSet,
  options: EvalOptions,
): Promise<JudgedResult> {
  const { report, submission } = await evaluateModel(opened, testSet, options);
  const halted = await runRows(opened, testSet, { ...options, halt: true });
  return { report: withMeasuredHalting(report, summarize(halted.rows, halted.seconds)), submission };
}

/** Writes the part's rows to a file; nothing to do when it is there already. */
async function evaluateShard(
  opened: OpenedModel,
  testSet: TestSet,
  source: TestSource,
  { shard, path }: Part,
  options: EvalOptions,
): Promise<void> {
  const work = await describeWork(opened, testSet, source, options);
  const done = (skipped: boolean) => {
    if (options.json)
      printJson({ out: path, shard: formatShard(shard), skipped, ...shardRange(work.examples, shard) });
    else printLine(`${skipped ? "already there" : "wrote"}: ${path}, shard ${formatShard(shard)}`);
  };
  if (await hasShard(path, work, shard)) return done(true);
  await makeFolder(dirname(path));
  const { rows, seconds, about } = await runRows(opened, testSet, options, shard);
  await writeShard(path, rows, testSet.examples, { work, shard, backend: about.backend, seconds });
  done(false);
}

async function describeWork(
  opened: OpenedModel,
  testSet: TestSet,
  source: TestSource,
  options: EvalOptions,
): Promise<ShardWork> {
  const executor = await executorFrom(options, opened.config.engine);
  return {
    checkpoint: opened.path,
    weightsSha256: hashWeights(opened.weights),
    trainedSteps: opened.step ?? null,
    supervisionSteps: stepsOf(opened, options),
    halt: options.halt === true,
    format: formatOn(executor, opened.model),
    examples: testSet.examples.count,
    manifest: testSet.manifest,
    source,
  };
}

async function runRows(
  opened: OpenedModel,
  { examples }: TestSet,
  options: EvalOptions,
  shard?: Shard,
): Promise<{ rows: EvaluationRows; seconds: number; about: AboutResult }> {
  const executor = await executorFrom(options, opened.config.engine);
  const range = shard ? shardRange(examples.count, shard) : { start: 0, end: examples.count };
  const count = range.end - range.start;
  const batchSize = Math.max(1, Math.min(parseCount("--batch", options.batch ?? BATCH_SIZE), count));
  const recursion = makeRecursion(executor, opened.model, opened.weights, { batchSize, labels: true });
  const status = makeStatusLine();
  const startMs = performance.now();
  const elapsed = () => (performance.now() - startMs) / 1000;
  const rows = await evaluateRows(recursion, examples, {
    steps: stepsOf(opened, options),
    halt: options.halt ? opened.model.wantsToHalt : undefined,
    watch: opened.model.wantsToHalt,
    range,
    onProgress: (done) =>
      status.update(
        () =>
          `evaluated ${integer(done)} of ${integer(count)}, ${duration((elapsed() / done) * (count - done))} left`,
      ),
  });
  status.finish();
  const { backend, isa } = executor.description;
  const about = {
    checkpoint: opened.path,
    trainedSteps: opened.step ?? null,
    backend: `${backend} ${isa}`,
    format: recursion.format,
  };
  return { rows, seconds: elapsed(), about };
}

function checkHalting({ halt, shard, out }: EvalOptions): void {
  const usage = { code: "usage/halting", exitCode: 2 } as const;
  if (halt)
    throw new ToolError("--halting runs with and without --halt", { ...usage, hint: "leave --halt out" });
  if (shard !== undefined || out !== undefined)
    throw new ToolError(
      "--halting measures the time of one machine, a shard is a part of the work of several",
      {
        ...usage,
        hint: "leave --shard and --out out; `whorl merge` tells the steps that halting saves",
      },
    );
}

function stepsOf({ model }: OpenedModel, { steps }: EvalOptions): number {
  return steps === undefined ? model.haltMaxSteps : parseCount("--steps", steps);
}

/** The part that this process does: as asked for, else as its scheduler says, if the result has somewhere to go. */
function shardOf({ shard, out }: EvalOptions): Part | undefined {
  const chosen = shard === undefined ? out && shardFromEnvironment(process.env)?.shard : parseShard(shard);
  if (chosen && out !== undefined) return { shard: chosen, path: shardPath(out, chosen) };
  if (!chosen && out === undefined) return undefined;
  const usage = { code: "usage/shard", exitCode: 2 } as const;
  if (chosen) throw new ToolError("a shard needs a file to go to", { ...usage, hint: "add --out FILE.npz" });
  throw new ToolError("--out is for a shard", { ...usage, hint: "add --shard i/n, or leave --out out" });
}

export async function saveSubmission(path: string, submission: JudgedResult["submission"]): Promise<void> {
  if (!submission) throw noSubmission();
  await writeSubmission(path, submission);
  logInfo(`wrote ${path}`);
}

function noSubmission(): ToolError {
  return new ToolError("there is no submission: only ARC's votes make one", {
    code: "usage/no-submission",
    hint: "leave --submission out",
    exitCode: 2,
  });
}

function checkThreshold(report: EvalReport, threshold: number | undefined): void {
  if (threshold === undefined) return;
  const [name, share] = report.passAt
    ? ["pass@2", report.passAt["2"] ?? 0]
    : ["exact accuracy", report.exactAccuracy];
  if (share >= threshold) return;
  logInfo(`${name} ${percent(share)} is below the ${percent(threshold)} asked for`);
  process.exitCode = 3;
}

function parseShare(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (value >= 0 && value <= 1) return value;
  throw new ToolError(`--at-least takes a share from 0 to 1, not '${text}'`, {
    code: "usage/share",
    exitCode: 2,
  });
}
