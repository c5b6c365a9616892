// Records of comparisons that nobody ran, for tests of what is told of them.

import { wilsonInterval } from "../../eval/wilson.ts";
import type { Comparison } from "../definition.ts";
import type { UnitRecord } from "../unit-record.ts";

const SHA = "0123456789abcdef".repeat(4);

export function madeUpComparison(names: readonly string[], seeds: readonly number[]): Comparison {
  return {
    title: "Made-up models",
    budget: { flops: 3e12 },
    seeds: [...seeds],
    overrides: [],
    evaluation: { limit: null, steps: null },
    entries: names.map((name) => ({ name, preset: "sudoku-6x6", overrides: [] })),
  };
}

/** A record whose accuracy is `exactAccuracy` of 300 puzzles, growing over four steps. */
export function madeUpRecord(
  name: string,
  seed: number,
  exactAccuracy: number,
  changes: Partial<UnitRecord> = {},
): UnitRecord {
  const puzzles = 300;
  return {
    format: 2,
    name,
    preset: "sudoku-6x6",
    overrides: [],
    seed,
    finishedAt: "2026-01-01T00:00:00.000Z",
    config: { model: {}, data: {}, train: {} },
    evaluation: { limit: null, steps: null },
    data: {
      manifestSha256: SHA,
      task: "sudoku",
      trainPuzzles: 20000,
      trainSha256: SHA,
      testFrom: "generated: 10 clues, seed 0",
      testSha256: SHA,
      heldOutInTraining: 0,
    },
    parameters: 77954,
    puzzleTable: 0,
    effectiveDepth: 6,
    hiddenSize: 64,
    training: {
      steps: 500,
      rows: 32000,
      flops: 2.7e12,
      seconds: 60,
      lastLoss: 1,
      lossBefore: 1.2,
      lastExactAccuracy: 0.8,
      haltingSteps: 3,
    },
    puzzles,
    exactAccuracy,
    cellAccuracy: 0.5 + exactAccuracy / 2,
    interval95: wilsonInterval(Math.round(exactAccuracy * puzzles), puzzles),
    bySteps: [0.4, 0.8, 0.95, 1].map((share, i) => ({
      step: i + 1,
      exactAccuracy: share * exactAccuracy,
      cellAccuracy: 0.5 + (share * exactAccuracy) / 2,
    })),
    supervisionSteps: 4,
    evalSeconds: 2,
    halting: { meanSteps: 2.5, exactAccuracy: 0.98 * exactAccuracy },
    versions: { whorl: "0.0.0", node: "22.0.0" },
    machine: { platform: "linux-x64", cpuModel: "Made-up CPU", cores: 2 },
    engine: { backend: "native", isa: "avx2", threads: 1, format: "float32" },
    ...changes,
  };
}
