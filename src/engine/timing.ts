// Where the time of a run went, instruction by instruction, and what an instruction had to do. An executor that was
// asked to be timed reports it; who makes sense of it is src/bench.

import type { Value } from "./graph.ts";
import { elementBytes } from "./number-format.ts";
import { type Instruction, PACK_KERNEL, type Plan } from "./plan.ts";
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
  if (instruction.kernel === PACK_KERNEL) {
    const [N, K] = instruction.sizes; // a weight is read in float32 and written in bfloat16
    return { calls: 1, flops: 0, bytes: 6 * N.coefficient * K.coefficient };
  }
  if (!node) {
    const [, elements] = instruction.sizes; // a copy: everything is read and written
    const elementSize = instruction.kernel.endsWith(".bf16") ? 2 : 4;
    return { calls, flops: 0, bytes: 2 * elementSize * resolveSize(elements, sizes) };
  }
  const flops = node.op.flops?.(node, node.attributes);
  const bytesOf = (value: Value, elementSize = elementBytes(value.dtype, plan.format)) =>
    elementSize * elementCount(resolveShape(value.shape, sizes)) * (hasRows(value.shape) ? 1 : calls);
  const read = node.inputs.map((input, i) =>
    plan.format === "bfloat16" && node.op.packs?.some(({ operand }) => operand === i)
      ? bytesOf(input, 2)
      : bytesOf(input),
  );
  const isWritten = (i: number) =>
    !node.op.optionalOutputs?.includes(i) || instruction.operands[node.inputs.length + i].slot !== -1;
  const written = node.outputs.map((output, i) => (isWritten(i) ? bytesOf(output) : 0));
  const bytes = [...read, ...written].reduce((sum, each) => sum + each, 0);
  return { calls, flops: flops ? resolveSize(flops, sizes) : 0, bytes };
}
