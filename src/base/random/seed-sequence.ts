// NumPy's SeedSequence: spreads an integer seed over as many well-mixed 32-bit words as a generator needs.
// Only plain integer seeds, no spawning. Source: NumPy's bit_generator (M. E. O'Neill's seed_seq_fe, MIT).

import { invariant } from "../errors.ts";

const POOL_WORDS = 4;
const MIX_LEFT = 0xca01f9dd;
const MIX_RIGHT = 0x4973f715;

/** The first `words` 32-bit words of `SeedSequence(seed).generate_state`. */
export function seedWords(seed: number, words: number): Uint32Array {
  invariant(Number.isSafeInteger(seed) && seed >= 0, `seed ${seed}`);
  const pool = mixedPool(seed);
  const out = new Uint32Array(words);
  const hash = makeHash(0x8b51f9dd, 0x58f38ded);
  for (let i = 0; i < words; i++) out[i] = hash(pool[i % POOL_WORDS]);
  return out;
}

function mixedPool(seed: number): Uint32Array {
  // A seed of zero still counts as one word, and missing words are hashed as zeros, so padding is exact.
  const entropy = [seed >>> 0, Math.floor(seed / 2 ** 32), 0, 0];
  const hash = makeHash(0x43b0d7e5, 0x931e8875);
  const pool = Uint32Array.from(entropy, hash);
  for (let source = 0; source < POOL_WORDS; source++) {
    for (let target = 0; target < POOL_WORDS; target++) {
      if (source === target) continue;
      const hashed = hash(pool[source]);
      const mixed = (Math.imul(MIX_LEFT, pool[target]) - Math.imul(MIX_RIGHT, hashed)) >>> 0;
      pool[target] = mixed ^ (mixed >>> 16);
    }
  }
  return pool;
}

/** A hash whose constant moves on with every word, so that equal words at different places differ. */
function makeHash(initial: number, multiplier: number): (word: number) => number {
  let constant = initial;
  return (word) => {
    const salted = word ^ constant;
    constant = Math.imul(constant, multiplier);
    const product = Math.imul(salted, constant);
    return (product ^ (product >>> 16)) >>> 0;
  };
}
