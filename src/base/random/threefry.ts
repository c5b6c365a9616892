// Whorl's own randomness: Threefry-2x32 with 20 rounds, used as named streams. A stream is a pure function
// of its seed and labels ("init", "layers.0", step, …), so a resumed run needs no saved generator and adding
// a stream never shifts another. Not NumPy's (mt19937.ts, philox.ts). Source: Salmon et al. 2011 (Random123).

import { invariant } from "../errors.ts";
import { truncatedNormalQuantile } from "./truncated-normal.ts";

const PARITY = 0x1bd11bda;

export type StreamLabel = string | number;

export interface RandomStream {
  uint32(): number;
  /** 53-bit uniform in [0, 1). */
  uniform(): number;
  /** An unbiased integer in [0, n), n ≤ 2³². */
  below(n: number): number;
  /** The numbers 0 … n−1 in random order. */
  permutation(n: number): number[];
  /** Shuffles in place. */
  shuffle<T>(items: T[]): void;
  /** Standard deviation exactly `std`, support ±2.27 std. */
  truncatedNormal(std: number): number;
}

/**
 * The stream that belongs to these labels. A number and its text are different labels, and the split into
 * labels counts: ("ab", "c") is not ("a", "bc").
 * @example
 * stream(0, "init", "lm_head.weight").truncatedNormal(0.05);
 */
export function stream(seed: number, ...labels: StreamLabel[]): RandomStream {
  const key = streamKey(seed, labels);
  const block = new Uint32Array(2);
  let counter = 0;
  let hasSecond = false;

  function uint32(): number {
    if (hasSecond) {
      hasSecond = false;
      return block[1];
    }
    threefry2x32(key[0], key[1], counter >>> 0, Math.floor(counter / 4294967296), block);
    counter++;
    hasSecond = true;
    return block[0];
  }

  function uniform(): number {
    const upper = uint32() >>> 5;
    const lower = uint32() >>> 6;
    return (upper * 67108864 + lower) / 9007199254740992;
  }

  function below(n: number): number {
    invariant(Number.isInteger(n) && n >= 1 && n <= 4294967296, `below(${n})`);
    const wholeMultiples = 4294967296 - (4294967296 % n);
    for (;;) {
      const draw = uint32();
      if (draw < wholeMultiples) return draw % n;
    }
  }

  function shuffle<T>(items: T[]): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = below(i + 1);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
  }

  return {
    uint32,
    uniform,
    below,
    shuffle,
    permutation(n) {
      const order = Array.from({ length: n }, (_, i) => i);
      shuffle(order);
      return order;
    },
    truncatedNormal: (std) => std * truncatedNormalQuantile(uniform()),
  };
}

/** Threefry-2x32-20 of the counter (c0, c1) under the key (k0, k1). */
export function threefry2x32(k0: number, k1: number, c0: number, c1: number, out: Uint32Array): void {
  const k2 = PARITY ^ k0 ^ k1;
  let x0 = (c0 + k0) | 0;
  let x1 = (c1 + k1) | 0;
  // Five groups of four rounds; the rotations alternate between two sets, a subkey follows each group.
  for (let group = 1; group <= 5; group++) {
    if (group % 2 === 1) {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 13) | (x1 >>> 19)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 15) | (x1 >>> 17)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 26) | (x1 >>> 6)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 6) | (x1 >>> 26)) ^ x0;
    } else {
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 17) | (x1 >>> 15)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 29) | (x1 >>> 3)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 16) | (x1 >>> 16)) ^ x0;
      x0 = (x0 + x1) | 0;
      x1 = ((x1 << 24) | (x1 >>> 8)) ^ x0;
    }
    x0 = (x0 + subkey(k0, k1, k2, group)) | 0;
    x1 = (x1 + subkey(k0, k1, k2, group + 1) + group) | 0;
  }
  out[0] = x0;
  out[1] = x1;
}

function subkey(k0: number, k1: number, k2: number, index: number): number {
  const place = index % 3;
  if (place === 0) return k0;
  return place === 1 ? k1 : k2;
}

/** Absorbs every label, with its kind and length, into a 64-bit key by the cipher itself. */
function streamKey(seed: number, labels: readonly StreamLabel[]): Uint32Array {
  invariant(Number.isSafeInteger(seed) && seed >= 0, `stream seed ${seed}`);
  const key = Uint32Array.of(seed >>> 0, Math.floor(seed / 4294967296));
  const absorb = (a: number, b: number) => threefry2x32(key[0], key[1], a, b, key);
  for (const label of labels) {
    if (typeof label === "number") {
      invariant(Number.isSafeInteger(label), `stream label ${label}`);
      absorb(0x6e756d, label < 0 ? 1 : 0);
      absorb(Math.abs(label) >>> 0, Math.floor(Math.abs(label) / 4294967296));
      continue;
    }
    absorb(0x737472, label.length);
    for (let i = 0; i < label.length; i += 2) absorb(label.charCodeAt(i), label.charCodeAt(i + 1) || 0);
  }
  absorb(0x656e64, labels.length);
  return key;
}
