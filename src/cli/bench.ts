// `whorl bench`: the engine measured on this machine, against this machine's own peak. Each case runs in a process of
// its own, so that its peak memory is its own.

import { spawn } from "node:child_process";
import { join } from "node:path";
import type { Command } from "commander";
import { Option } from "commander";
import { packageRoot } from "../base/data-folder.ts";
import { ToolError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";
import { printJson, printLine } from "../base/log.ts";
import { nearestName } from "../base/nearest.ts";
import { type BenchCase, benchCases, DEFAULT_CASES, findCases } from "../bench/cases.ts";
import { type Measurement, type MeasureOptions, measureCase, measurePeak } from "../bench/measure.ts";
import { type Profile, type ProfileGrouping, profileCase } from "../bench/profile.ts";
import { BENCH_MODES, type BenchMode } from "../bench/workload.ts";
import { engineSchema } from "../config/schema.ts";
import { checkFormat } from "../engine/executors/executor.ts";
import { NUMBER_FORMATS, type NumberFormat } from "../engine/number-format.ts";
import { describeMachine } from "../runs/run.ts";
import { addComputeOptions, type ComputeOptions, executorFrom, parseCount } from "./options.ts";
import { formatCases, formatMeasurements, formatProfile } from "./render/bench-table.ts";
import { makeStatusLine } from "./render/status-line.ts";
import { packageVersion } from "./version.ts";

interface BenchOptions extends ComputeOptions {
  mode?: string;
  dtype?: string;
  seconds: string;
  batch?: string;
  microBatch?: string;
  list?: boolean;
  json?: boolean;
  out?: string;
  profile?: boolean;
  by?: string;
  here?: boolean;
}

const HELP = `
Modes: train (a training step), forward (a supervision step without gradient), latency (one puzzle alone).
A case takes some seconds a mode; the large ones up to a minute.

Examples:
  whorl bench sudoku-mlp arc --mode train,forward
  whorl bench all --out bench.json
  whorl bench --profile sudoku-6x6`;

export function registerBench(program: Command): void {
  const command = program
    .command("bench")
    .description("measure the engine: speed, share of the machine's peak, memory")
    .argument("[case...]", `what to measure, or all (default: ${DEFAULT_CASES.join(" ")})`)
    .option("--list", "list the cases")
    .option("--mode <names>", "of train, forward, latency; several with commas (default: all)")
    .option(
      "--dtype <names>",
      "of bfloat16, float32; several with commas (default: the model's own, where this machine has it)",
    )
    .option("--seconds <n>", "time for a case and mode, at least; three repetitions are always made", "10")
    .option("--batch <n>", "puzzles in a step (default: the case's own)")
    .option("--micro-batch <n>", "puzzles a thread computes at once (default: chosen by the engine)")
    .option("--profile", "show where the time of a training step goes")
    .option("--by <what>", "rows of the profile: kernel or scope (part of the model)", "kernel")
    .option("--json", "print the result as one line of JSON")
    .option("--out <file>", "also write the result with machine, date and version")
    .addOption(new Option("--here", "measure in this process").hideHelp())
    .addHelpText("after", HELP)
    .action(runBench);
  addComputeOptions(command);
}

async function runBench(names: string[], options: BenchOptions): Promise<void> {
  if (options.list) return listCases(options);
  const cases = findCases(names);
  const measuring = parseMeasuring(options);
  const runs = cases.flatMap((benchCase) =>
    parseFormats(options.dtype).map((format) => ({ benchCase, measuring: { ...measuring, format } })),
  );
  const modes = parseModes(options.mode);
  if (options.profile) await profileCases(runs, options);
  else await measureCases(runs, modes, options);
}

function listCases({ json }: BenchOptions): void {
  const listed = benchCases().filter(({ hidden }) => !hidden);
  if (json) printJson(listed.map(({ name, summary, batch }) => ({ name, summary, batch })));
  else for (const line of formatCases(listed)) printLine(line);
}

/** A case in one number format. */
interface BenchRun {
  readonly benchCase: BenchCase;
  readonly measuring: MeasureOptions;
}

async function measureCases(
  runs: readonly BenchRun[],
  modes: readonly BenchMode[],
  options: BenchOptions,
): Promise<void> {
  const executor = await executorFrom(options, engineSchema.parse({}));
  for (const { measuring } of runs) checkFormat(executor, measuring.format ?? "float32");
  await measurePeak(executor, 0.01, "float32"); // says so before anything else if this backend cannot be measured
  const status = makeStatusLine();
  const results: Measurement[] = [];
  for (const { benchCase, measuring } of runs)
    for (const mode of modes) {
      if (!options.here) status.update(() => `measuring ${benchCase.name}, ${mode}`);
      const measure = options.here
        ? measureCase(executor, benchCase, mode, measuring)
        : measureApart(benchCase, mode, { ...options, dtype: measuring.format });
      results.push(await measure);
    }
  status.finish();
  await report(results, options, () => formatMeasurements(results));
}

async function profileCases(runs: readonly BenchRun[], options: BenchOptions): Promise<void> {
  const by = parseGrouping(options.by ?? "kernel");
  const status = makeStatusLine();
  const profiles: Profile[] = [];
  for (const { benchCase, measuring } of runs) {
    status.update(() => `profiling ${benchCase.name}`);
    const engine = engineSchema.parse({});
    profiles.push(
      await profileCase((onTiming) => executorFrom(options, engine, onTiming), benchCase, {
        ...measuring,
        by,
      }),
    );
  }
  status.finish();
  await report(profiles, options, () => profiles.flatMap(formatProfile));
}

async function report(results: unknown, { json, out }: BenchOptions, format: () => string[]): Promise<void> {
  if (out !== undefined) {
    const versions = { whorl: packageVersion(), node: process.versions.node };
    const record = { createdAt: new Date().toISOString(), versions, machine: describeMachine(), results };
    await writeFileAtomic(out, `${JSON.stringify(record, null, 2)}\n`);
  }
  if (json) printJson(results);
  else for (const line of format()) printLine(line);
}

/** Runs this command for one case and mode in a new process and takes its JSON. */
async function measureApart(
  benchCase: BenchCase,
  mode: BenchMode,
  options: BenchOptions,
): Promise<Measurement> {
  const given = {
    "--dtype": options.dtype,
    "--seconds": options.seconds,
    "--batch": options.batch,
    "--micro-batch": options.microBatch,
    "--threads": options.threads,
    "--isa": options.isa,
    "--backend": options.backend,
  };
  const words = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name, value]));
  const script = join(packageRoot(), "bin", "whorl.js");
  const command = [script, "bench", benchCase.name, "--mode", mode, "--here", "--json", ...words];
  const child = spawn(process.execPath, command, { stdio: ["ignore", "pipe", "inherit"] });
  let stdout = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  const ending = await new Promise<string>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode, signal) => resolve(signal ?? String(exitCode)));
  });
  if (ending === "0") return (JSON.parse(stdout) as Measurement[])[0];
  throw new ToolError(`measuring ${benchCase.name} in mode ${mode} failed (${ending})`, {
    code: "bench/failed",
    hint: "a message above says why; SIGKILL mostly means that memory ran out: try a smaller --batch",
  });
}

function parseMeasuring(options: BenchOptions): MeasureOptions {
  const count = (name: string, text: string | undefined) =>
    text === undefined ? undefined : parseCount(name, text);
  return {
    seconds: parseSeconds(options.seconds),
    batch: count("--batch", options.batch),
    microBatch: count("--micro-batch", options.microBatch),
  };
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds < Number.POSITIVE_INFINITY) return seconds;
  throw new ToolError(`--seconds takes a number above 0, not '${text}'`, {
    code: "usage/seconds",
    exitCode: 2,
  });
}

function parseModes(text: string | undefined): readonly BenchMode[] {
  if (text === undefined) return BENCH_MODES;
  return text.split(",").map((word) => {
    const mode = BENCH_MODES.find((known) => known === word.trim());
    if (mode) return mode;
    throw new ToolError(`unknown mode ${word}`, {
      code: "bench/unknown-mode",
      hint: `the nearest is ${nearestName(word, BENCH_MODES)}; there are ${BENCH_MODES.join(", ")}`,
      exitCode: 2,
    });
  });
}

/** Number formats to measure in; `undefined` is the default of each case. */
function parseFormats(text: string | undefined): readonly (NumberFormat | undefined)[] {
  if (text === undefined) return [undefined];
  return text.split(",").map((word) => {
    const format = NUMBER_FORMATS.find((known) => known === word.trim());
    if (format) return format;
    throw new ToolError(`unknown number format ${word}`, {
      code: "bench/unknown-dtype",
      hint: `the nearest is ${nearestName(word, NUMBER_FORMATS)}; there are ${NUMBER_FORMATS.join(", ")}`,
      exitCode: 2,
    });
  });
}

function parseGrouping(text: string): ProfileGrouping {
  if (text === "kernel" || text === "scope") return text;
  throw new ToolError(`--by takes kernel or scope, not '${text}'`, { code: "usage/by", exitCode: 2 });
}
