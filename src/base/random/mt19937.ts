// NumPy's legacy `RandomState(seed)` (Mersenne Twister 19937), bit for bit: what the reference's data set
// builders draw from. Not for new randomness (that is threefry.ts) and without NumPy's distributions.
// Source: Matsumoto & Nishimura 1998; spec/trm.md section 11 "Bit-exact RNG"; judged by golden/numpy-random.json.

import { invariant } from "../errors.ts";

const STATE_SIZE = 624;
const MIDDLE = 397;

export interface RandomState {
  /** The next raw 32-bit output. */
  uint32(): number;
  /** An integer in [low, high); a range of one value consumes nothing. */
  randint(low: number, high: number): number;
  /** 53-bit uniform in [0, 1), from two outputs. */
  rand(): number;
  /** Shuffles in place. */
  shuffle<T>(items: T[]): void;
  /** The numbers 0 … n−1 in random order. */
  permutation(n: number): number[];
  /** `size` distinct numbers below n: the head of a whole permutation, as NumPy does it. */
  choice(n: number, size: number): number[];
}

/**
 * @example
 * makeRandomState(42).randint(0, 8); // what numpy.random.RandomState(42).randint(0, 8) gives
 */
export function makeRandomState(seed: number): RandomState {
  invariant(Number.isInteger(seed) && seed >= 0 && seed <= 0xffffffff, `RandomState seed ${seed}`);
  const state = seededState(seed);
  let position = STATE_SIZE;

  function uint32(): number {
    if (position === STATE_SIZE) {
      advance(state);
      position = 0;
    }
    let y = state[position++];
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  /** Uniform in 0 … max by mask and rejection, the legacy method. */
  function upTo(max: number): number {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (uint32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  function shuffle<T>(items: T[]): void {
    for (let i = items.length - 1; i > 0; i--) {
      const j = upTo(i);
      const held = items[i];
      items[i] = items[j];
      items[j] = held;
    }
  }

  function permutation(n: number): number[] {
    const order = Array.from({ length: n }, (_, i) => i);
    shuffle(order);
    return order;
  }

  return {
    uint32,
    randint(low, high) {
      invariant(high > low && high - low <= 2 ** 32, `randint(${low}, ${high})`);
      return low + upTo(high - low - 1);
    },
    rand() {
      const upper = uint32() >>> 5;
      const lower = uint32() >>> 6;
      return (upper * 67108864 + lower) / 9007199254740992;
    },
    shuffle,
    permutation,
    choice(n, size) {
      invariant(size <= n, `choice of ${size} from ${n} without replacement`);
      return permutation(n).slice(0, size);
    },
  };
}

/** init_genrand of the original. */
function seededState(seed: number): Uint32Array {
  const state = new Uint32Array(STATE_SIZE);
  state[0] = seed;
  for (let i = 1; i < STATE_SIZE; i++) {
    const previous = state[i - 1] ^ (state[i - 1] >>> 30);
    state[i] = Math.imul(1812433253, previous) + i;
  }
  return state;
}

function advance(state: Uint32Array): void {
  for (let i = 0; i < STATE_SIZE; i++) {
    const y = (state[i] & 0x80000000) | (state[(i + 1) % STATE_SIZE] & 0x7fffffff);
    const twist = y & 1 ? 0x9908b0df : 0;
    state[i] = state[(i + MIDDLE) % STATE_SIZE] ^ (y >>> 1) ^ twist;
  }
}
