// Collects the nodes of an ONNX graph: names that are unique over the whole file, constants that are written once, and
// graphs inside (the body of `Loop`), which see the names and constants of the graph around them.

import type { Dim, Shape } from "../engine/shape.ts";
import type { OnnxAttribute, OnnxNode, OnnxTensor, OnnxType, OnnxValue } from "./proto.ts";

/** Name of the symbolic dimension where the number of rows is left open. */
export const BATCH_DIM = "batch";

export interface NodeOptions {
  /** Of the node and of its result. */
  readonly name: string;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface GraphWriter {
  readonly nodes: OnnxNode[];
  readonly values: OnnxValue[];
  /** Shared with the graphs inside. */
  readonly initializers: OnnxTensor[];
  /** The outermost graph: what is computed there is computed once. */
  readonly root: GraphWriter;
  /** Adds a node with one result and returns the result's name. */
  node(op: string, inputs: readonly string[], options: NodeOptions): string;
  /** Adds a node whose results are named after it. */
  manyResults(
    op: string,
    inputs: readonly string[],
    options: NodeOptions,
    results: readonly string[],
  ): string[];
  /** A name that nothing has yet: the same, or `.call2`, `.call3`, … appended. */
  freshName(name: string): string;
  initializer(tensor: OnnxTensor): string;
  /** A float32 number. */
  scalar(value: number): string;
  /** A list of int64. */
  ints(values: readonly number[]): string;
  /** Notes the type of a value, for viewers and checkers. */
  describe(name: string, type: OnnxType, shape: Shape): void;
  dims(shape: Shape): (number | string)[];
  inner(): GraphWriter;
}

interface Shared {
  readonly initializers: OnnxTensor[];
  readonly written: Set<string>;
  readonly calls: Map<string, number>;
  readonly rows: number | undefined;
}

/** @param rows a fixed batch; undefined leaves it open */
export function makeGraphWriter(rows: number | undefined): GraphWriter {
  return makeWriter({ initializers: [], written: new Set(), calls: new Map(), rows }, undefined);
}

function makeWriter(shared: Shared, root: GraphWriter | undefined): GraphWriter {
  const once = (tensor: OnnxTensor): string => {
    if (!shared.written.has(tensor.name)) shared.initializers.push(tensor);
    shared.written.add(tensor.name);
    return tensor.name;
  };
  const dimOf = (dim: Dim): number | string => (dim === "rows" ? (shared.rows ?? BATCH_DIM) : dim);
  const writer: GraphWriter = {
    nodes: [],
    values: [],
    initializers: shared.initializers,
    get root() {
      return root ?? writer;
    },
    node(op, inputs, { name, attributes }) {
      writer.nodes.push({ op, name, inputs, outputs: [name], attributes });
      return name;
    },
    manyResults(op, inputs, { name, attributes }, results) {
      const outputs = results.map((result) => `${name}/${result}`);
      writer.nodes.push({ op, name, inputs, outputs, attributes });
      return outputs;
    },
    freshName(name) {
      const call = (shared.calls.get(name) ?? 0) + 1;
      shared.calls.set(name, call);
      return call === 1 ? name : `${name}.call${call}`;
    },
    initializer: once,
    scalar(value) {
      const bytes = new Uint8Array(Float32Array.of(value).buffer);
      return once({ name: `constant/${value}`, type: "float32", dims: [], bytes });
    },
    ints(values) {
      const bytes = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
      return once({ name: `constant/[${values.join(",")}]`, type: "int64", dims: [values.length], bytes });
    },
    describe(name, type, shape) {
      writer.values.push({ name, type, dims: shape.map(dimOf) });
    },
    dims: (shape) => shape.map(dimOf),
    inner: () => makeWriter(shared, root ?? writer),
  };
  return writer;
}
