// The contract of an executor: it compiles a graph once and runs it many times on buffers the caller owns.

import type { Graph } from "../graph.ts";

export type Buffer = Float32Array | Float64Array | Int32Array;

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
}

export interface Program {
  readonly microBatch: number;
  /** Bytes of working memory a thread needs. */
  readonly arenaBytes: number;
  /**
   * Runs on the first `rows` rows of the bound buffers. The buffers must not change until the promise settles.
   * `lane` inputs are added to: the caller clears them.
   */
  run(bindings: Bindings, sizes: { readonly rows: number; readonly tokens?: number }): Promise<void>;
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
  compile(graph: Graph, options?: CompileOptions): Program;
  /** FLOP/s of a loop of multiply-adds in registers, on this executor's instruction set and threads. */
  measurePeak?(seconds: number): Promise<number>;
  /** Bytes held outside the JavaScript heap. */
  liveBytes(): number;
}
