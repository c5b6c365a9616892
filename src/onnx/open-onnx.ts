// An ONNX file of ours as a trained model for the engine: the configuration from its metadata, the weights from its
// initializers, turned back. Where weights were stored in half precision, they come back rounded.

import { ToolError } from "../base/errors.ts";
import { readBytes } from "../base/files.ts";
import { parseConfig } from "../config/load.ts";
import { float32FromFloat16 } from "../formats/half.ts";
import { makeModel, type RecursiveModel } from "../models/index.ts";
import { type ModelWeights, makeBlankWeights } from "../models/weights.ts";
import { viewsOf } from "../nn/parameters.ts";
import type { OpenedModel } from "../runs/open-model.ts";
import { puzzleShapeOf } from "../tasks/index.ts";
import { type OnnxAbout, readAbout, readConfigText } from "./about.ts";
import { TABLE } from "./parts.ts";
import { decodeModel, type OnnxTensor } from "./proto.ts";
import { turn } from "./weight-writer.ts";

export async function openOnnx(path: string): Promise<OpenedModel> {
  return modelFromOnnx(await readBytes(path), path);
}

/** @param path stands in errors */
export async function modelFromOnnx(bytes: Uint8Array, path: string): Promise<OpenedModel> {
  const file = decodeModel(bytes, path);
  const about = readAbout(file, path);
  const text = readConfigText(file);
  if (text === undefined)
    throw new ToolError("this ONNX file does not carry the configuration of its model", {
      code: "onnx/no-config",
      where: path,
      hint: "export it again with its configuration, as `whorl export --to onnx` does",
    });
  const { config } = parseConfig(text, `configuration in ${path}`);
  const tensors = new Map(file.graph.initializers.map((tensor) => [tensor.name, tensor]));
  const numPuzzleIdentifiers = tensors.get(TABLE)?.dims[0] ?? 1;
  const model = makeModel(config.model, { ...(await puzzleShapeOf(config.data)), numPuzzleIdentifiers });
  const weights = readWeights(model, tensors, about, path);
  return { config, model, weights, path, step: undefined };
}

/** Everything is found to fit before memory for all of it is taken. */
function readWeights(
  model: RecursiveModel,
  tensors: ReadonlyMap<string, OnnxTensor>,
  about: OnnxAbout,
  path: string,
): ModelWeights {
  if (about.puzzle === "vectors")
    throw new ToolError("this ONNX file takes puzzle vectors as an input: their table is not in it", {
      code: "onnx/no-table",
      where: path,
      hint: "name the run that it was exported from",
    });
  const specs = [...model.parameters, ...model.buffers];
  const table = [model.shape.numPuzzleIdentifiers, model.puzzleVectorSize];
  for (const { name, shape } of specs) findTensor(name, shape, tensors, path);
  if (model.puzzleVectorSize > 0) findTensor(TABLE, table, tensors, path);
  const weights = makeBlankWeights(model);
  const views = new Map([...viewsOf(weights.layout, weights.weights), ...weights.buffers]);
  for (const { name, shape } of specs) views.get(name)?.set(readNumbers(name, shape, tensors, path));
  if (model.puzzleVectorSize > 0) weights.table.set(readNumbers(TABLE, table, tensors, path));
  return weights;
}

/** The initializer of a weight, as it is or turned. */
function findTensor(
  name: string,
  shape: readonly number[],
  tensors: ReadonlyMap<string, OnnxTensor>,
  path: string,
): { tensor: OnnxTensor; isTurned: boolean } {
  const turned = tensors.get(`${name}.turned`);
  const tensor = turned ?? tensors.get(name);
  const wanted = turned ? shape.toReversed() : shape;
  const isFloat = tensor?.type === "float16" || tensor?.type === "float32";
  if (tensor && isFloat && tensor.dims.join() === wanted.join())
    return { tensor, isTurned: turned !== undefined };
  throw new ToolError(`the ONNX file has no '${name}' of shape [${shape.join(", ")}]`, {
    code: "onnx/weights-misfit",
    where: path,
    hint: "its metadata and its weights belong to different models: export it again",
  });
}

function readNumbers(
  name: string,
  shape: readonly number[],
  tensors: ReadonlyMap<string, OnnxTensor>,
  path: string,
): Float32Array {
  const { tensor, isTurned } = findTensor(name, shape, tensors, path);
  const { buffer } = Uint8Array.from(tensor.bytes); // aligned
  const isHalf = tensor.type === "float16";
  const data = isHalf ? float32FromFloat16(new Uint16Array(buffer)) : new Float32Array(buffer);
  return isTurned ? turn({ shape: tensor.dims, data }).data : data;
}
