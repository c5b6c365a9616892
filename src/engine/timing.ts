// Where the time of a run went, instruction by instruction, and what an instruction had to do. An executor that was
// asked to be timed reports it; who makes sense of it is src/bench.

import type { Value } from "./graph.ts";
import { ELEMENT_BYTES } from "./memory.ts";
import type { Instruction, Plan } from "./plan.ts";
import { elementCount, hasRows, resolveShape, resolveSize } from "./shape.ts";

export interface RunTiming {
  readonly plan: Plan;
  readonly rows: number;
  readonly tokens: number;
  /** Threads that took part. */
  readonly threads: number;
  /** Of each instruction, summed over threads. */
  readonly seconds: Float64Array;
  /** From the call of the run to its end. */
  readonly wallSeconds: number;
}

/** The work of one instruction in a whole run. */
export interface InstructionWork {
  /** Micro-batches. */
  readonly calls: number;
  /** By the convention of flops.ts. */
  readonly flops: number;
  /** Operands read and results written, once a call, wherever they lie. */
  readonly bytes: number;
}

export function workOf(instruction: Instruction, { plan, rows, tokens }: RunTiming): InstructionWork {
  const sizes = { rows, tokens };
  const calls = Math.ceil(rows / plan.microBatch);
  const { node } = instruction;
  if (!node) {
    const [, elements] = instruction.sizes; // a copy: everything is read and written
    return { calls, flops: 0, bytes: 2 * ELEMENT_BYTES * resolveSize(elements, sizes) };
  }
  const flops = node.op.flops?.(node, node.attributes);
  const bytesOf = ({ shape }: Value) =>
    ELEMENT_BYTES * elementCount(resolveShape(shape, sizes)) * (hasRows(shape) ? 1 : calls);
  const bytes = [...node.inputs, ...node.outputs].reduce((sum, value) => sum + bytesOf(value), 0);
  return { calls, flops: flops ? resolveSize(flops, sizes) : 0, bytes };
}
