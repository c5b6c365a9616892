// `whorl vote`: what the reference's evaluator makes of saved predictions (evaluators/arc.py), for a data set in the
// reference's folder layout. Without a model: anyone's predictions can be judged.

import { join } from "node:path";
import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { readTextFile } from "../base/files.ts";
import { logInfo, logWarning, printJson, printLine } from "../base/log.ts";
import { readBallots } from "../eval/predictions.ts";
import { submissionSha256, writeSubmission } from "../eval/submission.ts";
import { readArcTasks } from "../tasks/arc/read.ts";
import { type Ballot, type VoteResult, vote } from "../tasks/arc/vote.ts";
import { describePassAt } from "./render/eval-report.ts";

interface VoteOptions {
  dataset: string;
  predictions: string[];
  submission?: string;
  json?: boolean;
}

export function registerVote(program: Command): void {
  program
    .command("vote")
    .description("score saved ARC predictions by voting over augmented views")
    .requiredOption(
      "--dataset <folder>",
      "data set in the reference's layout: identifiers.json, test_puzzles.json",
    )
    .requiredOption(
      "--predictions <files...>",
      ".npz with puzzle_identifiers, inputs, preds, q_halt_logits; of several the rows follow each other",
    )
    .option("--submission <file>", "write the two attempts for each test input")
    .option("--json", "print the result as one line of JSON")
    .addHelpText("after", "\nExample:\n  whorl vote --dataset data/arc1-aug-1000 --predictions shards/*.npz")
    .action(runVote);
}

async function runVote(options: VoteOptions): Promise<void> {
  const names = await readIdentifiers(join(options.dataset, "identifiers.json"));
  const tasks = readArcTasks(join(options.dataset, "test_puzzles.json"));
  const ballots: Ballot[] = [];
  for (const path of options.predictions)
    for await (const ballot of readBallots(path, names)) ballots.push(ballot);
  const result = vote(ballots, tasks);
  warn(result, ballots.length);
  if (options.submission !== undefined) {
    await writeSubmission(options.submission, result.submission);
    logInfo(`wrote ${options.submission}`);
  }
  const sha256 = submissionSha256(result.submission);
  if (options.json) {
    printJson({ passAt: result.passAt, submissionSha256: sha256 });
    return;
  }
  printLine(`pass@K          ${describePassAt(result.passAt)}   (${result.scoredTasks} tasks)`);
  printLine(`submission      SHA-256 ${sha256}`);
}

async function readIdentifiers(path: string): Promise<readonly string[]> {
  const names = parseJson(await readTextFile(path), path);
  if (Array.isArray(names) && names.every((name) => typeof name === "string")) return names;
  throw new ToolError(`${path} is not a list of names`, {
    code: "arc/bad-identifiers",
    hint: "identifiers.json comes with the data set; its first name is <blank>",
  });
}

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    const hint = "copy or build the data set again";
    throw new ToolError(`${path} is not valid JSON`, { code: "json/syntax", hint, cause });
  }
}

/** What the reference passes over in silence. */
function warn({ unanswered, strayBallots }: VoteResult, ballots: number): void {
  const named = unanswered.slice(0, 5).map(({ task, test }) => `${task} (${test + 1})`);
  const more = unanswered.length > named.length ? ` and ${unanswered.length - named.length} more` : "";
  if (unanswered.length > 0)
    logWarning(`test inputs without a prediction, which count as unsolved: ${named.join(", ")}${more}`);
  if (strayBallots > 0)
    logWarning(`${strayBallots} of ${ballots} predictions belong to no test input of this data set`);
}
