// Opens a data set in the layout that the reference's builders write (spec/trm.md section 10): identifiers.json, for
// ARC test_puzzles.json, and per part (train, test) dataset.json with five .npy arrays (reference-part.ts). The writer
// is reference-writer.ts.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { ToolError } from "../base/errors.ts";
import { type NpyFile, openNpy } from "../formats/npy.ts";
import { brokenFolder, parseReferenceJson, readReferenceText, referenceLayout } from "./reference-checks.ts";
import type { ReferenceMetadata } from "./reference-metadata.ts";
import { openReferencePart, type ReferencePart } from "./reference-part.ts";

export type { ReferenceMetadata } from "./reference-metadata.ts";
export type { ReferencePart } from "./reference-part.ts";
export {
  groupedSource,
  type ReferenceContent,
  type ReferencePartSource,
  writeReferenceFolder,
} from "./reference-writer.ts";

export interface ReferenceFolder {
  readonly dir: string;
  /** Names of the puzzles by identifier. */
  readonly identifiers: readonly string[];
  /** What test_puzzles.json holds, undefined without one; some megabytes, read when asked for. */
  readonly testPuzzles: unknown;
  /** Its text, for those who need the order of the tasks, which JSON.parse does not keep. */
  readonly testPuzzlesText: string | undefined;
  readonly train: ReferencePart | undefined;
  readonly test: ReferencePart | undefined;
  close(): void;
}

/** Opens and checks everything but the tokens. */
export function openReferenceFolder(dir: string): ReferenceFolder {
  const splits = ["train", "test"].filter((split) => existsSync(join(dir, split)));
  if (splits.length === 0) {
    const what = existsSync(dir) ? "has neither train nor test" : "does not exist";
    throw new ToolError(`the data folder ${dir} ${what}`, {
      code: "reference/no-data",
      hint: referenceLayout,
    });
  }
  const identifiers = readIdentifiers(join(dir, "identifiers.json"));
  const files: NpyFile[] = [];
  const close = () => {
    for (const file of files) file.close();
  };
  try {
    const open = (path: string) => {
      const file = openNpy(path);
      files.push(file);
      return file;
    };
    const [train, test] = ["train", "test"].map((split) =>
      splits.includes(split) ? openReferencePart(dir, split, identifiers.length, open) : undefined,
    );
    if (train && test) checkAlike(dir, train.metadata, test.metadata);
    const puzzlesPath = join(dir, "test_puzzles.json");
    const readPuzzles = () => (existsSync(puzzlesPath) ? readReferenceText(puzzlesPath) : undefined);
    return {
      ...{ dir, identifiers, train, test, close },
      get testPuzzles() {
        const text = readPuzzles();
        return text === undefined ? undefined : parseReferenceJson(text, puzzlesPath);
      },
      get testPuzzlesText() {
        return readPuzzles();
      },
    };
  } catch (error) {
    close();
    throw error;
  }
}

function readIdentifiers(path: string): string[] {
  const names = parseReferenceJson(readReferenceText(path), path);
  const isListOfNames = Array.isArray(names) && names.every((name) => typeof name === "string");
  if (!isListOfNames || names.length === 0) throw brokenFolder(path, "it is not a list of names");
  return names;
}

/** Train and test are for one model. */
function checkAlike(dir: string, train: ReferenceMetadata, test: ReferenceMetadata): void {
  const sizes = ({ seqLen, vocabSize }: ReferenceMetadata) => `${seqLen} cells and ${vocabSize} tokens`;
  if (sizes(train) !== sizes(test))
    throw brokenFolder(dir, `train has ${sizes(train)}, test ${sizes(test)}: they are not one data set`);
}
