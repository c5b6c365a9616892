// The weights of a run, a checkpoint or a file as one file again, a few MB at a time: safetensors or PyTorch's .pt under
// the names that the official code saves. A puzzle table that a checkpoint keeps in segments is put together on the way.

import { existsSync, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { invariant, ToolError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";
import { bfloat16FromFloat32, float32FromBfloat16 } from "../formats/half.ts";
import {
  encodeHeader,
  inFileOrder,
  isFloat,
  openSafetensors,
  type SafetensorsDtype,
  type SafetensorsFile,
  type TensorType,
} from "../formats/safetensors.ts";
import { encodeTorchFile, type TensorToWrite } from "../formats/torch-file-writer.ts";
import { TABLE_KEY } from "../models/weights.ts";
import { type Checkpoint, readCheckpoint } from "./checkpoints.ts";
import { openWeightsFile } from "./import-weights.ts";
import { newestCheckpoint, WEIGHTS_FILE } from "./open-model.ts";
import { openRun } from "./run.ts";
import { readTableIndex } from "./table-segments.ts";
import { streamTable } from "./table-stream.ts";

/** 4 MB: what is in memory of a tensor while it is written. */
const numbersAtOnce = 2 ** 20;

/** What torch.compile puts before every name; the official checkpoints have it. */
const COMPILED = "_orig_mod.";

/** Open weights under the reference's names, of whatever `openModel` takes. */
export async function openWeights(path: string): Promise<SafetensorsFile> {
  if (!existsSync(path))
    throw new ToolError(`there is no ${path}`, {
      code: "run/not-found",
      hint: "give a run folder, a checkpoint folder, a .safetensors or a .pt file",
      exitCode: 2,
    });
  if (!statSync(path).isDirectory()) return openWeightsFile(path);
  const isRun = existsSync(join(path, "run.json"));
  return openCheckpointWeights(
    isRun ? await newestCheckpoint(await openRun(path)) : await readCheckpoint(path),
  );
}

async function openCheckpointWeights(checkpoint: Checkpoint): Promise<SafetensorsFile> {
  const index = await readTableIndex(checkpoint);
  const file = await openSafetensors(join(checkpoint.dir, WEIGHTS_FILE));
  if (!index) return file;
  const { rows, size } = index;
  const table: TensorType = { dtype: "F32", shape: [rows, size] };
  return {
    ...file,
    entries: new Map([...file.entries, [TABLE_KEY, table]]),
    read(name) {
      invariant(name !== TABLE_KEY, "a puzzle table in segments is read in pieces");
      return file.read(name);
    },
    floats(name, most) {
      if (name !== TABLE_KEY) return file.floats(name, most);
      return streamTable(checkpoint.dir, index, Math.max(1, Math.floor(most / size)));
    },
  };
}

/** Returns the size of the file in bytes; it is there as a whole or not at all. */
export async function writeWeightsAsSafetensors(path: string, weights: SafetensorsFile): Promise<number> {
  const tensors = [...weights.entries].map(([name, entry]) => ({
    name,
    shape: entry.shape,
    dtype: kept(entry),
  }));
  async function* content(): AsyncGenerator<Uint8Array> {
    // Loaders of other libraries ask for this note of where the tensors come from.
    yield encodeHeader(new Map(tensors.map(({ name, ...type }) => [name, type])), { format: "pt" });
    for (const { name, dtype } of inFileOrder(tensors)) yield* bytesOf(weights, name, dtype);
  }
  await writeFileAtomic(path, content());
  return (await stat(path)).size;
}

/** As the official code saves it: `_orig_mod.` before every name, H_init and L_init in bfloat16 where that keeps them. */
export async function writeWeightsAsTorch(path: string, weights: SafetensorsFile): Promise<number> {
  const tensors = new Map<string, TensorToWrite>();
  for (const [name, entry] of weights.entries) {
    const isStart = /\.[HL]_init$/.test(name);
    const dtype = isStart && (await isBfloat16(weights, name)) ? "BF16" : kept(entry);
    tensors.set(COMPILED + name, { dtype, shape: entry.shape, pieces: () => bytesOf(weights, name, dtype) });
  }
  await writeFileAtomic(path, encodeTorchFile(tensors));
  return (await stat(path)).size;
}

/** float16 and float64 become float32, the formats of the engine; all others stay. */
function kept({ dtype }: TensorType): SafetensorsDtype {
  return dtype === "F16" || dtype === "F64" ? "F32" : dtype;
}

/** The numbers of a tensor as bytes in the format `dtype`. */
async function* bytesOf(
  weights: SafetensorsFile,
  name: string,
  dtype: SafetensorsDtype,
): AsyncGenerator<Uint8Array> {
  const stored = weights.entries.get(name)?.dtype;
  if (stored === undefined || !isFloat(stored)) {
    const { data } = await weights.read(name);
    const numbers = data instanceof Float64Array ? Float32Array.from(data) : data;
    yield new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    return;
  }
  for await (const piece of weights.floats(name, numbersAtOnce)) {
    const numbers = dtype === "BF16" ? bfloat16FromFloat32(piece) : piece;
    yield new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
  }
}

async function isBfloat16(weights: SafetensorsFile, name: string): Promise<boolean> {
  const { data } = await weights.read(name);
  if (!(data instanceof Float32Array)) return false;
  const rounded = float32FromBfloat16(bfloat16FromFloat32(data));
  return data.every((value, i) => Object.is(value, rounded[i]));
}
