// Writes a data set in the reference's layout for a command: with progress, and described by what stands on the disk
// afterwards.

import { logInfo, printJson, printLine } from "../../base/log.ts";
import {
  type ReferenceContent,
  type ReferencePartSource,
  writeReferenceFolder,
} from "../../tasks/reference-folder.ts";
import { duration, integer } from "../render/numbers.ts";
import { describeFolder, summarizeWritten } from "./folder-summary.ts";
import { makeProgress } from "./progress.ts";

const ROWS_PER_UPDATE = 1024;

/** Writes and reports. `startMs` is when the command began. */
export async function writeDataFolder(
  dir: string,
  content: ReferenceContent,
  { startMs, json }: { startMs: number; json: boolean },
): Promise<void> {
  await writeWithProgress(dir, content);
  const summary = await summarizeWritten(dir);
  const seconds = (performance.now() - startMs) / 1000;
  if (json) return printJson({ path: dir, ...summary, seconds });
  for (const line of describeFolder("written", dir, summary)) printLine(line);
  logInfo(`took ${duration(seconds)}`);
}

async function writeWithProgress(dir: string, content: ReferenceContent): Promise<void> {
  const { train, test } = content.parts;
  // Every row is made twice, once for its inputs and once for its labels.
  const rows = 2 * ((train?.examples ?? 0) + (test?.examples ?? 0));
  const status = makeProgress();
  let made = 0;
  const counted = (part: ReferencePartSource): ReferencePartSource => ({
    ...part,
    writeTokens(row, inputs, labels) {
      part.writeTokens(row, inputs, labels);
      if (++made % ROWS_PER_UPDATE === 0)
        status.update(() => `writing ${dir}: ${integer(made)} of ${integer(rows)} rows`);
    },
  });
  const parts = { ...(train && { train: counted(train) }), ...(test && { test: counted(test) }) };
  try {
    await writeReferenceFolder(dir, { ...content, parts });
  } finally {
    status.finish();
  }
}
