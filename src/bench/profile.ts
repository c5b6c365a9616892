// Where the time of one training step goes: the training graph by kernel or by part of the model, and everything else
// a step does as rows of their own, so that the rows add up to the step. Means over several steps.

import type { Executor } from "../engine/executors/executor.ts";
import type { Instruction } from "../engine/plan.ts";
import { type RunTiming, workOf } from "../engine/timing.ts";
import { STEP_PARTS, type StepPart } from "../train/step.ts";
import type { BenchCase } from "./cases.ts";
import { type BenchSubject, chooseFormat, type MeasureOptions, measurePeak } from "./measure.ts";
import { makeWorkload } from "./workload.ts";

export type ProfileGrouping = "kernel" | "scope";

export interface ProfileRow {
  readonly name: string;
  /** `graph`: kernels of the training graph; `step`: the rest of the step. */
  readonly kind: "graph" | "step";
  /** Calls of kernels in one step. */
  readonly calls: number;
  /** Of one step; kernels: mean over the threads. */
  readonly milliseconds: number;
  readonly share: number;
  /** Of all threads together, by the FLOP convention; null where nothing counts. */
  readonly gflopsPerSecond: number | null;
  /** Operands and results once a call, wherever they lie; null where it is not known. */
  readonly gigabytesPerSecond: number | null;
}

export interface Profile extends BenchSubject {
  /** Steps that were averaged. */
  readonly steps: number;
  readonly stepMilliseconds: number;
  /** Most expensive first. */
  readonly rows: readonly ProfileRow[];
}

export interface ProfileOptions extends MeasureOptions {
  readonly by: ProfileGrouping;
}

/** What of a step no kernel accounts for: threads that wait for the last one, and the way there and back. */
const WAITING = "waiting, dispatch";
const REST = "rest of the step";

/** @param makeExecutor makes the executor that reports its timings */
export async function profileCase(
  makeExecutor: (onTiming: (timing: RunTiming) => void) => Promise<Executor>,
  benchCase: BenchCase,
  options: ProfileOptions,
): Promise<Profile> {
  const recorder = makeRecorder(options.by);
  const executor = await makeExecutor(recorder.onTiming);
  const { microBatch, seconds, batch = benchCase.batch } = options;
  const setting = await benchCase.load();
  const format = chooseFormat(executor, setting, options.format);
  const settings = { batch, microBatch, format, onPart: recorder.onPart };
  const workload = makeWorkload(executor, setting, "train", settings);
  const peakBefore = await measurePeak(executor, seconds, format);
  await workload.step(); // touches all memory
  recorder.clear();
  for (let spent = 0; recorder.steps() < 2 || spent < seconds; ) {
    recorder.startStep();
    await workload.step();
    spent += recorder.endStep();
  }
  const peak = (peakBefore + (await measurePeak(executor, seconds, format))) / 2;
  const { backend, isa, threads } = executor.description;
  return {
    ...{ case: benchCase.name, mode: "train", dtype: format, backend, isa, threads, batch },
    ...{ microBatch: workload.program.microBatch, peakTflops: peak / 1e12, ...recorder.report() },
  };
}

interface Sum {
  readonly name: string;
  readonly kind: ProfileRow["kind"];
  seconds: number;
  calls: number;
  flops: number;
  bytes: number;
}

/** Collects times of steps, step parts and instructions. */
function makeRecorder(by: ProfileGrouping) {
  const sums = new Map<string, Sum>();
  let steps = 0;
  let stepStartMs = 0;
  let partStartMs = 0;
  let nextPart: StepPart | undefined = STEP_PARTS[0];
  let stepSeconds = 0;

  const sumOf = (name: string, kind: Sum["kind"]): Sum => {
    const known = sums.get(name);
    if (known) return known;
    const fresh = { name, kind, seconds: 0, calls: 0, flops: 0, bytes: 0 };
    sums.set(name, fresh);
    return fresh;
  };
  const addInstruction = (timing: RunTiming, index: number): void => {
    const instruction = timing.plan.instructions[index];
    const isGraph = nextPart === "training graph";
    const sum = isGraph ? sumOf(groupOf(instruction, by), "graph") : sumOf(nextPart ?? REST, "step");
    const { calls, flops, bytes } = workOf(instruction, timing);
    sum.calls += calls;
    sum.flops += flops;
    sum.bytes += bytes;
    if (!isGraph) return; // its wall time is the part's
    const seconds = timing.seconds[index] / timing.threads;
    sum.seconds += seconds;
    sumOf(WAITING, "graph").seconds -= seconds; // the part's wall time is added to it
  };
  return {
    onTiming(timing: RunTiming): void {
      for (let index = 0; index < timing.seconds.length; index++) addInstruction(timing, index);
    },
    onPart(part: StepPart): void {
      const nowMs = performance.now();
      const sum = part === "training graph" ? sumOf(WAITING, "graph") : sumOf(part, "step");
      sum.seconds += (nowMs - partStartMs) / 1000;
      partStartMs = nowMs;
      nextPart = STEP_PARTS[STEP_PARTS.indexOf(part) + 1];
    },
    clear(): void {
      sums.clear();
    },
    steps: () => steps,
    startStep(): void {
      stepStartMs = partStartMs = performance.now();
      nextPart = STEP_PARTS[0];
    },
    endStep(): number {
      const nowMs = performance.now();
      sumOf(REST, "step").seconds += (nowMs - partStartMs) / 1000;
      const seconds = (nowMs - stepStartMs) / 1000;
      stepSeconds += seconds;
      steps++;
      return seconds;
    },
    report() {
      const rows = [...sums.values()].map((sum) => rowOf(sum, steps, stepSeconds));
      rows.sort((a, b) => b.milliseconds - a.milliseconds);
      return { steps, stepMilliseconds: (1000 * stepSeconds) / steps, rows };
    },
  };
}

function rowOf({ name, kind, seconds, calls, flops, bytes }: Sum, steps: number, all: number): ProfileRow {
  const rate = (amount: number) => (amount > 0 && seconds > 0 ? amount / seconds / 1e9 : null);
  return {
    name,
    kind,
    calls: calls / steps,
    milliseconds: (1000 * seconds) / steps,
    share: seconds / all,
    gflopsPerSecond: rate(flops),
    gigabytesPerSecond: rate(bytes),
  };
}

/** Cycles are the same network again: they count together, backward apart from forward. */
function groupOf({ kernel, scope }: Instruction, by: ProfileGrouping): string {
  if (by === "kernel") return kernel;
  const part = scope.replace(/^backward\.?/, "").replace(/^cycle\d+\.?/, "");
  const pass = scope.startsWith("backward") ? "backward" : "forward";
  return `${pass} ${part || "between layers"}`;
}
