// `whorl data build`: a data set from the files of its source, in the layout that the reference's loader reads. ARC, as
// the reference's builder makes it, bit for bit. Training with Whorl needs no such folder: it draws the same rows
// from the tasks themselves.

import type { Command } from "commander";
import { ToolError } from "../../base/errors.ts";
import { logInfo } from "../../base/log.ts";
import { nearestName } from "../../base/nearest.ts";
import { buildArc } from "../../tasks/arc/build.ts";
import { arcDataSchema } from "../../tasks/arc/config.ts";
import { readArcSubset } from "../../tasks/arc/read.ts";
import { referenceContent } from "../../tasks/arc/reference-content.ts";
import { checkTargetFolder } from "./target.ts";
import { parseWhole } from "./words.ts";
import { writeDataFolder } from "./write-folder.ts";

interface BuildOptions {
  from: string;
  subsets: string;
  testSet: string;
  seed: string;
  augmentations: string;
  out: string;
  force?: boolean;
  json?: boolean;
}

const MAX_AUGMENTATIONS = 10_000;
const MAX_SEED = 0xffffffff;
const NO_TEST_SET = "none";

const HELP = `
Equal settings give the folder that the reference's dataset/build_arc_dataset.py writes, so that published puzzle tables
fit: 1,000 augmentations of ARC-AGI-1 take 7 GB. Figures in --json are those of the training part, "parts" has both.

Examples:
  whorl data build arc --out arc1concept-aug-1000
  whorl data build arc --from arc --subsets training2,evaluation2,concept --test-set evaluation2 --augmentations 100 --out arc2-aug-100`;

export function registerBuild(data: Command): void {
  const { from, subsets, testSet, seed, augmentations } = arcDataSchema.parse({ task: "arc" });
  data
    .command("build")
    .description("build a data set in the reference's layout")
    .argument("<task>", "arc")
    .option(
      "--from <dir>",
      "folder or prefix of arc-agi_SUBSET_challenges.json, also by its name in the data folder",
      from,
    )
    .option("--subsets <a,b,c>", "subsets, in this order", subsets.join(","))
    .option(
      "--test-set <name>",
      `the one of them whose test pairs are held out; ${NO_TEST_SET}: no test part`,
      testSet ?? NO_TEST_SET,
    )
    .option("--seed <n>", "start of the random numbers", String(seed))
    .option("--augmentations <n>", "symmetric copies of each task", String(augmentations))
    .requiredOption("--out <dir>", "folder to write")
    .option("--force", "replace the folder if there is one")
    .option("--json", "print one JSON value")
    .addHelpText("after", HELP)
    .action(runBuild);
}

async function runBuild(task: string, options: BuildOptions): Promise<void> {
  if (task !== "arc") throw noBuilder(task);
  const startMs = performance.now();
  const names = parseSubsets(options.subsets);
  const settings = {
    testSet: parseTestSet(options.testSet, names),
    seed: parseWhole("--seed", options.seed, MAX_SEED),
    augmentations: parseWhole("--augmentations", options.augmentations, MAX_AUGMENTATIONS),
  };
  checkTargetFolder(options.out, options.force === true);
  const subsets = names.map((name) => ({ name, tasks: readArcSubset(options.from, name) }));
  const build = buildArc({ subsets, ...settings });
  for (const note of build.notes) logInfo(`ARC: ${note}`);
  if (build.tasks.some(({ test }) => test.some(({ output }) => output === undefined)))
    logInfo(
      "ARC: where an output is not known the folder has [[0]], as the reference's own, and its code takes that for the answer",
    );
  await writeDataFolder(options.out, referenceContent(build), { startMs, json: options.json === true });
}

function parseSubsets(text: string): string[] {
  const names = text.split(",").map((name) => name.trim());
  const repeated = names.find((name, i) => names.indexOf(name) < i);
  if (!names.includes("") && repeated === undefined) return names;
  throw new ToolError(
    repeated ? `--subsets has ${repeated} twice` : `--subsets takes names with commas between, not '${text}'`,
    { code: "usage/subsets", hint: "for instance --subsets training,evaluation,concept", exitCode: 2 },
  );
}

function parseTestSet(name: string, subsets: readonly string[]): string | null {
  if (name === NO_TEST_SET) return null;
  if (subsets.includes(name)) return name;
  throw new ToolError(`--test-set ${name} is not among the subsets ${subsets.join(", ")}`, {
    code: "usage/test-set",
    hint: `add it to --subsets; did you mean ${nearestName(name, [...subsets, NO_TEST_SET])}?`,
    exitCode: 2,
  });
}

function noBuilder(task: string): ToolError {
  const known = task === "sudoku" || task === "maze";
  return new ToolError(`there is no builder for '${task}'`, {
    code: "usage/task",
    hint: known
      ? `\`whorl data generate ${task}\` makes puzzles, \`whorl data export\` writes them in the reference's layout`
      : "known is: arc",
    exitCode: 2,
  });
}
