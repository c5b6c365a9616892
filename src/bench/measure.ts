// One case in one mode: how fast, as a share of what this machine can do at all, and in how much memory. The peak is
// measured right before and after, in the same process, because clocks and neighbours change by the minute.

import { readFileSync } from "node:fs";
import { ToolError } from "../base/errors.ts";
import { checkFormat, type Executor } from "../engine/executors/executor.ts";
import type { NumberFormat } from "../engine/number-format.ts";
import { formatOn, makeModel } from "../models/index.ts";
import type { BenchCase, BenchSetting } from "./cases.ts";
import { type BenchMode, makeWorkload, type Workload } from "./workload.ts";

/** What was measured, and where. */
export interface BenchSubject {
  readonly case: string;
  readonly mode: BenchMode;
  readonly dtype: NumberFormat;
  readonly backend: string;
  readonly isa: string;
  readonly threads: number;
  readonly batch: number;
  readonly microBatch: number;
  readonly peakTflops: number;
}

export interface Measurement extends BenchSubject {
  /** Examples times supervision steps, by the median repetition. */
  readonly exStepsPerSecond: number;
  readonly tflops: number;
  readonly fractionOfPeak: number;
  /** Of the whole process: only its own where a process measures one case. */
  readonly peakRssMiB: number;
  /** Working memory of one thread. */
  readonly arenaMiB: number;
  /** Of one supervision step of the batch. */
  readonly seconds: { readonly median: number; readonly min: number; readonly max: number };
  readonly repetitions: number;
  /** Examples times supervision steps in all repetitions. */
  readonly examplesMeasured: number;
  readonly supervisionSteps: number;
  /** Latency only: all supervision steps of one puzzle. */
  readonly secondsPerPuzzle?: number;
}

export interface MeasureOptions {
  /** Least time to spend on the repetitions. */
  readonly seconds: number;
  readonly batch?: number;
  readonly microBatch?: number;
  /** Default: that of the case's model, where the executor has it. */
  readonly format?: NumberFormat;
}

const LEAST_REPETITIONS = 3;
/** Shorter repetitions drown in the scheduler's time slices. */
const REPETITION_SECONDS = 0.05;
const PEAK_SECONDS = 0.5;
const PEAK_WINDOWS = 5;
const WARM_UP_SECONDS = 0.5;

export async function measureCase(
  executor: Executor,
  benchCase: BenchCase,
  mode: BenchMode,
  options: MeasureOptions,
): Promise<Measurement> {
  const batch = mode === "latency" ? 1 : (options.batch ?? benchCase.batch);
  const { microBatch } = options;
  const setting = await benchCase.load();
  const format = chooseFormat(executor, setting, options.format);
  const workload = makeWorkload(executor, setting, mode, { batch, microBatch, format });
  const peakBefore = await measurePeak(executor, options.seconds, format);
  const times = await repeat(workload, mode, options.seconds);
  const peakAfter = await measurePeak(executor, options.seconds, format);
  const { backend, isa, threads } = executor.description;
  const { program, flopsPerExample, supervisionSteps } = workload;
  const exStepsPerSecond = batch / times.seconds.median;
  const tflops = (exStepsPerSecond * flopsPerExample) / 1e12;
  const peakTflops = (peakBefore + peakAfter) / 2 / 1e12;
  return {
    ...{ case: benchCase.name, mode, dtype: format, backend, isa, threads, batch },
    ...{ microBatch: program.microBatch, exStepsPerSecond, tflops, peakTflops },
    fractionOfPeak: tflops / peakTflops,
    peakRssMiB: peakResidentBytes() / 2 ** 20,
    arenaMiB: program.arenaBytes / 2 ** 20,
    seconds: times.seconds,
    repetitions: times.repetitions,
    examplesMeasured: batch * times.steps,
    supervisionSteps,
    ...(mode === "latency" ? { secondsPerPuzzle: times.seconds.median * supervisionSteps } : {}),
  };
}

/** What is asked for; else what the case's model is meant for, where the executor has it. */
export function chooseFormat(
  executor: Executor,
  { model, shape }: BenchSetting,
  wanted: NumberFormat | undefined,
): NumberFormat {
  const format = wanted ?? formatOn(executor, makeModel(model, shape));
  checkFormat(executor, format);
  return format;
}

/**
 * FLOP/s of the executor's peak in a number format: the best of a few windows, for a neighbour's burst in one would make the case look
 * faster than the machine. `budgetSeconds` keeps short measurements short.
 */
export async function measurePeak(
  executor: Executor,
  budgetSeconds: number,
  format: NumberFormat,
): Promise<number> {
  const windowSeconds = Math.min(PEAK_SECONDS, budgetSeconds / 4) / PEAK_WINDOWS;
  let best = 0;
  for (let window = 0; executor.measurePeak && window < PEAK_WINDOWS; window++)
    best = Math.max(best, await executor.measurePeak(windowSeconds, format));
  if (best > 0) return best;
  const { backend } = executor.description;
  throw new ToolError(`the ${backend} backend has no peak to be measured against`, {
    code: "bench/no-peak",
    hint: "bench measures the native backend: `whorl doctor` says whether this machine has it",
  });
}

/** Repetitions of one step or more, all of equal length; times are those of one step. */
async function repeat(workload: Workload, mode: BenchMode, budgetSeconds: number) {
  // Who waits for an answer waits for a whole puzzle.
  const unit = mode === "latency" ? workload.supervisionSteps : 1;
  const stepSeconds = await warmUp(workload, unit, budgetSeconds);
  const least = Math.min(REPETITION_SECONDS, budgetSeconds / LEAST_REPETITIONS);
  const steps = unit * Math.max(1, Math.ceil(least / (unit * stepSeconds)));
  const times: number[] = [];
  for (let spent = 0; times.length < LEAST_REPETITIONS || spent < budgetSeconds; ) {
    const seconds = await timeSteps(workload, steps);
    times.push(seconds / steps);
    spent += seconds;
  }
  times.sort((a, b) => a - b);
  return {
    seconds: { median: median(times), min: times[0], max: times[times.length - 1] },
    repetitions: times.length,
    steps: steps * times.length,
  };
}

/** Touches all memory and wakes the clocks; returns the seconds of a step at the end. */
async function warmUp(workload: Workload, unit: number, budgetSeconds: number): Promise<number> {
  const enough = Math.min(WARM_UP_SECONDS, budgetSeconds / 10);
  let last = 0;
  for (let spent = 0; spent === 0 || spent < enough; spent += last) last = await timeSteps(workload, unit);
  return last / unit;
}

async function timeSteps(workload: Workload, steps: number): Promise<number> {
  const startMs = performance.now();
  for (let step = 0; step < steps; step++) await workload.step();
  return (performance.now() - startMs) / 1000;
}

function median(sorted: readonly number[]): number {
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Linux's own figure where there is one: that of getrusage starts at the size of the parent process. */
function peakResidentBytes(): number {
  const [, kibibytes] = /VmHWM:\s*(\d+) kB/.exec(readStatus()) ?? [];
  return 1024 * (kibibytes === undefined ? process.resourceUsage().maxRSS : Number(kibibytes));
}

function readStatus(): string {
  try {
    return readFileSync("/proc/self/status", "utf8");
  } catch {
    return "";
  }
}
