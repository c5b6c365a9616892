import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { findGolden } from "../data-folder.ts";
import { makeRandomState, type RandomState } from "./mt19937.ts";

test("the first outputs are those of the original generator", () => {
  // Both numbers are those of the C++ standard for its default seed 5489.
  const random = makeRandomState(5489);
  expect(random.uint32()).toBe(3499211612);
  for (let i = 2; i < 10_000; i++) random.uint32();
  expect(random.uint32()).toBe(4123659995);
});

test("a range of one value consumes nothing", () => {
  const random = makeRandomState(7);
  const untouched = makeRandomState(7);
  expect(random.randint(3, 4)).toBe(3);
  expect(random.permutation(1)).toEqual([0]);
  expect(random.uint32()).toBe(untouched.uint32());
});

const golden = findGolden("numpy-random.json");

test.skipIf(!golden)("draws equal NumPy's recorded ones", () => {
  const recorded: Record<string, [name: string, drawn: unknown][]> = JSON.parse(
    readFileSync(golden ?? "", "utf8"),
  ).RandomState;
  expect(Object.keys(recorded)).toEqual(["0", "42", "12345"]);
  for (const [seed, draws] of Object.entries(recorded)) {
    const random = makeRandomState(Number(seed));
    for (const [name, expected] of draws) expect(replay(random, name), `${seed} ${name}`).toEqual(expected);
  }
});

function replay(random: RandomState, name: string): unknown {
  const times = <T>(count: number, draw: () => T) => Array.from({ length: count }, draw);
  switch (name) {
    case "random_raw_uint32":
      return times(8, () => random.uint32());
    case "randint(0,8) x12":
      return times(12, () => random.randint(0, 8));
    case "randint(0,30) x6":
      return times(6, () => random.randint(0, 30));
    case "randint(0,1) x2":
      return times(2, () => random.randint(0, 1));
    case "permutation(arange(1,10)) x3":
      return times(3, () => random.permutation(9).map((i) => i + 1));
    case "permutation(3) x4":
      return times(4, () => random.permutation(3));
    case "shuffle(list of 400)": {
      const items = Array.from({ length: 400 }, (_, i) => i);
      random.shuffle(items);
      return items;
    }
    case "rand() x4":
      return times(4, () => random.rand());
    case "choice(20,7,replace=False)":
      return random.choice(20, 7);
    case "choice(1000,5,replace=False)":
      return random.choice(1000, 5);
    case "randint(0,6) after all":
      return random.randint(0, 6);
    default:
      throw new Error(`unknown recorded draw ${name}`);
  }
}
