// The contract of an op: one object in one file of ops/ says everything there is to know about it. The native
// kernel carries the op's name; its sizes and parameters are listed here so that a plan needs nothing else.

import type { DType, Graph, Node, Value, ValueType } from "./graph.ts";
import type { NumberFormat } from "./number-format.ts";
import type { Size, SymbolSizes } from "./shape.ts";

export type Attributes = Readonly<Record<string, number | string | boolean | readonly (number | string)[]>>;

/** A value with its numbers, as the reference evaluation sees it: dense, row-major. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly data: Float64Array | Float32Array | Int32Array;
}

/** How an input's gradient arises: as a value of its own, or added into a running sum over rows. */
export type InputGradient = Value | ((sum: Value) => Value) | undefined;

export interface GradientContext {
  readonly graph: Graph;
  readonly node: Node;
  /** Gradient of each output; undefined where nothing depends on it. */
  readonly gradients: readonly (Value | undefined)[];
  /** Whether the gradient of input i is wanted at all. */
  needs(i: number): boolean;
}

/** What the native kernel of a node gets besides its operands (inputs, then outputs, then the workspace). */
export interface KernelArguments {
  readonly sizes: readonly Size[];
  readonly params?: readonly number[];
  /** Bytes of scratch memory in the arena, if the kernel wants any. */
  readonly workspaceBytes?: (sizes: SymbolSizes) => number;
  /** At least so many bytes for a result that the kernel writes in an order of its own. */
  readonly outputBytes?: (output: number, sizes: SymbolSizes) => number;
}

/** An operand that the bfloat16 kernel reads in the order of matrix tiles: packed ahead, once a run. */
export interface PackedOperand {
  readonly operand: number;
  /** Which factor of the product the weight is. */
  readonly side: "left" | "right";
  readonly transposed: boolean;
  /** Gate and up halves interleaved. */
  readonly gated: boolean;
}

export interface Op<A extends Attributes = Attributes> {
  readonly name: string;
  /** Number types of the operands: fixed, `any`, or `same` as the first. Without: any. */
  readonly operands?: readonly (DType | "any" | "same")[];
  /** The types of the results, or a sentence that says why the inputs do not fit. */
  types(inputs: readonly ValueType[], attributes: A): readonly ValueType[] | string;
  /**
   * Reference evaluation: obvious, not fast. `outputs` are zero, or a copy of the input they are in place of.
   * Views under another shape have none: their result is their input.
   */
  evaluate?(inputs: readonly Tensor[], outputs: readonly Tensor[], attributes: A): void;
  /** One entry an input. An op without a rule stops the gradient. */
  gradient?(context: GradientContext, attributes: A): readonly InputGradient[];
  /** Arguments of the native kernel `name`; views have none. */
  kernel?(node: Node, attributes: A): KernelArguments;
  /** Multiply-adds of matrix products, times two; ops without count nothing (the convention of the README). */
  flops?(node: Node, attributes: A): Size;
  /** The result is input 0, seen differently; no work is done. With `float32`: in that number format only. */
  readonly view?: true | "float32";
  /** Output i, unless undefined, replaces input `inPlace[i]`, which nothing may read afterwards. */
  readonly inPlace?: readonly (number | undefined)[];
  /** In-place outputs are sums over rows: the only legal way from values with rows to values without. */
  readonly accumulates?: true;
  /** Inputs whose memory the (single) output may take over when this node is their last reader. */
  readonly mayOverwrite?: readonly number[];
  /** Results that the kernel does not write when nothing reads them. */
  readonly optionalOutputs?: readonly number[];
  /** Inputs that the kernel writes over as it goes: nothing may read them afterwards. */
  readonly spoils?: readonly number[];
  readonly packs?: readonly PackedOperand[];
}

export function isView(op: Op, format: NumberFormat): boolean {
  return op.view === true || op.view === format;
}

/** Types an op object; the identity otherwise. */
export function defineOp<A extends Attributes>(op: Op<A>): Op<A> {
  return op;
}
