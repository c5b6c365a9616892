// linear*, mixTokens* and attention* of every instruction set against plain loops in float64, on ragged shapes.
// Arrays lie at 4-byte aligned addresses between guard values, so stray writes show.

import fc from "fast-check";
import { expect, test } from "vitest";
import { addon, isas } from "../../testing/native.ts";
import { runKernel } from "../../testing/single-kernel.ts";

const guard = 12345;
const guardLength = 17;

/** A generator of values in -1..1, the same for the same seed. */
function makeRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

function guarded(length: number, value: () => number): Float32Array {
  const whole = new Float32Array(length + 2 * guardLength).fill(guard);
  const inner = whole.subarray(guardLength, guardLength + length);
  for (let i = 0; i < length; i++) inner[i] = value();
  return inner;
}

function expectGuards(array: Float32Array): void {
  const whole = new Float32Array(array.buffer);
  expect(whole.subarray(0, guardLength).every((value) => value === guard)).toBe(true);
  expect(whole.subarray(guardLength + array.length).every((value) => value === guard)).toBe(true);
}

/** Every |actual - expected| within `tolerance` times the magnitude that was summed. */
function expectClose(
  actual: Float32Array,
  expected: Float64Array,
  magnitude: Float64Array,
  tolerance: number,
) {
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    worst = Math.max(worst, Math.abs(actual[i] - expected[i]) / (magnitude[i] + 1e-3)); // NaN stays
  }
  expect(worst).toBeLessThan(tolerance);
}

interface Product {
  rows: number;
  cols: number;
  depth: number;
  left: (i: number, p: number) => number;
  right: (p: number, j: number) => number;
}

function multiplyNaive({ rows, cols, depth, left, right }: Product, start?: Float32Array) {
  const value = new Float64Array(rows * cols);
  const magnitude = new Float64Array(rows * cols);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < cols; j++) {
      let total = start?.[i * cols + j] ?? 0;
      let absolute = Math.abs(total);
      for (let p = 0; p < depth; p++) {
        const term = left(i, p) * right(p, j);
        total += term;
        absolute += Math.abs(term);
      }
      value[i * cols + j] = total;
      magnitude[i * cols + j] = absolute;
    }
  return { value, magnitude };
}

async function checkProduct(
  isa: string,
  kernel: string,
  inputs: Float32Array[],
  sizes: number[],
  product: Product,
) {
  const accumulates = kernel.endsWith("GradWeight");
  const random = makeRandom(7);
  const out = guarded(product.rows * product.cols, accumulates ? random : () => Number.NaN);
  const { value, magnitude } = multiplyNaive(product, accumulates ? out.slice() : undefined);
  await runKernel(addon!, { kernel, isa, operands: [...inputs, out], sizes });
  expectClose(out, value, magnitude, 1e-6);
  expectGuards(out);
}

async function checkLinear(isa: string, [M, K, N]: number[]): Promise<void> {
  const random = makeRandom(M * 7919 + K * 31 + N);
  const x = guarded(M * K, random);
  const w = guarded(N * K, random);
  const dy = guarded(M * N, random);
  await checkProduct(isa, "linear", [x, w], [M, K, N], {
    rows: M,
    cols: N,
    depth: K,
    left: (i, p) => x[i * K + p],
    right: (p, j) => w[j * K + p],
  });
  await checkProduct(isa, "linearGradInput", [dy, w], [M, K, N], {
    rows: M,
    cols: K,
    depth: N,
    left: (i, p) => dy[i * N + p],
    right: (p, j) => w[p * K + j],
  });
  await checkProduct(isa, "linearGradWeight", [dy, x], [M, K, N], {
    rows: N,
    cols: K,
    depth: M,
    left: (i, p) => dy[p * N + i],
    right: (p, j) => x[p * K + j],
  });
}

async function checkMixTokens(isa: string, [R, K, N, D]: number[]): Promise<void> {
  const random = makeRandom(R * 104729 + K * 7919 + N * 31 + D);
  const x = guarded(R * K * D, random);
  const w = guarded(N * K, random);
  const dy = guarded(R * N * D, random);
  // rows of all R matrices below each other; the row index picks the matrix of the right operand
  await checkProduct(isa, "mixTokens", [x, w], [R, K, N, D], {
    rows: R * N,
    cols: D,
    depth: R * K,
    left: (i, p) => (Math.floor(i / N) === Math.floor(p / K) ? w[(i % N) * K + (p % K)] : 0),
    right: (p, j) => x[p * D + j],
  });
  await checkProduct(isa, "mixTokensGradInput", [dy, w], [R, K, N, D], {
    rows: R * K,
    cols: D,
    depth: R * N,
    left: (i, p) => (Math.floor(i / K) === Math.floor(p / N) ? w[(p % N) * K + (i % K)] : 0),
    right: (p, j) => dy[p * D + j],
  });
  await checkProduct(isa, "mixTokensGradWeight", [dy, x], [R, K, N, D], {
    rows: N,
    cols: K,
    depth: R * D,
    left: (i, p) => dy[(Math.floor(p / D) * N + i) * D + (p % D)],
    right: (p, j) => x[(Math.floor(p / D) * K + j) * D + (p % D)],
  });
}

interface Attention {
  R: number;
  L: number;
  H: number;
  hd: number;
  causal: boolean;
  scale: number;
}

/** Forward and backward of one row and head by definition, in float64. */
function attendNaive(shape: Attention, qkv: Float32Array, dOut: Float32Array, r: number, h: number) {
  const { L, H, hd, causal, scale } = shape;
  const at = (part: number, l: number, d: number) => (r * L + l) * 3 * H * hd + (part * H + h) * hd + d;
  const o = new Float64Array(L * hd);
  const lse = new Float64Array(L);
  const gradient = [new Float64Array(L * hd), new Float64Array(L * hd), new Float64Array(L * hd)];
  for (let i = 0; i < L; i++) {
    const keys = causal ? i + 1 : L;
    const scores = new Float64Array(keys);
    for (let j = 0; j < keys; j++)
      for (let d = 0; d < hd; d++) scores[j] += scale * qkv[at(0, i, d)] * qkv[at(1, j, d)];
    const high = scores.reduce((a, b) => Math.max(a, b));
    lse[i] = high + Math.log(scores.reduce((total, score) => total + Math.exp(score - high), 0));
    const p = scores.map((score) => Math.exp(score - lse[i]));
    const dp = new Float64Array(keys);
    for (let j = 0; j < keys; j++)
      for (let d = 0; d < hd; d++) {
        const g = dOut[((r * L + i) * H + h) * hd + d];
        o[i * hd + d] += p[j] * qkv[at(2, j, d)];
        dp[j] += g * qkv[at(2, j, d)];
        gradient[2][j * hd + d] += p[j] * g;
      }
    const mean = dp.reduce((total, value, j) => total + value * p[j], 0);
    for (let j = 0; j < keys; j++)
      for (let d = 0; d < hd; d++) {
        const ds = p[j] * (dp[j] - mean) * scale;
        gradient[0][i * hd + d] += ds * qkv[at(1, j, d)];
        gradient[1][j * hd + d] += ds * qkv[at(0, i, d)];
      }
  }
  return { o, lse, gradient };
}

async function checkAttention(isa: string, shape: Attention): Promise<void> {
  const { R, L, H, hd, causal, scale } = shape;
  const random = makeRandom(R + L * 31 + H * 1009 + hd * 7);
  const qkv = guarded(R * L * 3 * H * hd, () => 2 * random());
  const dOut = guarded(R * L * H * hd, random);
  const nan = () => Number.NaN;
  const o = guarded(R * L * H * hd, nan);
  const lse = guarded(R * H * L, nan);
  const dqkv = guarded(R * L * 3 * H * hd, nan);
  const work = guarded(2 * (L + 16) * (hd + 16) + 32 * (L + 16) + 64 * (hd + 32), nan);
  const gradWork = guarded(3 * (L + 16) * (hd + 16) + 64 * (L + 16) + 160 * (hd + 32), nan);
  const common = { isa, sizes: [R, L, H, hd], params: [causal ? 1 : 0, scale] };
  await runKernel(addon!, { kernel: "attention", operands: [qkv, o, lse, work], ...common });
  await runKernel(addon!, {
    kernel: "attentionGrad",
    operands: [qkv, o, lse, dOut, dqkv, gradWork],
    ...common,
  });
  for (const array of [o, lse, dqkv, work, gradWork]) expectGuards(array);
  let worst = 0;
  const note = (error: number) => {
    worst = Math.max(worst, error); // NaN stays
  };
  for (let r = 0; r < R; r++)
    for (let h = 0; h < H; h++) {
      const naive = attendNaive(shape, qkv, dOut, r, h);
      for (let l = 0; l < L; l++) {
        note(Math.abs(lse[(r * H + h) * L + l] - naive.lse[l]) / 4);
        for (let d = 0; d < hd; d++) {
          note(Math.abs(o[((r * L + l) * H + h) * hd + d] - naive.o[l * hd + d]));
          for (let part = 0; part < 3; part++) {
            const actual = dqkv[(r * L + l) * 3 * H * hd + (part * H + h) * hd + d];
            const expected = naive.gradient[part][l * hd + d];
            note(Math.abs(actual - expected) / (4 + Math.abs(expected)));
          }
        }
      }
    }
  expect(worst).toBeLessThan(4e-6);
}

const small = (max: number) => fc.integer({ min: 1, max });

test.skipIf(addon === undefined).each(isas)("linear and its gradients: %s", async (isa) => {
  // depth in several blocks and more panels than the packed block of B holds
  await checkLinear(isa, [29, 1037, 45]);
  await checkLinear(isa, [5, 530, 531]);
  await checkLinear(isa, [1, 1, 1]);
  await fc.assert(
    fc.asyncProperty(fc.tuple(small(40), small(70), small(70)), (sizes) => checkLinear(isa, sizes)),
    { numRuns: 25, seed: 1 },
  );
});

test.skipIf(addon === undefined).each(isas)("mixTokens and its gradients: %s", async (isa) => {
  await checkMixTokens(isa, [2, 36, 64, 48]);
  await checkMixTokens(isa, [3, 37, 130, 70]);
  await checkMixTokens(isa, [9, 5, 33, 65]);
  await fc.assert(
    fc.asyncProperty(fc.tuple(small(4), small(40), small(50), small(70)), (sizes) =>
      checkMixTokens(isa, sizes),
    ),
    { numRuns: 20, seed: 2 },
  );
});

test.skipIf(addon === undefined).each(isas)("attention and its gradient: %s", async (isa) => {
  await checkAttention(isa, { R: 1, L: 97, H: 2, hd: 64, causal: false, scale: 0.125 });
  await checkAttention(isa, { R: 1, L: 97, H: 1, hd: 32, causal: true, scale: 0.2 });
  const shape = fc.record({
    R: small(2),
    L: small(75),
    H: small(3),
    hd: small(40),
    causal: fc.boolean(),
    scale: fc.constantFrom(0.1, 0.5),
  });
  await fc.assert(
    fc.asyncProperty(shape, (attention) => checkAttention(isa, attention)),
    { numRuns: 20, seed: 3 },
  );
});

test.skipIf(addon === undefined).each(isas)("a matrix product gives the same bits again: %s", async (isa) => {
  const random = makeRandom(5);
  const [M, K, N] = [33, 600, 40];
  const x = guarded(M * K, random);
  const w = guarded(N * K, random);
  const first = guarded(M * N, () => 0);
  const second = guarded(M * N, () => 1);
  await runKernel(addon!, { kernel: "linear", isa, operands: [x, w, first], sizes: [M, K, N] });
  await runKernel(addon!, {
    kernel: "linear",
    isa,
    operands: [x.slice(), w.slice(), second],
    sizes: [M, K, N],
  });
  expect(second).toEqual(first);
});
