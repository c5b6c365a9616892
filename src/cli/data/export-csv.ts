// From a folder in the reference's layout to CSV files of Sudoku or mazes: train.csv and test.csv.

import { createHash } from "node:crypto";
import { join } from "node:path";
import { makeFolder, writeFileAtomic } from "../../base/files.ts";
import { logInfo, printJson, printLine } from "../../base/log.ts";
import type { ReferenceFolder, ReferencePart } from "../../tasks/reference-folder.ts";
import { duration, integer } from "../render/numbers.ts";
import { formatFields } from "../render/table.ts";
import type { CsvFamily } from "./families.ts";
import { mainPart } from "./folder-summary.ts";
import { makeProgress } from "./progress.ts";
import { checkTargetFile } from "./target.ts";

export interface CsvExport {
  readonly folder: ReferenceFolder;
  readonly out: string;
  /** Puzzles of a group besides its first that are written too, where there are any. */
  readonly augmentations: number;
  readonly force: boolean;
  readonly json: boolean;
}

interface WrittenFile {
  readonly name: string;
  readonly path: string;
  readonly puzzles: number;
  readonly groups: number;
  readonly sha256: string;
}

export async function exportCsv<Puzzle>(family: CsvFamily<Puzzle>, settings: CsvExport): Promise<void> {
  const startMs = performance.now();
  const { folder, out } = settings;
  const { train, test } = folder;
  const parts = Object.entries({ train, test });
  for (const [split, part] of parts) if (part) checkTargetFile(join(out, `${split}.csv`), settings.force);
  await makeFolder(out);
  const written: WrittenFile[] = [];
  for (const [split, part] of parts) if (part) written.push(await writePart(family, split, part, settings));
  const seconds = (performance.now() - startMs) / 1000;
  const note = `the folder keeps no ratings: those written are ${family.rating.recomputed}`;
  if (!settings.json) {
    const side = Math.sqrt(mainPart(folder).metadata.seqLen);
    printLine(`${family.title(side)} from ${folder.dir}`);
    const describe = ({ path, puzzles, sha256 }: WrittenFile) =>
      [path, `${integer(puzzles)} puzzles, sha256 ${sha256}`] as const;
    for (const line of formatFields(written.map(describe))) printLine(line);
    logInfo(`${note}; took ${duration(seconds)}`);
    return;
  }
  const [{ puzzles, groups }] = written;
  printJson({
    ...{ path: out, task: family.name, examples: puzzles, puzzles, groups, identifiers: 1 },
    sha256: Object.fromEntries(written.map(({ name, sha256 }) => [name, sha256])),
    seconds,
  });
}

async function writePart<Puzzle>(
  family: CsvFamily<Puzzle>,
  split: string,
  part: ReferencePart,
  { folder, out, augmentations }: CsvExport,
): Promise<WrittenFile> {
  const status = makeProgress();
  const puzzles: Puzzle[] = [];
  for (const puzzle of puzzlesOf(family, part, join(folder.dir, split), 1 + augmentations)) {
    puzzles.push(puzzle);
    status.update(() => `${split}: ${integer(puzzles.length)} puzzles read`);
  }
  const name = `${split}.csv`;
  const path = join(out, name);
  const pieces = family.format(puzzles);
  await writeFileAtomic(path, pieces);
  status.finish();
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece);
  return { name, path, puzzles: puzzles.length, groups: part.groups, sha256: hash.digest("hex") };
}

/** The first puzzles of each group, checked; `where` names the part in errors. */
export function* puzzlesOf<Puzzle>(
  family: CsvFamily<Puzzle>,
  part: ReferencePart,
  where: string,
  perGroup = Number.POSITIVE_INFINITY,
): Generator<Puzzle> {
  const { seqLen } = part.metadata;
  const row = { inputs: new Int32Array(seqLen), labels: new Int32Array(seqLen) };
  for (let group = 0; group < part.groups; group++) {
    const puzzles = Math.min(perGroup, part.puzzlesIn(group));
    for (let puzzle = 0; puzzle < puzzles; puzzle++) {
      for (let example = 0; example < part.examplesIn(group, puzzle); example++) {
        part.read({ group, puzzle, example }, row);
        yield family.decode(row.inputs, row.labels, `${where}, group ${group + 1}, puzzle ${puzzle + 1}`);
      }
    }
  }
}
