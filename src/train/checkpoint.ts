// What a checkpoint of a training holds, and back: `weights.safetensors` (what is evaluated: the averaged weights if
// an average is kept, as the reference saves them), `training.safetensors` (everything else in arrays), `state.json`,
// and, when the puzzle table is large, its segments instead of a place in the weights file. A run that continues from one makes the same numbers as a run that never stopped.

import { z } from "zod";
import { ToolError } from "../base/errors.ts";
import { bfloat16FromFloat32 } from "../formats/half.ts";
import type { StoredTensor } from "../formats/safetensors.ts";
import type { RecursiveModel } from "../models/model.ts";
import { loadStateDict, type ModelWeights, TABLE_KEY, toStateDict } from "../models/weights.ts";
import type { Checkpoint, CheckpointPart, Json } from "../runs/checkpoints.ts";
import { WEIGHTS_FILE } from "../runs/open-model.ts";
import { readTable, readTableIndex, TABLE_FILE, type TableIndex } from "../runs/table-segments.ts";
import type { TrainingState } from "./state.ts";

const TRAINING_FILE = "training.safetensors";
const STATE_FILE = "state.json";

/** Puzzle tables larger than this are saved in segments. */
const LARGE_TABLE_BYTES = 64 * 2 ** 20;

/** Where a training stands, besides its arrays. */
export interface Progress {
  readonly step: number;
  /** Position in the training data; the sampler checks it. */
  readonly stream: unknown;
  readonly trainSeconds: number;
  /** Exact accuracy of the quick check after this step, if there was one: it may have ended the training. */
  readonly checked: number | null;
}

const progressSchema = z.object({
  step: z.int().min(0),
  stream: z.unknown(),
  trainSeconds: z.number().min(0),
  checked: z.number().nullable(),
});

/** The weights to evaluate: averaged ones where there are any, with the current buffers and puzzle table. */
export function evaluatedWeights(state: TrainingState): ModelWeights {
  return { ...state, weights: state.average ?? state.weights };
}

export function checkpointParts(
  model: RecursiveModel,
  state: TrainingState,
  progress: Progress,
  { largeTableBytes = LARGE_TABLE_BYTES } = {},
): Record<string, CheckpointPart> {
  const weights = toStateDict(model, evaluatedWeights(state));
  const isLarge = state.table.byteLength > largeTableBytes;
  if (isLarge) weights.delete(TABLE_KEY);
  return {
    [WEIGHTS_FILE]: weights,
    [TRAINING_FILE]: trainingTensors(model, state),
    [STATE_FILE]: progress as unknown as Json, // the stream's state is plain JSON by its contract
    ...(isLarge ? { [TABLE_FILE]: state.trackedTable } : {}),
  };
}

/** Fills a fresh state with a checkpoint's numbers. */
export async function restoreState(
  model: RecursiveModel,
  state: TrainingState,
  checkpoint: Checkpoint,
): Promise<Progress> {
  const table = await readTableIndex(checkpoint);
  if (table) checkTable(state, table, checkpoint.dir);
  const stored = await checkpoint.readTensors(TRAINING_FILE);
  for (const [name, tensor] of trainingTensors(model, state)) {
    const { dtype, shape, data } = tensor;
    const found = stored.get(name);
    if (!found || found.dtype !== dtype || found.shape.join() !== shape.join())
      throw misfit(name, found ? formatType(found) : "missing", formatType(tensor), checkpoint.dir);
    const numbers = found.data as Float32Array; // or what else tensors of this dtype are held as
    data.set(dtype === "BF16" ? bfloat16FromFloat32(numbers) : numbers);
  }
  const weights = await checkpoint.readTensors(WEIGHTS_FILE);
  // Buffers and puzzle table come from the weights file; its averaged weights go into the average.
  const raw = state.weights.slice();
  loadStateDict(model, state, weights, checkpoint.dir, { withoutTable: table !== undefined });
  state.average?.set(state.weights);
  state.weights.set(raw);
  if (table) {
    await readTable(checkpoint.dir, table, state.table);
    state.trackedTable.noteSaved(checkpoint.dir, table.segments);
  }
  const progress = progressSchema.parse(await checkpoint.readJson(STATE_FILE));
  state.step = progress.step;
  return progress;
}

function checkTable({ trackedTable: { rows, size } }: TrainingState, stored: TableIndex, dir: string): void {
  if (stored.rows !== rows || stored.size !== size)
    throw misfit("puzzle table", `[${stored.rows}, ${stored.size}]`, `[${rows}, ${size}]`, dir);
}

function misfit(what: string, found: string, needed: string, dir: string): ToolError {
  return new ToolError(`the checkpoint's ${what} is ${found}, ${needed} is needed`, {
    code: "checkpoint/misfit",
    where: dir,
    hint: "resume with the settings of the run",
  });
}

function formatType({ dtype, shape }: StoredTensor): string {
  return `${dtype} [${shape.join(", ")}]`;
}

type StateTensor = StoredTensor & { readonly data: Float32Array | Int32Array | Uint16Array };

/** Views of everything that the weights file does not hold. Without an average the raw weights are there already. */
function trainingTensors(model: RecursiveModel, state: TrainingState) {
  const { slots } = state;
  const rows = slots.steps.length;
  const { seqLen } = model.shape;
  const flat = (data: Float32Array): StateTensor => ({ dtype: "F32", shape: [data.length], data });
  const ints = (shape: number[], data: Int32Array): StateTensor => ({ dtype: "I32", shape, data });
  return new Map<string, StateTensor>([
    ["weights", flat(state.weights)],
    ["first_moment", flat(state.firstMoment)],
    ["second_moment", flat(state.secondMoment)],
    ["slots.inputs", ints([rows, seqLen], slots.inputs)],
    ["slots.labels", ints([rows, seqLen], slots.labels)],
    ["slots.puzzle_identifiers", ints([rows], slots.identifiers)],
    ["slots.steps", ints([rows], slots.steps)],
    ["slots.halted", ints([rows], slots.halted)],
    ...[...slots.carry].map(([name, data]): [string, StateTensor] => [
      `carry.${name}`,
      {
        dtype: data instanceof Uint16Array ? "BF16" : "F32",
        shape: [rows, model.carry.get(name) ?? 0, model.hiddenSize],
        data,
      },
    ]),
  ]);
}
