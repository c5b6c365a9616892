// The contract of an executor: it compiles a graph once and runs it many times on buffers the caller owns.

import { ToolError } from "../../base/errors.ts";
import type { Graph } from "../graph.ts";
import type { NumberFormat } from "../number-format.ts";

/** Uint16Array: bits of bfloat16, for `float` values of programs in that format. */
export type Buffer = Float32Array | Float64Array | Int32Array | Uint16Array;

/** A buffer of a `lane` input: lane l's copy starts l · laneStride elements after the start. */
export interface LaneBuffer {
  readonly data: Buffer;
  readonly laneStride: number;
}

/** Memory of every input, output and updated state of a program, by name. */
export type Bindings = Readonly<Record<string, Buffer | LaneBuffer>>;

export interface CompileOptions {
  /** Most rows of a micro-batch; chosen from the memory limit and the expected rows when absent. */
  readonly microBatch?: number;
  /** How many rows most runs will have. */
  readonly expectedRows?: number;
  /** How `float` values are stored; one of the executor's. Default: float32. */
  readonly format?: NumberFormat;
}

export interface RunSizes {
  readonly rows: number;
  readonly tokens?: number;
  /** A promise that `whole` inputs are bound and hold what they did in the last run of this program. */
  readonly sameWeights?: boolean;
}

export interface Program {
  readonly microBatch: number;
  /** Bytes of working memory a thread needs. */
  readonly arenaBytes: number;
  /**
   * Runs on the first `rows` rows of the bound buffers. The buffers must not change until the promise settles.
   * `lane` inputs are added to: the caller clears them.
   */
  run(bindings: Bindings, sizes: RunSizes): Promise<void>;
  dispose(): void;
}

/** What ran, for the record of a run: the same settings give the same bits. */
export interface ExecutorDescription {
  readonly backend: "reference" | "native" | "wasm";
  readonly isa: string;
  readonly threads: number;
  /** How many copies of a `lane` input there are; sums over rows are made lane by lane, in this order. */
  readonly lanes: number;
}

export interface Executor {
  readonly description: ExecutorDescription;
  /** Number formats it computes in. */
  readonly formats: readonly NumberFormat[];
  compile(graph: Graph, options?: CompileOptions): Program;
  /** FLOP/s of a loop of multiply-adds in registers, on this executor's instruction set and threads. */
  measurePeak?(seconds: number, format: NumberFormat): Promise<number>;
  /** Bytes held outside the JavaScript heap. */
  liveBytes(): number;
}

/** Refuses a number format that an executor lacks. */
export function checkFormat({ description, formats }: Executor, format: NumberFormat): void {
  if (formats.includes(format)) return;
  const { backend, isa } = description;
  throw new ToolError(`${backend} ${isa} does not compute in ${format}`, {
    code: "engine/format",
    hint: `it has ${formats.join(", ")}; \`whorl doctor\` lists what this machine has`,
  });
}
