// The settings that are measured: the published models of TRM and small or narrow ones that stress other kernels.
// Sizes are the puzzles' own; the puzzles themselves are random tokens, for their content does not change the work.

import { ToolError } from "../base/errors.ts";
import { nearestName } from "../base/nearest.ts";
import { loadConfig } from "../config/load.ts";
import type { ModelConfig, PuzzleShape } from "../models/index.ts";
import { trmConfigSchema } from "../models/trm/config.ts";
import { puzzleShapeOf } from "../tasks/index.ts";

export interface BenchSetting {
  readonly model: ModelConfig;
  readonly shape: PuzzleShape;
  readonly emaRate: number | undefined;
}

export interface BenchCase {
  readonly name: string;
  readonly summary: string;
  /** Rows measured together; latency always takes one. */
  readonly batch: number;
  /** Not listed: for tests. */
  readonly hidden?: true;
  load(): Promise<BenchSetting>;
}

/** Measured when no case is named. */
export const DEFAULT_CASES: readonly string[] = ["sudoku-mlp", "sudoku-6x6"];

export function benchCases(): readonly BenchCase[] {
  return [
    {
      name: "sudoku-mlp",
      summary: "Sudoku-Extreme, token mixing: width 512, 97 positions, 3 × 6 cycles",
      batch: 64,
      load: () => preset("sudoku-extreme-mlp"),
    },
    {
      name: "sudoku-attention",
      summary: "Sudoku-Extreme, attention with rope: width 512, 97 positions, 3 × 6 cycles",
      batch: 64,
      load: () => preset("sudoku-extreme-attention"),
    },
    {
      name: "maze",
      summary: "Maze-Hard 30×30, attention: width 512, 916 positions, 3 × 4 cycles",
      batch: 8,
      load: () => setting({ lCycles: 4 }, { seqLen: 900, vocabSize: 6, numPuzzleIdentifiers: 1 }),
    },
    {
      name: "arc",
      summary: "ARC-AGI 30×30, attention: width 512, 916 positions, 3 × 4 cycles, 1000 puzzle vectors",
      batch: 8,
      load: () => setting({ lCycles: 4 }, { seqLen: 900, vocabSize: 12, numPuzzleIdentifiers: 1000 }),
    },
    {
      name: "narrow-81",
      summary: "width 128, 4 heads, 81 positions, 3 × 6 cycles",
      batch: 64,
      load: () => narrow(81),
    },
    {
      name: "narrow-729",
      summary: "width 128, 4 heads, 729 positions, 3 × 6 cycles",
      batch: 16,
      load: () => narrow(729),
    },
    {
      name: "sudoku-6x6",
      summary: "what `npm start` trains: width 32, one layer, 36 positions, 2 × 2 cycles",
      batch: 64,
      load: () => preset("sudoku-6x6"),
    },
    {
      name: "tiny",
      summary: "milliseconds, for tests",
      batch: 8,
      hidden: true,
      load: () => tiny(),
    },
  ];
}

/** The cases of the names, in their order; `all` is every listed one, no name the default. */
export function findCases(names: readonly string[]): BenchCase[] {
  const cases = benchCases();
  const listed = cases.filter(({ hidden }) => !hidden);
  if (names.includes("all")) return listed;
  return (names.length > 0 ? names : DEFAULT_CASES).map((name) => {
    const found = cases.find((other) => other.name === name);
    if (found) return found;
    const known = listed.map((other) => other.name);
    throw new ToolError(`unknown case ${name}`, {
      code: "bench/unknown-case",
      hint: `the nearest is ${nearestName(name, known)}; there are ${known.join(", ")}, and all`,
      exitCode: 2,
    });
  });
}

async function preset(name: string): Promise<BenchSetting> {
  const { config } = await loadConfig(name);
  const { ema, emaRate } = config.train;
  return { model: config.model, shape: await puzzleShapeOf(config.data), emaRate: ema ? emaRate : undefined };
}

/** The reference's defaults but for what is given. */
async function setting(
  model: Partial<ModelConfig>,
  shape: PuzzleShape,
  emaRate = 0.999,
): Promise<BenchSetting> {
  return { model: trmConfigSchema.parse(model), shape, emaRate };
}

function narrow(seqLen: number): Promise<BenchSetting> {
  const noPrefix = { puzzleEmbNdim: 0, puzzleEmbLen: 0 };
  const shape = { seqLen, vocabSize: 11, numPuzzleIdentifiers: 1 };
  return setting({ hiddenSize: 128, numHeads: 4, ...noPrefix }, shape);
}

function tiny(): Promise<BenchSetting> {
  const sizes = { hiddenSize: 8, numHeads: 2, expansion: 1, puzzleEmbLen: 2, layers: 1 };
  const cycles = { hCycles: 2, lCycles: 1, haltMaxSteps: 3 };
  return setting(
    { ...sizes, ...cycles, forwardDtype: "float32" },
    { seqLen: 5, vocabSize: 6, numPuzzleIdentifiers: 4 },
  );
}
