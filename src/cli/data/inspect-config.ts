// The data set of a configuration, as `whorl data inspect` describes it: built or read as training would, with the
// manifest that its results carry.

import { listPresets, loadConfig } from "../../config/load.ts";
import type { DataManifest, PartManifest } from "../../tasks/dataset.ts";
import { loadDataset } from "../../tasks/index.ts";
import { familyOf } from "../../tasks/reference-metadata.ts";
import { layOutBlocks } from "../render/arc-task.ts";
import { integer } from "../render/numbers.ts";
import { formatFields, formatTable } from "../render/table.ts";
import { drawTokens } from "../render/tokens.ts";
import type { Inspection, InspectOptions } from "./inspection.ts";

/** `found` is the path that the name leads to, if any: a file of one's own comes before a preset of the same name. */
export function isConfiguration(name: string, found: string | undefined): boolean {
  if (/\.ya?ml$/.test(name)) return true;
  return found === undefined && listPresets().includes(name);
}

export async function inspectConfiguration(name: string, options: InspectOptions): Promise<Inspection> {
  const { config, path } = await loadConfig(name);
  const { seed, globalBatchSize, evalInterval } = config.train;
  const dataset = await loadDataset(config.data, { seed, globalBatchSize, evalInterval });
  const { shape, groups, meanPuzzleExamples, manifest } = dataset;
  const { train, validation, test, heldOutInTraining } = manifest;
  const known = config.data.task === "module" ? undefined : familyOf(shape);
  const rows = dataset.test.slice(0, known ? options.show : 0);
  const drawn = Array.from({ length: rows.count }, (_, i) => {
    const [from, to] = [i * shape.seqLen, (i + 1) * shape.seqLen];
    const [inputs, labels] = [rows.inputs.slice(from, to), rows.labels.slice(from, to)];
    const title = `test example ${i + 1}`;
    return known
      ? [
          "",
          ...layOutBlocks(
            drawTokens({ ...known, inputs, labels, title, where: path }, options.colors),
            options.width,
          ),
        ]
      : [];
  });
  return {
    summary: {
      task: config.data.task,
      examples: Math.round(groups * meanPuzzleExamples),
      puzzles: groups,
      groups,
      identifiers: shape.numPuzzleIdentifiers,
      sha256: { train: train.sha256, validation: validation.sha256, test: test.sha256 },
      manifest,
    },
    lines: [
      ...formatFields([
        ["configuration", path],
        ["task", manifest.task],
        ["identifiers", integer(shape.numPuzzleIdentifiers)],
        ["tokens", `${integer(shape.seqLen)} cells, vocabulary ${shape.vocabSize}`],
        ["examples", `${meanPuzzleExamples.toFixed(2)} a training puzzle`],
        ["held out", `${integer(heldOutInTraining)} of the held-out puzzles are also in the training part`],
      ]),
      "",
      ...manifestTable(manifest),
      ...drawn.flat(),
    ],
  };
}

function manifestTable({ train, validation, test }: DataManifest): string[] {
  const row = (name: string, { puzzles, from, sha256 }: PartManifest) => [
    name,
    integer(puzzles),
    sha256,
    from,
  ];
  return formatTable(
    [{ title: "part" }, { title: "puzzles", align: "right" }, { title: "sha256" }, { title: "from" }],
    [row("train", train), row("validation", validation), row("test", test)],
  );
}
