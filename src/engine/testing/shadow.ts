// Runs encoded plans in TypeScript: the numbers of encodePlan over one arena and the caller's buffers, each instruction
// by the op's reference evaluation. It judges planner and encoding without C++. Sizes, parameters and number types are read
// here by the kernels' contract (native/core/kernel-list.h), not through the ops' own rules. Packed weights are kept in
// plain order: what the order of tiles is, only the kernels know.

import { bfloat16FromFloat32, float32FromBfloat16 } from "../../formats/half.ts";
import type { Buffer } from "../executors/executor.ts";
import type { Op, PackedOperand, Tensor } from "../op.ts";
import { encodePlan, PACK_KERNEL, type Plan } from "../plan.ts";
import { READERS } from "./kernel-operands.ts";
import { OP_CASES } from "./op-cases.ts";

const OPS = new Map<string, Op>(OP_CASES.map(({ op }) => [op.name, op]));
const KERNELS = [...Object.keys(READERS), ...Object.keys(READERS).map((name) => `${name}.bf16`), PACK_KERNEL];
/** How many of the last operands are results; unless listed, one where none replaces an operand. */
const RESULT_COUNTS: Readonly<Record<string, number>> = {
  ...{ matchCounts: 3, addRmsNorm: 2, layerNorm: 2, attention: 2 },
  ...{ featureMlp: 3, featureMlpGrad: 1, tokenMlp: 2, tokenMlpGrad: 1 },
};

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
  const prepared = new ArrayBuffer(plan.preparedBytes);
  for (let lane = 0; lane < run.lanes; lane++)
    for (let batch = lane; batch * plan.microBatch < run.rows; batch += run.lanes) {
      new Uint16Array(arena).fill(0xffff); // NaN in any format: what is read must have been written in this micro-batch
      const firstRow = batch * plan.microBatch;
      const bases = [
        { memory: arena, start: 0, end: plan.arenaBytes },
        ...plan.slots.map(({ name, kind, bytes }) => {
          const { buffer, byteOffset, byteLength } = buffers[name];
          if (!(buffer instanceof ArrayBuffer)) throw new Error(`'${name}' is in shared memory`);
          const skipped = kind === "row" ? firstRow * bytes : kind === "lane" ? lane * bytes : 0;
          const end = kind === "lane" ? byteOffset + skipped + bytes : byteOffset + byteLength;
          return { memory: buffer, start: byteOffset + skipped, end };
        }),
        { memory: prepared, start: 0, end: plan.preparedBytes },
      ];
      runProgram(program, bases, Math.min(plan.microBatch, run.rows - firstRow));
    }
}

interface Base {
  readonly memory: ArrayBuffer;
  readonly start: number;
  readonly end: number;
}

/** How the weights in the prepared block were packed, by their offset. */
type Packings = Map<number, readonly number[]>;

function runProgram(program: Float64Array, bases: readonly Base[], rows: number): void {
  const packings: Packings = new Map();
  let at = 0;
  const take = (count: number): number[] => {
    at += count;
    return Array.from(program.subarray(at - count, at));
  };
  const takePairs = (count: number) => Array.from({ length: count }, () => take(2));
  while (at < program.length) {
    const [id, operandCount, sizeCount, paramCount] = take(4);
    const operands = takePairs(operandCount);
    const sizes = takePairs(sizeCount).map(
      ([coefficient, symbols]) => coefficient * (symbols & 1 ? rows : 1),
    );
    const params = take(paramCount);
    const kernel = KERNELS[id];
    if (kernel === PACK_KERNEL) pack(operands, sizes, params, bases, packings);
    else runInstruction(kernel, operands, sizes, params, bases, packings);
  }
}

function pack(
  [[from, fromOffset], [to, toOffset]]: number[][],
  shape: number[],
  params: readonly number[],
  bases: readonly Base[],
  packings: Packings,
): void {
  if (to !== bases.length - 1) throw new Error("a weight is packed into another block");
  const weight = placeOf(bases[from], fromOffset, shape, Float32Array, PACK_KERNEL);
  const [N, K] = shape.map((n) => 32 * Math.ceil(n / 32));
  placeOf(bases[to], toOffset, [N, K], Uint16Array, PACK_KERNEL).words.fill(0xffff);
  placeOf(bases[to], toOffset, shape, Uint16Array, PACK_KERNEL).words.set(
    bfloat16FromFloat32(Float32Array.from(numbersOf(weight))),
  );
  packings.set(toOffset, params);
}

/** An operand where it lies. */
interface MemoryPlace {
  readonly shape: readonly number[];
  readonly words: Float32Array | Int32Array | Uint16Array;
}

const ARRAYS = { f: Float32Array, w: Float32Array, i: Int32Array };

function runInstruction(
  kernel: string,
  operands: number[][],
  sizes: readonly number[],
  params: readonly number[],
  bases: readonly Base[],
  packings: Packings,
): void {
  const name = kernel.replace(/\.bf16$/, "");
  const op = OPS.get(name);
  if (!op?.evaluate) throw new Error(`no reference evaluation of \`${kernel}\``);
  const { types, shapes, attributes = {} } = READERS[name](sizes, params);
  const tensors = shapes.map((shape, i) => {
    const [slot, offset] = operands[i];
    if (slot === -1) return missing(shape); // the list of kernels says where that is allowed: only results here
    const packing = name === kernel ? undefined : op.packs?.find(({ operand }) => operand === i);
    if (packing) checkPacking(packing, slot === bases.length - 1 ? packings.get(offset) : undefined);
    const isShort = packing !== undefined || (name !== kernel && types[i] === "f");
    return placeOf(bases[slot], offset, shape, isShort ? Uint16Array : ARRAYS[types[i] as "f"], kernel);
  });
  const freshCount = RESULT_COUNTS[name] ?? (op.inPlace ? 0 : 1);
  const inputs = tensors.slice(0, tensors.length - freshCount);
  const fresh = tensors.slice(inputs.length);
  checkOverlap(op, inputs, fresh);
  const replaced = op.inPlace ?? fresh.map(() => undefined);
  const given = inputs.map((place): Tensor => ({ shape: place.shape, data: numbersOf(place).slice() }));
  let next = 0;
  const places = replaced.map((i) => (i === undefined ? fresh[next++] : inputs[i]));
  const results = places.map((place, i): Tensor => {
    const from = replaced[i];
    const data = from === undefined ? numbersOf(place).slice().fill(0) : given[from].data.slice();
    return { shape: place.shape, data };
  });
  for (const i of op.spoils ?? []) inputs[i].words.fill(Number.NaN);
  // Results go to fresh memory first, as if operands were read before anything is written.
  op.evaluate(given, results, attributes);
  results.forEach(({ data }, i) => {
    const { words } = places[i];
    words.set(words instanceof Uint16Array ? bfloat16FromFloat32(Float32Array.from(data)) : data);
  });
  const workspace = operands[shapes.length];
  if (workspace) placeOf(bases[workspace[0]], workspace[1], [1], Float32Array, kernel).words.fill(Number.NaN);
}

/** Results that nothing reads are computed nowhere. */
function missing(shape: readonly number[]): MemoryPlace {
  return { shape, words: new Float32Array(shape.reduce((size, n) => size * n, 1)) };
}

/** Widened numbers of bfloat16, the memory itself otherwise. */
function numbersOf({ words }: MemoryPlace): Tensor["data"] {
  return words instanceof Uint16Array ? float32FromBfloat16(words) : words;
}

function checkPacking(
  { side, transposed, gated }: PackedOperand,
  params: readonly number[] | undefined,
): void {
  const wanted = [side === "right" ? 1 : 0, transposed ? 1 : 0, gated ? 1 : 0];
  if (params?.join() !== wanted.join()) throw new Error(`a weight is packed as ${params}, not ${wanted}`);
}

function placeOf(
  base: Base,
  offset: number,
  shape: readonly number[],
  Words: typeof Float32Array | typeof Int32Array | typeof Uint16Array,
  kernel: string,
): MemoryPlace {
  const length = shape.reduce((size, n) => size * n, 1);
  const start = base.start + offset;
  if (start + Words.BYTES_PER_ELEMENT * length > base.end)
    throw new Error(`an operand of \`${kernel}\` leaves its memory`);
  return { shape, words: new Words(base.memory, start, length) };
}

/** A result may only lie exactly over an operand that the op says it may overwrite. */
function checkOverlap(op: Op, inputs: readonly MemoryPlace[], results: readonly MemoryPlace[]): void {
  for (const result of results)
    inputs.forEach((input, i) => {
      const isAllowed = op.mayOverwrite?.includes(i) && input.words.byteOffset === result.words.byteOffset;
      if (overlaps(result, input) && !isAllowed)
        throw new Error(`\`${op.name}\` writes over its operand ${i}`);
    });
  results.forEach((result, i) => {
    if (results.some((other, j) => i !== j && overlaps(result, other)))
      throw new Error(`results of \`${op.name}\` overlap`);
  });
}

function overlaps({ words: a }: MemoryPlace, { words: b }: MemoryPlace): boolean {
  return (
    a.buffer === b.buffer &&
    a.byteOffset < b.byteOffset + b.byteLength &&
    b.byteOffset < a.byteOffset + a.byteLength
  );
}
