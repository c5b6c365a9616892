// Weights and tables as initializers of an ONNX graph, in the order that its ops read them in: matrices of `linear` are
// turned, for MatMul wants [in, out]. Matrices may be stored in half precision; vectors and rotary tables never are.

import { invariant } from "../base/errors.ts";
import type { Value } from "../engine/graph.ts";
import { elementCount } from "../engine/shape.ts";
import { float16FromFloat32 } from "./float16.ts";
import type { GraphWriter } from "./graph-writer.ts";
import { onnxTypeCode } from "./proto.ts";

export type WeightFormat = "float32" | "float16";

export interface WeightNumbers {
  readonly shape: readonly number[];
  readonly data: Float32Array;
  /** Stays float32 in any case. */
  readonly exact?: boolean;
}

export interface WeightWriter {
  /** As it is. */
  plain(weight: Value): string;
  /** [in, out] of a matrix stored [out, in]. */
  turned(weight: Value): string;
  /** Under another shape. */
  shaped(weight: Value, dims: readonly number[]): string;
  /** Rows of a table [V, D], by int32 ids. */
  lookUp(writer: GraphWriter, tableName: string, ids: string, name: string): string;
}

/** @param numbers the weights by their names in the graph */
export function makeWeightWriter(
  writer: GraphWriter,
  numbers: ReadonlyMap<string, WeightNumbers>,
  format: WeightFormat,
): WeightWriter {
  const written = new Map<string, string>();
  const find = (name: string): WeightNumbers => {
    const found = numbers.get(name);
    invariant(
      found && found.data.length === elementCount(found.shape),
      `no weight of its shape for '${name}'`,
    );
    return found;
  };
  const isHalf = ({ shape, exact }: WeightNumbers) => format === "float16" && !exact && isMatrix(shape);
  /** The initializer itself, whose type may be float16. */
  const store = (name: string, weight: WeightNumbers): string => {
    const type = isHalf(weight) ? "float16" : "float32";
    const stored = type === "float16" ? float16FromFloat32(weight.data, name) : weight.data;
    const bytes = new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
    return writer.initializer({ name, type, dims: weight.shape, bytes });
  };
  const once = (name: string, make: () => WeightNumbers): string => {
    const known = written.get(name);
    if (known) return known;
    const weight = make();
    const stored = store(name, weight);
    const readable = isHalf(weight) ? widen(writer.root, stored, `${name}/float32`) : stored;
    written.set(name, readable);
    return readable;
  };
  return {
    plain: ({ name }) => once(name, () => find(name)),
    turned: ({ name }) => once(`${name}.turned`, () => turn(find(name))),
    shaped: ({ name }, dims) => once(name, () => ({ ...find(name), shape: dims })),
    lookUp(into, tableName, ids, name) {
      const table = find(tableName);
      const stored = store(tableName, table);
      if (!isHalf(table))
        return into.node("Gather", [stored, ids], { name, attributes: { axis: { int: 0 } } });
      // Widened after the look-up: the table may be much larger than what is read of it.
      const half = { name: `${name}/float16`, attributes: { axis: { int: 0 } } };
      return widen(into, into.node("Gather", [stored, ids], half), name);
    },
  };
}

/** Whether a weight of this shape is stored short where that is asked for. */
export function isMatrix(shape: readonly number[]): boolean {
  return shape.filter((size) => size > 1).length > 1;
}

function widen(writer: GraphWriter, value: string, name: string): string {
  return writer.node("Cast", [value], { name, attributes: { to: { int: onnxTypeCode("float32") } } });
}

/** The transposed matrix. */
export function turn({ shape: [rows, columns], data }: WeightNumbers): WeightNumbers {
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      turned[column * rows + row] = data[row * columns + column];
  return { shape: [columns, rows], data: turned };
}
