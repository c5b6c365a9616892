// NumPy's `Generator(Philox(seed))`, bit for bit: the order in which the reference visits its training
// puzzles. Philox4x64-10 in 32-bit halves (BigInt would be about a hundred times slower).
// Source: Salmon et al. 2011 (Random123), NumPy's bounded integers (Lemire 2019); golden/numpy-random.json.

import { invariant, ToolError } from "../errors.ts";
import { seedWords } from "./seed-sequence.ts";

const BLOCK_WORDS = 8; // four 64-bit outputs, each low half first
const ROUNDS = 10;

/** Plain JSON, enough to continue a generator exactly where it stood. */
export interface PhiloxState {
  /** 128-bit key, low words first. */
  key: number[];
  /** 256-bit counter, low words first. */
  counter: number[];
  /** 64-bit outputs of the current block that are used up, 0 … 4. */
  used: number;
  /** The upper half of a 64-bit output whose lower half went to a 32-bit draw. */
  spareHalf: number | null;
}

export interface PhiloxGenerator {
  uint32(): number;
  /** 53-bit uniform in [0, 1). */
  random(): number;
  /** An integer in [low, high), as `Generator.integers` with its default int64. */
  integers(low: number, high: number): number;
  /** The numbers 0 … n−1 in random order. */
  permutation(n: number): Int32Array;
  state(): PhiloxState;
  restore(state: PhiloxState): void;
}

/**
 * @example
 * makePhiloxGenerator(1).permutation(10); // numpy.random.Generator(numpy.random.Philox(1)).permutation(10)
 */
export function makePhiloxGenerator(seed: number): PhiloxGenerator {
  const key = seedWords(seed, 4);
  const counter = new Uint32Array(BLOCK_WORDS);
  const block = new Uint32Array(BLOCK_WORDS);
  let used = 4;
  let hasSpareHalf = false;
  let spareHalf = 0;

  /** Index in `block` of the low half of the next 64-bit output. */
  function next64(): number {
    if (used === 4) {
      increment(counter);
      philox4x64(counter, key, block);
      used = 0;
    }
    return used++ * 2;
  }

  function uint32(): number {
    if (hasSpareHalf) {
      hasSpareHalf = false;
      return spareHalf;
    }
    const at = next64();
    hasSpareHalf = true;
    spareHalf = block[at + 1];
    return block[at];
  }

  /** Uniform in 0 … max, max < 2³² − 1, by Lemire's multiplication. */
  function upTo(max: number): number {
    const size = max + 1;
    let draw = uint32();
    let leftover = Math.imul(draw, size) >>> 0;
    if (leftover < size) {
      const threshold = (0xffffffff - max) % size;
      while (leftover < threshold) {
        draw = uint32();
        leftover = Math.imul(draw, size) >>> 0;
      }
    }
    return upperProduct(draw, size, leftover);
  }

  /** Uniform in 0 … max by mask and rejection: NumPy still shuffles with the legacy method, only `integers` is Lemire's. */
  function upToMasked(max: number): number {
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (uint32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** Lemire's multiplication for wide ranges; rare enough for BigInt. */
  function upToWide(max: number): number {
    const size = BigInt(max) + 1n;
    const threshold = (2n ** 64n - size) % size;
    for (;;) {
      const at = next64();
      const product = ((BigInt(block[at + 1]) << 32n) | BigInt(block[at])) * size;
      if (BigInt.asUintN(64, product) >= threshold) return Number(product >> 64n);
    }
  }

  return {
    uint32,
    random() {
      const at = next64();
      return (block[at + 1] * 2097152 + (block[at] >>> 11)) / 9007199254740992;
    },
    integers(low, high) {
      const max = high - low - 1;
      invariant(Number.isSafeInteger(max) && max >= 0, `integers(${low}, ${high})`);
      if (max === 0) return low;
      if (max < 0xffffffff) return low + upTo(max);
      return low + (max === 0xffffffff ? uint32() : upToWide(max));
    },
    permutation(n) {
      const order = new Int32Array(n);
      for (let i = 0; i < n; i++) order[i] = i;
      for (let i = n - 1; i > 0; i--) {
        const j = upToMasked(i);
        const held = order[i];
        order[i] = order[j];
        order[j] = held;
      }
      return order;
    },
    state: () => ({
      key: Array.from(key),
      counter: Array.from(counter),
      used,
      spareHalf: hasSpareHalf ? spareHalf : null,
    }),
    restore(state) {
      checkState(state);
      key.set(state.key);
      counter.set(state.counter);
      used = state.used;
      hasSpareHalf = state.spareHalf !== null;
      spareHalf = state.spareHalf ?? 0;
      philox4x64(counter, key, block);
    },
  };
}

function checkState(state: PhiloxState): void {
  const isWord = (word: unknown) => Number.isInteger(word) && Number(word) >= 0 && Number(word) <= 0xffffffff;
  const isWords = (words: unknown, count: number) =>
    Array.isArray(words) && words.length === count && words.every(isWord);
  const good =
    isWords(state.key, 4) &&
    isWords(state.counter, BLOCK_WORDS) &&
    [0, 1, 2, 3, 4].includes(state.used) &&
    (state.spareHalf === null || isWord(state.spareHalf));
  if (good) return;
  throw new ToolError(`the saved Philox state is damaged: ${JSON.stringify(state)?.slice(0, 120)}`, {
    code: "random/bad-state",
    hint: "resume from an older checkpoint, or start the run again",
  });
}

function increment(counter: Uint32Array): void {
  for (let i = 0; i < BLOCK_WORDS; i++) {
    counter[i]++;
    if (counter[i] !== 0) return;
  }
}

/** The upper 32 bits of a 32 × 32 bit product whose lower 32 bits are known. */
function upperProduct(a: number, b: number, lower: number): number {
  // a·b is off by at most 2¹¹ as a double, so without its lower part it is a multiple of 2³² give or take 2¹¹.
  return Math.round((a * b - lower) / 4294967296);
}

/** Philox4x64-10 of `counter` under `key` into `out`; every 64-bit word is a pair of 32-bit words, low first. */
export function philox4x64(counter: Uint32Array, key: Uint32Array, out: Uint32Array): void {
  const product = productScratch;
  let [x0, x0h, x1, x1h, x2, x2h, x3, x3h] = counter;
  let [k0, k0h, k1, k1h] = key;
  for (let round = 0; round < ROUNDS; round++) {
    multiply64(0xe14c6c93, 0xd2e7470e, x0, x0h, product);
    const low0 = product[0];
    const low0h = product[1];
    const high0 = product[2];
    const high0h = product[3];
    multiply64(0x95121157, 0xca5a8263, x2, x2h, product);
    x0 = (product[2] ^ x1 ^ k0) >>> 0;
    x0h = (product[3] ^ x1h ^ k0h) >>> 0;
    x1 = product[0];
    x1h = product[1];
    x2 = (high0 ^ x3 ^ k1) >>> 0;
    x2h = (high0h ^ x3h ^ k1h) >>> 0;
    x3 = low0;
    x3h = low0h;
    // Weyl sequence: key += (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B), 64 bits each.
    k0 += 0x7f4a7c15;
    k0h = (k0h + 0x9e3779b9 + (k0 > 0xffffffff ? 1 : 0)) >>> 0;
    k0 >>>= 0;
    k1 += 0x84caa73b;
    k1h = (k1h + 0xbb67ae85 + (k1 > 0xffffffff ? 1 : 0)) >>> 0;
    k1 >>>= 0;
  }
  out[0] = x0;
  out[1] = x0h;
  out[2] = x1;
  out[3] = x1h;
  out[4] = x2;
  out[5] = x2h;
  out[6] = x3;
  out[7] = x3h;
}

const productScratch = new Float64Array(4);

/** 64 × 64 → 128 bits in four 32-bit words, low first. */
function multiply64(a: number, ah: number, b: number, bh: number, out: Float64Array): void {
  const ll = Math.imul(a, b) >>> 0;
  const lh = Math.imul(a, bh) >>> 0;
  const hl = Math.imul(ah, b) >>> 0;
  const hh = Math.imul(ah, bh) >>> 0;
  const middle = upperProduct(a, b, ll) + lh + hl;
  const upper = Math.floor(middle / 4294967296) + upperProduct(a, bh, lh) + upperProduct(ah, b, hl) + hh;
  out[0] = ll;
  out[1] = middle >>> 0;
  out[2] = upper >>> 0;
  out[3] = (upperProduct(ah, bh, hh) + Math.floor(upper / 4294967296)) >>> 0;
}
