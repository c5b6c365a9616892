import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { findGolden } from "../data-folder.ts";
import { makePhiloxGenerator, type PhiloxGenerator, philox4x64 } from "./philox.ts";

const MASK_64 = 2n ** 64n - 1n;

test("the block function equals the same formula in 64-bit arithmetic", () => {
  const word = fc.oneof(
    fc.integer({ min: 0, max: 0xffffffff }),
    fc.constantFrom(0, 1, 0x80000000, 0xffffffff),
  );
  const words = (count: number) => fc.array(word, { minLength: count, maxLength: count });
  fc.assert(
    fc.property(words(8), words(4), (counter, key) => {
      const out = new Uint32Array(8);
      philox4x64(Uint32Array.from(counter), Uint32Array.from(key), out);
      expect(pairs(Array.from(out))).toEqual(plainPhilox(pairs(counter), pairs(key)));
    }),
    { seed: 1, numRuns: 300 },
  );
});

test("the block function gives Random123's known answer", () => {
  const out = new Uint32Array(8);
  philox4x64(new Uint32Array(8), new Uint32Array(4), out);
  expect(pairs(Array.from(out)).map((word) => word.toString(16))).toEqual([
    "16554d9eca36314c",
    "db20fe9d672d0fdc",
    "d7e772cee186176b",
    "7e68b68aec7ba23b",
  ]);
});

test("integers of every width equal NumPy's", () => {
  // Recorded from NumPy 2.4.6: 32-bit, exactly 32-bit, and 64-bit ranges, and a seed of two words.
  const draws = (seed: number, high: number, count: number) => {
    const random = makePhiloxGenerator(seed);
    return Array.from({ length: count }, () => random.integers(0, high));
  };
  expect(draws(5, 3 * 2 ** 30, 4)).toEqual([2783910363, 2762455558, 483491480, 2979930291]);
  expect(draws(5, 2 ** 32, 3)).toEqual([3711880485, 3683274078, 644655307]);
  expect(draws(5, 2 ** 52 + 2 ** 51, 4)).toEqual([
    5793289200778723, 6249366771440175, 2846533963969980, 1153915481925506,
  ]);
  expect(draws(2 ** 40 + 7, 2 ** 40, 3)).toEqual([534653549971, 1016070262947, 449965105581]);
});

const golden = findGolden("numpy-random.json");

test.skipIf(!golden)("draws equal NumPy's recorded ones", () => {
  const recorded: Record<string, [name: string, ...drawn: unknown[]][]> = JSON.parse(
    readFileSync(golden ?? "", "utf8"),
  )["Generator(Philox(seed))"];
  expect(Object.keys(recorded)).toEqual(["1", "2", "43"]);
  for (const [seed, draws] of Object.entries(recorded)) {
    const random = makePhiloxGenerator(Number(seed));
    for (const [name, ...expected] of draws)
      expect(replay(random, name), `${seed} ${name}`).toEqual(expected);
  }
});

test("a restored generator continues in every phase of its block", () => {
  for (let drawn = 0; drawn < 20; drawn++) {
    const random = makePhiloxGenerator(9);
    for (let i = 0; i < drawn; i++) random.uint32();
    const saved = JSON.parse(JSON.stringify(random.state()));
    const rest = Array.from({ length: 20 }, () => random.uint32());
    const resumed = makePhiloxGenerator(0);
    resumed.restore(saved);
    expect(Array.from({ length: 20 }, () => resumed.uint32())).toEqual(rest);
  }
});

test("a damaged state is refused", () => {
  const random = makePhiloxGenerator(0);
  expect(() => random.restore({ ...random.state(), used: 5 })).toThrow(/saved Philox state is damaged/);
  expect(() => random.restore({ ...random.state(), key: [1, 2, 3] })).toThrow(
    /saved Philox state is damaged/,
  );
  expect(() => random.restore({ ...random.state(), spareHalf: -1 })).toThrow(/saved Philox state is damaged/);
});

function replay(random: PhiloxGenerator, name: string): unknown[] {
  const times = <T>(count: number, draw: () => T) => Array.from({ length: count }, draw);
  switch (name) {
    case "permutation(10)":
      return [Array.from(random.permutation(10))];
    case "permutation(960) first 20 and sha256 of int64 bytes": {
      const order = random.permutation(960);
      const bytes = new Uint8Array(BigInt64Array.from(order, BigInt).buffer);
      return [Array.from(order.slice(0, 20)), createHash("sha256").update(bytes).digest("hex")];
    }
    case "integers(5,1006) x10":
      return [times(10, () => random.integers(5, 1006))];
    case "integers(0,1) x2":
      return [times(2, () => random.integers(0, 1))];
    case "integers(7,9) x6":
      return [times(6, () => random.integers(7, 9))];
    case "permutation(1000) first 10":
      return [Array.from(random.permutation(1000).slice(0, 10))];
    case "random() x3":
      return [times(3, () => random.random())];
    default:
      throw new Error(`unknown recorded draw ${name}`);
  }
}

function pairs(words: number[]): bigint[] {
  return Array.from(
    { length: words.length / 2 },
    (_, i) => BigInt(words[2 * i]) | (BigInt(words[2 * i + 1]) << 32n),
  );
}

function plainPhilox(counter: bigint[], key: bigint[]): bigint[] {
  let [x0, x1, x2, x3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < 10; round++) {
    const p0 = 0xd2e7470ee14c6c93n * x0;
    const p1 = 0xca5a826395121157n * x2;
    [x0, x1, x2, x3] = [(p1 >> 64n) ^ x1 ^ k0, p1 & MASK_64, (p0 >> 64n) ^ x3 ^ k1, p0 & MASK_64];
    k0 = (k0 + 0x9e3779b97f4a7c15n) & MASK_64;
    k1 = (k1 + 0xbb67ae8584caa73bn) & MASK_64;
  }
  return [x0, x1, x2, x3];
}
