// `model.json`: what the page and `whorl/web` must know of the model beside it, so that no browser reads protobuf.

import type { HaltRule } from "../eval/halt-rule.ts";
import type { PuzzleKind } from "./puzzle-form.ts";

export interface ModelCard {
  /** Tells our folders from those of others. */
  readonly whorl: "solver-page";
  readonly version: 1;
  /** As people say it, for instance `sudoku 6×6`. */
  readonly title: string;
  readonly puzzle: PuzzleKind;
  readonly architecture: string;
  /** Numbers that were trained, without the puzzle table. */
  readonly parameters: number;
  /** The ONNX file, one supervision step, beside this one. */
  readonly file: string;
  readonly sizeBytes: number;
  readonly weights: "float32" | "float16";
  /** Supervision steps that the model was trained for. */
  readonly steps: number;
  readonly halts: HaltRule;
  /** Inputs that an output `<name>_next` continues, with their sizes, the batch of 1 among them. */
  readonly carries: readonly { readonly name: string; readonly dims: readonly number[] }[];
  /** Nodes that look rows up in a table of float16 and widen them: not every graphics card has such numbers. */
  readonly float16Nodes: readonly string[];
  /** Rows of the puzzle table; 0 when the model has none. */
  readonly identifiers: number;
  /** What each token is as text. */
  readonly vocabulary: readonly string[];
  /** The tasks that the rows of the table stand for, where they are known. */
  readonly tasks: readonly { readonly name: string; readonly identifier: number }[];
  readonly examples: readonly PageExample[];
  /** ONNX Runtime in the folder `runtime/`. */
  readonly runtime: { readonly version: string; readonly webgpu: boolean };
}

export interface PageExample {
  readonly puzzle: string;
  /** Of the task that the puzzle belongs to. */
  readonly identifier?: number;
}
