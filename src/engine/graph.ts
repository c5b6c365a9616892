// What a model builds: values in single-assignment form, made by a closed set of ops. A graph describes the work
// for any number of rows; it knows nothing of memory, threads or number formats (plan.ts and the executors do).

import { invariant, ToolError } from "../base/errors.ts";
import type { Attributes, Op } from "./op.ts";
import { formatShape, type Shape, sameShape } from "./shape.ts";

/**
 * `float` is stored in the number format that the graph is compiled for (number-format.ts), `float32` always in
 * float32: weights, their gradient sums, statistics and losses. `int` is a 32-bit integer.
 */
export type DType = "float" | "float32" | "int";

export interface ValueType {
  readonly shape: Shape;
  readonly dtype: DType;
}

/**
 * Where the memory of an input comes from:
 * `row` - bound by the caller, one entry a row (the first dimension is `rows`);
 * `whole` - bound by the caller, the same for all rows (weights, tables);
 * `lane` - bound by the caller, one copy for each lane of micro-batches: what rows are summed into (gradients).
 */
export type Storage = "row" | "whole" | "lane";

export interface Value extends ValueType {
  readonly id: number;
  readonly name: string;
  /** The node that computes this value; inputs have none. */
  readonly producer?: Node;
  /** Set on inputs only. */
  readonly storage?: Storage;
}

export interface Node {
  readonly op: Op;
  readonly inputs: readonly Value[];
  readonly attributes: Attributes;
  readonly outputs: readonly Value[];
  /** Path of the part of the model that made it, for messages and profiles. */
  readonly scope: string;
}

export class Graph {
  readonly inputs: Value[] = [];
  readonly nodes: Node[] = [];
  /** Values the caller receives, by name. */
  readonly outputs = new Map<string, Value>();
  /** Inputs that are overwritten in place, with the value they take: carries, gradient sums, parameters. */
  readonly updates = new Map<Value, Value>();
  #nextId = 0;
  #scope: string[] = [];

  /** `dtype` is `float` for inputs with rows unless told otherwise, `float32` for weights and sums. */
  input(name: string, shape: Shape, options: { storage: Storage; dtype?: DType }): Value {
    if (this.inputs.some((other) => other.name === name))
      throw new ToolError(`the graph already has an input '${name}'`, { code: "engine/duplicate-input" });
    const value: Value = {
      id: this.#nextId++,
      name,
      shape,
      dtype: options.dtype ?? (options.storage === "row" ? "float" : "float32"),
      storage: options.storage,
    };
    this.inputs.push(value);
    return value;
  }

  /** Adds a node; the op's shape rule decides the types of the results. */
  apply<A extends Attributes>(op: Op<A>, inputs: readonly Value[], attributes: A): readonly Value[] {
    const scope = this.#scope.join(".");
    const types = inferTypes(op as unknown as Op, inputs, attributes, scope);
    const outputs: Value[] = [];
    const node: Node = { op: op as unknown as Op, inputs, attributes, outputs, scope };
    for (const { shape, dtype } of types) {
      const id = this.#nextId++;
      outputs.push({ id, name: `${scope ? `${scope}/` : ""}${op.name}#${id}`, producer: node, shape, dtype });
    }
    this.nodes.push(node);
    return outputs;
  }

  output(name: string, value: Value): void {
    invariant(!this.outputs.has(name), `output '${name}' declared twice`);
    this.outputs.set(name, value);
  }

  /** After the run, `state` (an input) holds `value`. */
  update(state: Value, value: Value): void {
    invariant(state.storage !== undefined, `only inputs are updated, '${state.name}' is none`);
    invariant(sameShape(state.shape, value.shape), `update of '${state.name}' changes its shape`);
    invariant(state.dtype === value.dtype, `update of '${state.name}' changes its number type`);
    this.updates.set(state, value);
  }

  /** Runs `build` with `name` added to the scope of the nodes it makes. */
  scoped<T>(name: string, build: () => T): T {
    this.#scope.push(name);
    const result = build();
    this.#scope.pop();
    return result;
  }
}

/** The result types by the op's rules; a refusal names the op, the shapes and the part of the model. */
export function inferTypes(
  op: Op,
  inputs: readonly ValueType[],
  attributes: Attributes,
  scope: string,
): readonly ValueType[] {
  const where = `${inputs.map((input) => formatShape(input.shape)).join(" × ")}${scope ? ` in ${scope}` : ""}`;
  op.operands?.forEach((rule, i) => {
    const { dtype } = inputs[i];
    const wanted = rule === "same" ? inputs[0].dtype : rule;
    if (wanted !== "any" && dtype !== wanted)
      throw new ToolError(
        `number types do not fit in \`${op.name}\`: operand ${i} is ${dtype}, ${wanted} is wanted`,
        { code: "engine/dtype", where },
      );
  });
  const types = op.types(inputs, attributes);
  if (typeof types !== "string") return types;
  throw new ToolError(`shapes do not fit in \`${op.name}\`: ${types}`, { code: "engine/shape", where });
}
