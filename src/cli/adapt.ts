// `whorl adapt`: a trained ARC model meets tasks that it was not trained on, learns a vector for each, and solves them.

import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { logInfo, printJson, printLine } from "../base/log.ts";
import type { WhorlConfig } from "../config/schema.ts";
import { openModel } from "../runs/open-model.ts";
import { type ArcTask, readArcTasks } from "../tasks/arc/read.ts";
import { type AdaptedTask, adaptModel } from "../train/adapt.ts";
import { addComputeOptions, type ComputeOptions, engineFrom, executorFrom, parseCount } from "./options.ts";
import { duration, flop } from "./render/numbers.ts";
import { makeStatusLine } from "./render/status-line.ts";
import { formatTable } from "./render/table.ts";
import { interruptible, progressEvents } from "./training-progress.ts";
import { packageVersion } from "./version.ts";

interface AdaptOptions extends ComputeOptions {
  out: string;
  minutes: string;
  augmentations?: string;
  allWeights?: boolean;
  json?: boolean;
}

const HELP = `
A task file is JSON: {"train": [{"input": grid, "output": grid}, …], "test": [{"input": grid, "output": grid}, …]}, or
several tasks by name. Without the outputs of its tests a task is solved and not scored. The run folder holds the
attempts (submission.json) and is a model of its own: whorl eval DIR votes again, whorl adapt DIR goes on from it.

Example:
  whorl adapt runs/arc1-small task.json --minutes 5 --out runs/adapted`;

export function registerAdapt(program: Command): void {
  const command = program
    .command("adapt")
    .description("fit new ARC tasks on a trained model, and solve them")
    .argument("<model>", "run folder or checkpoint folder of an ARC model")
    .argument("<task.json...>", "files of tasks; key=value words change the training")
    .requiredOption("--out <dir>", "new run folder")
    .option("--minutes <n>", "time for training, all tasks together", "5")
    .option(
      "--augmentations <n>",
      "copies of each task that train and vote (default: the model's, at most 32)",
    )
    .option("--all-weights", "train the network too, not only the new puzzle vectors")
    .option("--json", "print the result as one line of JSON")
    .addHelpText("after", HELP)
    .action(runAdapt);
  addComputeOptions(command);
}

async function runAdapt(modelPath: string, words: readonly string[], options: AdaptOptions): Promise<void> {
  const minutes = parseMinutes(options.minutes);
  const asked =
    options.augmentations === undefined ? undefined : parseCount("--augmentations", options.augmentations);
  const overrides = words.filter((word) => /^\+{0,2}[\w.]+=/.test(word));
  const tasks = readTasks(words.filter((word) => !overrides.includes(word)));
  const source = await openModel(modelPath);
  const augmentations = asked ?? usualAugmentations(source.config);
  const config = { ...source.config, engine: engineFrom(options, source.config.engine) };
  const executor = await executorFrom(options, config.engine);
  const status = makeStatusLine();
  const interrupt = interruptible(status);
  try {
    const { tasks: results, training } = await adaptModel({
      ...{
        source: { ...source, config },
        tasks,
        dir: options.out,
        minutes,
        augmentations,
        overrides,
        executor,
      },
      ...{
        allWeights: options.allWeights ?? false,
        whorlVersion: packageVersion(),
        signal: interrupt.signal,
      },
      events: {
        ...progressEvents(status, config.train.globalBatchSize),
        onPrepared: ({ model }) =>
          status.note(
            `${tasks.length} tasks, ${model.shape.numPuzzleIdentifiers - source.model.shape.numPuzzleIdentifiers} new puzzle vectors; run folder: ${options.out}`,
          ),
        onSolved: (when, solved) =>
          status.note(`${when} training: ${solved.filter(Boolean).length} of ${tasks.length} solved`),
      },
    });
    status.finish(
      `trained ${training.step} steps in ${duration(training.trainSeconds)}, ${flop(training.flops)}`,
    );
    if (options.json) printJson(results);
    else for (const line of describe(results, options.out)) printLine(line);
  } finally {
    interrupt.release();
  }
}

/** More would hardly be drawn in a few minutes. */
function usualAugmentations({ data }: WhorlConfig): number {
  return data.task === "arc" ? Math.min(data.augmentations, 32) : 0;
}

function readTasks(files: readonly string[]): ArcTask[] {
  if (files.length === 0)
    throw new ToolError("which tasks?", {
      code: "usage/tasks",
      hint: "name one or several JSON files of ARC tasks",
      exitCode: 2,
    });
  const tasks = files.flatMap(readArcTasks);
  const repeated = tasks.find(({ id }, i) => tasks.findIndex((other) => other.id === id) < i);
  if (!repeated) return tasks;
  throw new ToolError(`task ${repeated.id} is given twice`, {
    code: "adapt/repeated-task",
    where: files.join(", "),
    hint: "name each task once; a file's task is called like the file",
    exitCode: 2,
  });
}

function describe(results: readonly AdaptedTask[], dir: string): string[] {
  const say = (solved: boolean | null) => (solved === null ? "no known output" : solved ? "solved" : "–");
  const columns = [{ title: "task" }, { title: "before" }, { title: "after" }];
  const rows = results.map(({ task, solvedBefore, solvedAfter }) => [
    task,
    say(solvedBefore),
    say(solvedAfter),
  ]);
  const count = (when: "solvedBefore" | "solvedAfter") => results.filter((result) => result[when]).length;
  logInfo(`${duration(results[0]?.seconds ?? 0)} a task`);
  return [
    ...formatTable(columns, rows),
    "",
    `${count("solvedBefore")} of ${results.length} solved before, ${count("solvedAfter")} after; attempts in ${dir}/submission.json`,
  ];
}

function parseMinutes(text: string): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value)) return value;
  throw new ToolError(`--minutes takes a number above 0, not '${text}'`, {
    code: "usage/minutes",
    exitCode: 2,
  });
}
