// Runs encoded plans in TypeScript: the numbers of encodePlan over one arena and the caller's buffers, each instruction
// by the op's reference evaluation. It judges planner and encoding without C++. Sizes and parameters are read here by the
// kernels' contract (native/core/kernel-list.h), not through the ops' own `kernel` rules.

import type { Buffer } from "../executors/executor.ts";
import type { Op, Tensor } from "../op.ts";
import { encodePlan, type Plan } from "../plan.ts";
import { OP_CASES } from "./op-cases.ts";

interface Reading {
  /** Shapes of all operands but the workspace: inputs, then results. In-place results are among the inputs. */
  readonly shapes: readonly (readonly number[])[];
  /** Which operands are integers. */
  readonly integers?: readonly number[];
  readonly attributes?: Readonly<Record<string, number | string | boolean>>;
}

type Reader = (sizes: readonly number[], params: readonly number[]) => Reading;

const MASKS = ["full", "causal"];
const KINDS = ["stablemax", "softmax"];

const product: Reader = ([M, K, N]) => ({
  shapes: [
    [M, K],
    [N, K],
    [M, N],
  ],
});
const mixing: Reader = ([R, K, N, D]) => ({
  shapes: [
    [R, K, D],
    [N, K],
    [R, N, D],
  ],
});
const elementwise = (count: number): Reader => {
  return ([n]) => ({ shapes: Array.from({ length: count }, () => [n]) });
};

const READERS: Readonly<Record<string, Reader>> = {
  linear: product,
  linearGradInput: ([M, K, N]) => ({
    shapes: [
      [M, N],
      [N, K],
      [M, K],
    ],
  }),
  linearGradWeight: ([M, K, N]) => ({
    shapes: [
      [M, N],
      [M, K],
      [N, K],
    ],
  }),
  mixTokens: mixing,
  mixTokensGradInput: ([R, K, N, D]) => ({
    shapes: [
      [R, N, D],
      [N, K],
      [R, K, D],
    ],
  }),
  mixTokensGradWeight: ([R, K, N, D]) => ({
    shapes: [
      [R, N, D],
      [R, K, D],
      [N, K],
    ],
  }),
  addRmsNorm: ([o, n, i], [epsilon]) => ({
    shapes: [
      [o, n, i],
      [o, n, i],
      [o, n, i],
      [o, i],
    ],
    attributes: { axis: -2, epsilon },
  }),
  rmsNormGrad: ([o, n, i]) => ({
    shapes: [
      [o, n, i],
      [o, i],
      [o, n, i],
      [o, n, i],
    ],
    attributes: { axis: -2 },
  }),
  swiglu: ([o, half]) => ({
    shapes: [
      [o, 2 * half],
      [o, half],
    ],
    attributes: { axis: -1 },
  }),
  swigluGrad: ([o, half]) => ({
    shapes: [
      [o, 2 * half],
      [o, half],
      [o, 2 * half],
    ],
    attributes: { axis: -1 },
  }),
  rope: ([R, L, W, headDim, rotatedHeads], [sign, interleaved]) => ({
    shapes: [
      [R, L, W],
      [L, headDim],
      [L, headDim],
      [R, L, W],
    ],
    attributes: { rotatedHeads, interleaved: interleaved === 1, sign },
  }),
  attention: ([R, L, H, hd], [mask]) => ({
    shapes: [
      [R, L, 3 * H * hd],
      [R, L, H * hd],
      [R, H, L],
    ],
    attributes: { heads: H, mask: MASKS[mask] },
  }),
  attentionGrad: ([R, L, H, hd], [mask]) => ({
    shapes: [
      [R, L, 3 * H * hd],
      [R, L, H * hd],
      [R, H, L],
      [R, L, H * hd],
      [R, L, 3 * H * hd],
    ],
    attributes: { heads: H, mask: MASKS[mask] },
  }),
  embedding: ([M, V, D]) => ({ shapes: [[M], [V, D], [M, D]], integers: [0] }),
  embeddingGrad: ([M, V, D]) => ({ shapes: [[M], [M, D], [V, D]], integers: [0] }),
  slice: ([o, n, m, start, i]) => ({
    shapes: [
      [o, n, i],
      [o, m, i],
    ],
    attributes: { axis: -2, start, length: m },
  }),
  pad: ([o, n, m, start, i]) => ({
    shapes: [
      [o, m, i],
      [o, n, i],
    ],
    attributes: { axis: -2, start, length: n },
  }),
  concat: ([o, a, b, i]) => ({
    shapes: [
      [o, a, i],
      [o, b, i],
      [o, a + b, i],
    ],
    attributes: { axis: -2 },
  }),
  add: elementwise(3),
  addBroadcast: ([R, n]) => ({ shapes: [[R, n], [n], [R, n]] }),
  sumRows: ([R, n]) => ({ shapes: [[R, n], [n]] }),
  scale: ([n], [factor]) => ({ shapes: [[n], [n]], attributes: { factor } }),
  fill: ([n], [value]) => ({ shapes: [[n]], attributes: { value } }),
  selectRows: ([R, L, D]) => ({ shapes: [[R], [D], [R, L, D], [R, L, D]], integers: [0] }),
  crossEntropy: ([R, S, V], [kind]) => ({
    shapes: [[R, S, V], [R, S], [R]],
    integers: [1],
    attributes: { kind: KINDS[kind] },
  }),
  crossEntropyGrad: ([R, S, V], [kind]) => ({
    shapes: [[R, S, V], [R, S], [R], [R, S, V]],
    integers: [1],
    attributes: { kind: KINDS[kind] },
  }),
  argmax: ([M, V]) => ({ shapes: [[M, V], [M]], integers: [1] }),
  matchCounts: ([R, S]) => ({ shapes: [[R, S], [R, S], [R], [R], [R]], integers: [0, 1] }),
  bceWithLogits: elementwise(3),
  bceWithLogitsGrad: elementwise(4),
  adamAtan2: ([n]) => ({ shapes: [[n], [n], [n], [n], [8]] }),
  ema: ([n]) => ({ shapes: [[n], [n], [1]] }),
};

const OPS = new Map<string, Op>(OP_CASES.map(({ op }) => [op.name, op]));
const KERNELS = Object.keys(READERS);

export interface ShadowRun {
  readonly rows: number;
  readonly lanes: number;
}

/**
 * Runs a plan on buffers by slot name; a `lane` buffer holds `lanes` copies. Throws if an operand leaves its memory or
 * results overlap operands in a way that the op does not allow.
 */
export function runShadow(plan: Plan, buffers: Readonly<Record<string, Buffer>>, run: ShadowRun): void {
  const program = encodePlan(plan, KERNELS);
  const arena = new ArrayBuffer(plan.arenaBytes);
  for (let lane = 0; lane < run.lanes; lane++)
    for (let batch = lane; batch * plan.microBatch < run.rows; batch += run.lanes) {
      new Float32Array(arena).fill(Number.NaN); // whatever is read must have been written in this micro-batch
      const firstRow = batch * plan.microBatch;
      const bases = [
        { memory: arena, start: 0, end: plan.arenaBytes },
        ...plan.slots.map(({ name, kind, bytes }) => {
          const { buffer, byteOffset, byteLength } = buffers[name];
          const skipped = kind === "row" ? firstRow * bytes : kind === "lane" ? lane * bytes : 0;
          const end = kind === "lane" ? byteOffset + skipped + bytes : byteOffset + byteLength;
          return { memory: buffer, start: byteOffset + skipped, end };
        }),
      ];
      runProgram(program, bases, Math.min(plan.microBatch, run.rows - firstRow));
    }
}

interface Base {
  readonly memory: ArrayBufferLike;
  readonly start: number;
  readonly end: number;
}

function runProgram(program: Float64Array, bases: readonly Base[], rows: number): void {
  let at = 0;
  const take = (count: number): number[] => {
    at += count;
    return Array.from(program.subarray(at - count, at));
  };
  const takePairs = (count: number) => Array.from({ length: count }, () => take(2));
  while (at < program.length) {
    const [kernel, operandCount, sizeCount, paramCount] = take(4);
    const operands = takePairs(operandCount);
    const sizes = takePairs(sizeCount).map(
      ([coefficient, symbols]) => coefficient * (symbols & 1 ? rows : 1),
    );
    runInstruction(KERNELS[kernel], operands, READERS[KERNELS[kernel]](sizes, take(paramCount)), bases);
  }
}

function runInstruction(
  kernel: string,
  operands: number[][],
  reading: Reading,
  bases: readonly Base[],
): void {
  const op = OPS.get(kernel);
  if (!op?.evaluate) throw new Error(`no reference evaluation of \`${kernel}\``);
  const tensors = reading.shapes.map((shape, i) => {
    const [slot, offset] = operands[i];
    return viewOf(bases[slot], offset, shape, reading.integers?.includes(i) ?? false, kernel);
  });
  const replaced = op.inPlace ?? [];
  const freshCount = kernel === "matchCounts" ? 3 : ["addRmsNorm", "attention"].includes(kernel) ? 2 : 1;
  const inputs = replaced.length > 0 ? tensors : tensors.slice(0, tensors.length - freshCount);
  const places = replaced.length > 0 ? replaced.map((i) => tensors[i]) : tensors.slice(inputs.length);
  if (replaced.length === 0) checkOverlap(op, inputs, places);
  const results = places.map((place, i): Tensor => {
    const data = replaced.length > 0 ? inputs[replaced[i]].data.slice() : zerosLike(place);
    return { shape: place.shape, data };
  });
  // Results go to fresh memory first, as if operands were read before anything is written.
  op.evaluate(inputs, results, reading.attributes ?? {});
  results.forEach(({ data }, i) => {
    places[i].data.set(data);
  });
  const workspace = operands[reading.shapes.length];
  if (workspace) viewOf(bases[workspace[0]], workspace[1], [1], false, kernel).data.fill(Number.NaN);
}

function zerosLike({ data }: Tensor): Buffer {
  return data instanceof Int32Array ? new Int32Array(data.length) : new Float32Array(data.length);
}

function viewOf(
  base: Base,
  offset: number,
  shape: readonly number[],
  isInt: boolean,
  kernel: string,
): Tensor {
  const length = shape.reduce((size, n) => size * n, 1);
  const start = base.start + offset;
  if (start + 4 * length > base.end) throw new Error(`an operand of \`${kernel}\` leaves its memory`);
  const data = isInt
    ? new Int32Array(base.memory, start, length)
    : new Float32Array(base.memory, start, length);
  return { shape, data };
}

/** A result may only lie exactly over an operand that the op says it may overwrite. */
function checkOverlap(op: Op, inputs: readonly Tensor[], results: readonly Tensor[]): void {
  for (const result of results)
    inputs.forEach((input, i) => {
      const isAllowed = op.mayOverwrite?.includes(i) && input.data.byteOffset === result.data.byteOffset;
      if (overlaps(result, input) && !isAllowed)
        throw new Error(`\`${op.name}\` writes over its operand ${i}`);
    });
  results.forEach((result, i) => {
    if (results.some((other, j) => i !== j && overlaps(result, other)))
      throw new Error(`results of \`${op.name}\` overlap`);
  });
}

function overlaps({ data: a }: Tensor, { data: b }: Tensor): boolean {
  return (
    a.buffer === b.buffer &&
    a.byteOffset < b.byteOffset + b.byteLength &&
    b.byteOffset < a.byteOffset + a.byteLength
  );
}
