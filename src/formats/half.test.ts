import fc from "fast-check";
import { expect, test } from "vitest";
import { bfloat16FromFloat32, float32FromBfloat16, float32FromFloat16 } from "./half.ts";

test("half precision: known bit patterns", () => {
  const bits = [0x3c00, 0xc000, 0x7bff, 0x0400, 0x0001, 0x8000, 0x7c00, 0xfc00, 0x7e00, 0x3555];
  expect([...float32FromFloat16(Uint16Array.from(bits))]).toEqual([
    ...[1, -2, 65504, 2 ** -14, 2 ** -24, -0, Infinity, -Infinity, Number.NaN, 0.333251953125],
  ]);
});

test("every bfloat16 survives widening and rounding", () => {
  const all = Uint16Array.from({ length: 65536 }, (_, i) => i);
  const wide = float32FromBfloat16(all);
  const back = bfloat16FromFloat32(wide);
  const changed = all.filter((bits, i) => back[i] !== bits && !Number.isNaN(wide[i]));
  expect(changed).toHaveLength(0);
  expect(float32FromBfloat16(back).every((value, i) => Number.isNaN(value) === Number.isNaN(wide[i]))).toBe(
    true,
  );
});

test("rounding to bfloat16 picks the nearest, the even one of two equally near", () => {
  const one = 1;
  const step = 2 ** -7;
  const values = [one + step / 2, one + (3 * step) / 2, one + step / 2 + 2 ** -20, 3.4028234663852886e38];
  const rounded = float32FromBfloat16(bfloat16FromFloat32(Float32Array.from(values)));
  expect([...rounded]).toEqual([one, one + 2 * step, one + step, Infinity]);
  fc.assert(
    fc.property(fc.float({ noNaN: true, min: Math.fround(-1e38), max: Math.fround(1e38) }), (value) => {
      const [bits] = bfloat16FromFloat32(Float32Array.of(value));
      const error = (candidate: number) =>
        Math.abs(float32FromBfloat16(Uint16Array.of(candidate))[0] - value);
      const neighbours = [bits - 1, bits + 1].filter((each) => each >= 0 && (each & 0x7fff) !== 0x7fff);
      for (const neighbour of neighbours) expect(error(bits)).toBeLessThanOrEqual(error(neighbour));
    }),
  );
});
