// `whorl export --to web`: a folder with the model, ONNX Runtime's WebAssembly, the compiled scripts and a page. Any
// static server can serve it; nothing in it asks for anything outside.

import { existsSync, readdirSync } from "node:fs";
import { ToolError } from "../base/errors.ts";
import { type FileContent, fileError, writeDirectoryAtomic } from "../base/files.ts";
import type { WhorlConfig } from "../config/schema.ts";
import { countParameters } from "../nn/parameters.ts";
import { readAbout, vocabularyOf } from "../onnx/about.ts";
import { exportOnnx } from "../onnx/export.ts";
import { openAnyModel } from "../onnx/open-any.ts";
import { encodeModel, type OnnxModel } from "../onnx/proto.ts";
import type { WeightFormat } from "../onnx/weight-writer.ts";
import type { OpenedModel } from "../runs/open-model.ts";
import { choosePuzzles } from "./choose-puzzles.ts";
import type { ModelCard } from "./model-card.ts";
import { pageFiles, runtimeFiles } from "./page-files.ts";
import type { PuzzleKind } from "./puzzle-form.ts";

export interface WebExportOptions {
  /** How matrices are stored; default float16. */
  readonly weights?: WeightFormat;
  /** With the flavour of ONNX Runtime that computes on the graphics card, 17 MB more. Default true. */
  readonly webgpu?: boolean;
}

export interface WebExportReport {
  readonly format: "web";
  readonly out: string;
  /** Of the whole folder. */
  readonly sizeBytes: number;
  readonly modelBytes: number;
  readonly parameters: number;
  /** Rows of the puzzle table. */
  readonly identifiers: number;
  readonly files: number;
}

const CARD = "model.json";
const MODEL = "model.onnx";
/** Static hosts take no larger files. */
const LARGEST_MODEL = 25 * 2 ** 20;

/**
 * @param path run folder, checkpoint folder or weights file
 * @param out folder; one that an earlier export wrote is replaced
 */
export async function exportWeb(
  path: string,
  out: string,
  { weights = "float16", webgpu = true }: WebExportOptions = {},
): Promise<WebExportReport> {
  checkTarget(out);
  const opened = await openAnyModel(path);
  const puzzle = puzzleKindOf(opened.config, path);
  const { model, tasks, examples } = choosePuzzles(opened);
  const runtime = await runtimeFiles({ webgpu });
  const file = exportOnnx(model.model, model.weights, {
    ...{ form: "step", batch: 1, weights, config: opened.config },
  });
  const bytes = encodeModel(file);
  const parameters = countParameters(model.model.parameters);
  const card: ModelCard = {
    ...cardOf(model, file, puzzle),
    ...{
      parameters,
      tasks,
      examples,
      sizeBytes: bytes.length,
      runtime: { version: runtime.version, webgpu },
    },
  };
  const files = new Map<string, FileContent>([
    [CARD, `${JSON.stringify(card, null, 2)}\n`],
    [MODEL, bytes],
    ...(await pageFiles()),
    ...runtime.files,
  ]);
  await writeDirectoryAtomic(out, files);
  return {
    ...{ format: "web", out, parameters, identifiers: card.identifiers },
    ...{ sizeBytes: sizeOfAll(files), modelBytes: bytes.length, files: files.size },
  };
}

/** Whether the model is too large a file for some hosts of static pages. */
export function isLargeForHosts({ modelBytes }: WebExportReport): boolean {
  return modelBytes > LARGEST_MODEL;
}

function cardOf(
  { model, config }: OpenedModel,
  file: OnnxModel,
  puzzle: PuzzleKind,
): Omit<ModelCard, "parameters" | "tasks" | "examples" | "sizeBytes" | "runtime"> {
  const about = readAbout(file, MODEL);
  const { inputs, outputs } = file.graph;
  const carries = inputs.filter(({ name }) => outputs.some((output) => output.name === `${name}_next`));
  return {
    ...{ whorl: "solver-page", version: 1, puzzle, architecture: about.model, file: MODEL },
    title: `${puzzle.kind} ${puzzle.size}×${puzzle.size}`,
    ...{ weights: about.weights, steps: about.steps, halts: about.halts },
    carries: carries.map(({ name, dims }) => ({ name, dims: dims.map(Number) })),
    float16Nodes: float16NodesOf(file),
    identifiers: about.puzzle === "none" ? 0 : model.shape.numPuzzleIdentifiers,
    vocabulary: vocabularyOf(config.data) ?? [],
  };
}

function float16NodesOf({ graph: { initializers, nodes } }: OnnxModel): string[] {
  const half = new Set(initializers.filter(({ type }) => type === "float16").map(({ name }) => name));
  const lookUps = nodes.filter(({ op, inputs }) => op === "Gather" && half.has(inputs[0]));
  const found = new Set(lookUps.map(({ outputs }) => outputs[0]));
  const widened = nodes.filter(({ op, inputs }) => op === "Cast" && found.has(inputs[0]));
  return [...lookUps, ...widened].map(({ name }) => name);
}

function puzzleKindOf({ data }: WhorlConfig, path: string): PuzzleKind {
  if (data.task === "arc") return { kind: "arc", size: data.side };
  if (data.task === "sudoku") return { kind: "sudoku", size: data.size };
  if (data.task === "maze") return { kind: "maze", size: data.size };
  throw new ToolError("the solver page draws sudoku, maze and arc, not a task of one's own", {
    code: "web/no-editor",
    where: path,
    hint: "embed the model in a page of yours instead: see examples/embed-browser, or export --to onnx",
  });
}

/** Only an empty folder, or one that an export wrote, may be replaced. */
function checkTarget(out: string): void {
  if (!existsSync(out)) return;
  const names = namesIn(out);
  if (names.length === 0 || (names.includes(CARD) && names.includes("runtime") && names.includes(MODEL)))
    return;
  throw new ToolError(`${out} is a folder with other files in it`, {
    code: "web/not-ours",
    where: names.slice(0, 3).join(", "),
    hint: "name a new folder with --out, or one that an earlier export wrote: it would be replaced",
    exitCode: 2,
  });
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    throw fileError(error, `looking into ${folder}`);
  }
}

function sizeOfAll(files: ReadonlyMap<string, FileContent>): number {
  let sum = 0;
  for (const content of files.values())
    sum +=
      typeof content === "string"
        ? Buffer.byteLength(content)
        : content instanceof Uint8Array
          ? content.length
          : 0;
  return sum;
}
