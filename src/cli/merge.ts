// `whorl merge`: the shards of one evaluation become its result, the same that `whorl eval` would have printed.

import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { printJson, printLine } from "../base/log.ts";
import { mergeShards } from "../eval/merge.ts";
import { reportOf } from "../eval/report.ts";
import type { ShardWork } from "../eval/shard-file.ts";
import { openTestSet } from "../eval/test-set.ts";
import { openModel } from "../runs/open-model.ts";
import type { TestSet } from "../tasks/dataset.ts";
import { saveSubmission } from "./eval.ts";
import { describeReport } from "./render/eval-report.ts";

interface MergeOptions {
  json?: boolean;
  submission?: string;
  model?: string;
}

export function registerMerge(program: Command): void {
  program
    .command("merge")
    .description("put the shards of an evaluation together and print its result")
    .argument("<files...>", "what `whorl eval --shard i/n --out FILE` wrote, all n of them")
    .option("--json", "print the result as one line of JSON")
    .option("--submission <file>", "ARC: write the two attempts for each test input")
    .option("--model <run>", "take the description of the test data from this run instead of the shards")
    .addHelpText("after", "\nExample:\n  whorl merge shards/*.npz --submission submission.json")
    .action(runMerge);
}

async function runMerge(files: readonly string[], options: MergeOptions): Promise<void> {
  const { work, rows, seconds, backend } = await mergeShards(files);
  const testSet = await findTestSet(work, options.model);
  const { checkpoint, trainedSteps, format } = work;
  const about = { checkpoint, trainedSteps, backend, format };
  const { report, submission } = reportOf(rows, testSet, about, seconds);
  if (options.submission !== undefined) await saveSubmission(options.submission, submission);
  if (options.json) printJson(report);
  else for (const line of describeReport(report)) printLine(line);
}

/** The examples that the shards are of, proven by their hash: a file may have changed since. */
async function findTestSet(
  { source, manifest, examples }: ShardWork,
  model: string | undefined,
): Promise<TestSet> {
  const data = model === undefined ? source.data : (await openModel(model)).config.data;
  const testSet = await openTestSet({ ...source, data });
  const found = testSet.manifest.sha256;
  if (found === manifest.sha256 && testSet.examples.count === examples) return testSet;
  throw new ToolError("the test data are not those that the shards were evaluated on", {
    code: "shard/other-data",
    where: `${testSet.manifest.from}: ${testSet.examples.count} examples, SHA-256 ${found.slice(0, 16)}…; shards: ${examples}, ${manifest.sha256.slice(0, 16)}…`,
    hint: "run merge in the folder where eval ran, with the same files, or name the run with --model",
  });
}
