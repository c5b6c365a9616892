// A trained model from wherever it was saved, ONNX files of ours among them.

import { type OpenedModel, openModel } from "../runs/open-model.ts";
import { openOnnx } from "./open-onnx.ts";

/** Like `openModel`, which knows nothing of ONNX. */
export async function openAnyModel(path: string): Promise<OpenedModel> {
  return path.toLowerCase().endsWith(".onnx") ? openOnnx(path) : openModel(path);
}
