// `whorl import`: weights of the official TRM and HRM code, or of anyone else's under their names, as a safetensors file
// that every command takes once a config.yaml lies beside it.

import type { Command } from "commander";
import { logWarning, printJson, printLine } from "../base/log.ts";
import { writeWeightsAsSafetensors } from "../runs/export-weights.ts";
import { openWeightsFile } from "../runs/import-weights.ts";
import { describeWeights, type WeightsDescription } from "../runs/weights-description.ts";
import { integer, mebibytes } from "./render/numbers.ts";

export interface ImportReport extends WeightsDescription {
  readonly out: string;
  readonly sizeBytes: number;
}

export function registerImport(program: Command): void {
  program
    .command("import")
    .description("turn a PyTorch checkpoint into a safetensors file under the reference's names")
    .argument("<file>", ".pt, .pth or .safetensors file with a state dict of TRM or HRM")
    .requiredOption("--out <file>", "safetensors file to write")
    .option("--json", "print the result as one line of JSON")
    .addHelpText("after", "\nExample:\n  whorl import step_518071.pt --out arc/weights.safetensors")
    .action(runImport);
}

async function runImport(path: string, options: { out: string; json?: boolean }): Promise<void> {
  const file = await openWeightsFile(path);
  try {
    const description = describeWeights(file.entries);
    if (description.architecture === "unknown")
      logWarning(`${path} has none of the names of TRM or HRM; it is converted as it is`);
    const sizeBytes = await writeWeightsAsSafetensors(options.out, file);
    const report: ImportReport = { ...description, out: options.out, sizeBytes };
    if (options.json) printJson(report);
    else for (const line of describeImport(report)) printLine(line);
  } finally {
    await file.close();
  }
}

function describeImport(report: ImportReport): string[] {
  const { hiddenSize, layers, vocabSize, tokens, identifiers, puzzleEmbNdim } = report;
  const line = (name: string, value: string) => `${name.padEnd(16)}${value}`;
  const known = (value: number | null) => (value === null ? "not told by the weights" : integer(value));
  return [
    line("architecture", architectureName(report)),
    line("hidden size", known(hiddenSize)),
    line("layers", known(layers)),
    line("vocabulary", known(vocabSize)),
    line("positions", known(tokens)),
    line("puzzle table", identifiers === 0 ? "none" : `${integer(identifiers)} × ${integer(puzzleEmbNdim)}`),
    line("parameters", integer(report.parameters)),
    line("written", `${report.out} (${mebibytes(report.sizeBytes)}, ${report.tensors} tensors)`),
    `Not in the weights: ${report.notInWeights.map((key) => `model.${key}`).join(", ")}. Put the config.yaml they were ` +
      "trained with (all_config.yaml of the reference) beside the file: with other cycles nothing fails, but the answers get worse.",
  ];
}

function architectureName({ architecture, mixing, posEncodings }: ImportReport): string {
  if (architecture === "unknown") return "unknown";
  const parts = [mixing ?? "unknown mixing", ...(posEncodings ? [`${posEncodings} positions`] : [])];
  return `${architecture.toUpperCase()} (${parts.join(", ")})`;
}
