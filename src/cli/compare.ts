// `whorl compare`: several models at an equal budget, several seeds each; one table, one chart, and a report that says what
// may be concluded. The folder goes on where it stopped, and several processes can share its units.

import { join } from "node:path";
import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";
import { logInfo, printJson, printLine } from "../base/log.ts";
import type { Budget, Given } from "../compare/definition.ts";
import { openComparison, type RunOptions, runComparison } from "../compare/run.ts";
import { type EntrySummary, summarizeComparison } from "../compare/summary.ts";
import type { Executor } from "../engine/executors/executor.ts";
import { parseShard } from "../eval/shard.ts";
import { addComputeOptions, type ComputeOptions, engineFrom, executorFrom, parseCount } from "./options.ts";
import { drawComparison } from "./render/compare-chart.ts";
import { type ComparisonResult, formatEntries, formatReport, subtitleOf } from "./render/compare-report.ts";
import { percent } from "./render/numbers.ts";
import { makeStatusLine, type StatusLine } from "./render/status-line.ts";
import { svgToPng } from "./render/svg-to-png.ts";
import { interruptible, progressEvents } from "./training-progress.ts";
import { packageVersion } from "./version.ts";

interface CompareOptions extends ComputeOptions {
  out: string;
  flops?: string;
  steps?: string;
  minutes?: string;
  seeds?: string;
  limit?: string;
  evalSteps?: string;
  only?: string;
  shard?: string;
  json?: boolean;
}

const HELP = `
The first entry is the baseline of the differences. Settings of one entry stand behind a colon; those without are for all.
A comparison file has title, budget, seeds, overrides, evaluation and entries; configs/compare/ has examples.
The same command again goes on where it stopped; \`whorl compare --out DIR\` is enough.

Examples:
  whorl compare sudoku-6x6 sudoku-6x6:model.layers=2,model.hCycles=1 --flops 2e12 --out runs/layers
  whorl compare configs/compare/sudoku-6x6-parts.yaml --out runs/parts
Two processes at once:
  whorl compare comparison.yaml --out runs/parts --threads 1 --shard 0/2
  whorl compare comparison.yaml --out runs/parts --threads 1 --shard 1/2`;

export function registerCompare(program: Command): void {
  const command = program
    .command("compare")
    .description("compare models at an equal budget, with several seeds")
    .argument("[entry...]", "presets or YAML files, or one comparison file; key=value words are for all")
    .requiredOption("--out <dir>", "folder of the comparison")
    .option("--flops <n>", "budget: FLOP of each training, for instance 6e12")
    .option("--steps <n>", "budget: optimizer steps of each training")
    .option("--minutes <n>", "budget: time of each training")
    .option("--seeds <n>", "how many seeds, or which with commas between (default: 3)")
    .option("--limit <n>", "evaluate on only so many held-out puzzles, the same for all")
    .option("--eval-steps <k>", "supervision steps of the evaluation (default: each model's own)")
    .option("--only <entry>", "only the units of this entry")
    .option("--shard <i/n>", "only part i of n (from 0) of the units")
    .option("--json", "print the result as one line of JSON")
    .addHelpText("after", HELP)
    .action(runCompare);
  addComputeOptions(command);
}

async function runCompare(words: string[], options: CompareOptions): Promise<void> {
  const given: Given = {
    budget: parseBudget(options),
    seeds: options.seeds === undefined ? undefined : parseSeeds(options.seeds),
    limit: options.limit === undefined ? undefined : parseCount("--limit", options.limit),
    steps: options.evalSteps === undefined ? undefined : parseCount("--eval-steps", options.evalSteps),
  };
  const shard = options.shard === undefined ? undefined : parseShard(options.shard);
  const comparison = await openComparison(words, given, options.out);
  const status = makeStatusLine();
  const interrupt = interruptible(status);
  try {
    const { records, units } = await runComparison(comparison, {
      dir: options.out,
      whorlVersion: packageVersion(),
      shard,
      only: options.only,
      engineFor: (engine) => engineFrom(options, engine),
      executorFor: rememberExecutors(options),
      signal: interrupt.signal,
      ...unitEvents(status),
    });
    status.finish();
    const entries = summarizeComparison(comparison, records);
    if (records.length === units) await writeResults(options.out, { comparison, records, entries });
    else
      logInfo(`${records.length} of ${units} units are done; go on with: whorl compare --out ${options.out}`);
    if (options.json) printJson(entries.map(jsonOf));
    else for (const line of formatEntries(entries)) printLine(line);
  } finally {
    interrupt.release();
  }
}

/** One executor for all units that ask for the same, so that its warnings come once. */
function rememberExecutors(options: ComputeOptions): RunOptions["executorFor"] {
  const made = new Map<string, Promise<Executor>>();
  return (engine) => {
    const key = JSON.stringify(engine);
    const executor = made.get(key) ?? executorFrom(options, engine);
    made.set(key, executor);
    return executor;
  };
}

function unitEvents(status: StatusLine): Pick<RunOptions, "onUnit" | "onRecord"> {
  return {
    onUnit({ entry, seed, config }, { number, of }) {
      status.note(`unit ${number} of ${of}: ${entry.name}, seed ${seed}`);
      return progressEvents(status, config.train.globalBatchSize);
    },
    onRecord({ entry, seed }, { exactAccuracy, puzzles }) {
      status.note(`${entry.name}, seed ${seed}: solves ${percent(exactAccuracy)} of ${puzzles} puzzles`);
    },
  };
}

/** report.md, chart.svg, chart.png and results.json: small enough to be committed. */
async function writeResults(dir: string, result: ComparisonResult): Promise<void> {
  const { comparison, records, entries } = result;
  const svg = drawComparison(entries, { title: comparison.title, subtitle: subtitleOf(result) });
  const results = { format: 1, comparison, entries: entries.map(jsonOf), units: records };
  await writeFileAtomic(join(dir, "chart.svg"), svg);
  await writeFileAtomic(join(dir, "chart.png"), await svgToPng(svg));
  await writeFileAtomic(join(dir, "results.json"), `${JSON.stringify(results, null, 2)}\n`);
  await writeFileAtomic(join(dir, "report.md"), formatReport(result));
  logInfo(`wrote ${join(dir, "report.md")}, with chart.svg, chart.png and results.json beside it`);
}

/** What `--json` prints of an entry: means over the seeds; `spread` is their sample standard deviation. */
function jsonOf(entry: EntrySummary) {
  const { name, preset, exactAccuracy, cellAccuracy, trainSeconds, evalSeconds, ...rest } = entry;
  return {
    preset: name,
    name,
    from: preset,
    ...rest,
    exactAccuracy: exactAccuracy.mean,
    spread: exactAccuracy.deviation,
    range: [exactAccuracy.min, exactAccuracy.max],
    interval95: exactAccuracy.interval95,
    bySeed: exactAccuracy.values,
    cellAccuracy: cellAccuracy.mean,
    cellSpread: cellAccuracy.deviation,
    seconds: trainSeconds,
    evalSeconds,
    haltingSteps: entry.halting.meanSteps,
  };
}

function parseBudget({ flops, steps, minutes }: CompareOptions): Budget | undefined {
  const given = Object.entries({ flops, steps, minutes }).filter(([, text]) => text !== undefined);
  if (given.length > 1)
    throw new ToolError(`${given.map(([name]) => `--${name}`).join(" and ")} are two budgets`, {
      code: "usage/budget",
      hint: "the runs can be equal in one of them: keep one",
      exitCode: 2,
    });
  if (flops !== undefined) return { flops: parsePositive("--flops", flops) };
  if (steps !== undefined) return { steps: parseCount("--steps", steps) };
  if (minutes !== undefined) return { minutes: parsePositive("--minutes", minutes) };
  return undefined;
}

function parsePositive(option: string, text: string): number {
  const value = Number(text);
  if (value > 0 && value < Number.POSITIVE_INFINITY) return value;
  throw new ToolError(`${option} takes a number above 0, not '${text}'`, {
    code: "usage/number",
    exitCode: 2,
  });
}

/** `3` is how many, from seed 0 on; `0,5,7` are the seeds themselves. */
function parseSeeds(text: string): number[] {
  if (!text.includes(",")) return Array.from({ length: parseCount("--seeds", text) }, (_, seed) => seed);
  return text.split(",").map((word) => {
    const seed = Number(word);
    if (word.trim() !== "" && Number.isSafeInteger(seed) && seed >= 0) return seed;
    throw new ToolError(`--seeds takes whole numbers from 0 with commas between, not '${text}'`, {
      code: "usage/seeds",
      hint: "for instance --seeds 3 or --seeds 0,1,2",
      exitCode: 2,
    });
  });
}
