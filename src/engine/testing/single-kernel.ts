// Runs one native kernel on whole arrays, without graph or planner: each operand is a bound buffer of its own.
// For tests of kernels; models run through plans.

import type { NativeAddon, NativeArray, NativePlan } from "../executors/native/addon.ts";

export interface KernelCall {
  kernel: string;
  isa: string;
  /** In the kernel's order; null for a missing optional operand. */
  operands: (NativeArray | null)[];
  sizes: number[];
  params?: number[];
}

/** The plan of a program with this one instruction. */
export function planKernel(addon: NativeAddon, call: KernelCall): NativePlan {
  const { kernel, operands, sizes, params = [] } = call;
  const addresses = operands.flatMap((operand, index) => (operand === null ? [-1, 0] : [index + 1, 0]));
  const head = [addon.kernels().indexOf(kernel), operands.length, sizes.length, params.length];
  const program = [...head, ...addresses, ...sizes.flatMap((size) => [size, 0]), ...params];
  return addon.createPlan(Float64Array.from(program), 0, operands.length + 2, call.isa, 0, 0);
}

/** Runs the kernel once; results appear in the operand arrays. */
export async function runKernel(addon: NativeAddon, call: KernelCall): Promise<void> {
  const bindings = call.operands.map((operand) => ({
    buffer: operand ?? new Float32Array(0),
    rowStride: 0,
    laneStride: 0,
  }));
  await addon.runPlan(planKernel(addon, call), bindings, 1, 1, 1, 1, 1);
}
