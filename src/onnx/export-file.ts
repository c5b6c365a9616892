// A trained model, from wherever it was saved, to an .onnx file: what `whorl export --to onnx` does.

import { writeFileAtomic } from "../base/files.ts";
import { countParameters } from "../nn/parameters.ts";
import { openModel } from "../runs/open-model.ts";
import { exportOnnx, type OnnxExportOptions } from "./export.ts";
import { encodeModel } from "./proto.ts";

export interface OnnxExportReport {
  readonly format: "onnx";
  readonly out: string;
  readonly sizeBytes: number;
  readonly parameters: number;
  /** Rows of the puzzle table. */
  readonly identifiers: number;
  readonly form: "step" | "solve";
  /** Supervision steps of a solve; 1 for the step form. */
  readonly steps: number;
  readonly nodes: number;
}

/** @param path run folder, checkpoint folder or weights file */
export async function exportOnnxFile(
  path: string,
  out: string,
  options: Omit<OnnxExportOptions, "config">,
): Promise<OnnxExportReport> {
  const { model, weights, config } = await openModel(path);
  const file = exportOnnx(model, weights, { ...options, config });
  const bytes = encodeModel(file);
  await writeFileAtomic(out, bytes);
  const [logits] = file.graph.outputs;
  return {
    format: "onnx",
    out,
    sizeBytes: bytes.length,
    parameters: countParameters([...model.parameters, ...model.buffers]),
    identifiers: model.puzzleVectorSize > 0 ? model.shape.numPuzzleIdentifiers : 0,
    form: options.form,
    steps: options.form === "solve" ? Number(logits.dims[0]) : 1,
    nodes: file.graph.nodes.length,
  };
}
