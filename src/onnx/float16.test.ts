import { expect, test } from "vitest";
import { float32FromFloat16 } from "../formats/half.ts";
import { float16FromFloat32 } from "./float16.ts";

test("every finite half precision number comes back as it was", () => {
  const bits = Uint16Array.from({ length: 0x10000 }, (_, i) => i).filter(
    (each) => (each & 0x7c00) !== 0x7c00,
  );
  expect(bits.length).toBe(2 * 0x7c00);
  expect(float16FromFloat32(float32FromFloat16(bits), "all")).toEqual(bits);
});

test("numbers between two neighbours go to the nearer, halves to the even one", () => {
  const bits = Uint16Array.from({ length: 0x7bff }, (_, i) => i);
  const low = float32FromFloat16(bits);
  const high = float32FromFloat16(bits.map((each) => each + 1));
  const between = (share: number) => low.map((value, i) => value + share * (high[i] - value));
  expect(float16FromFloat32(between(0.25), "quarters")).toEqual(bits);
  expect(float16FromFloat32(between(0.75), "quarters")).toEqual(bits.map((each) => each + 1));
  expect(float16FromFloat32(between(0.5), "halves")).toEqual(bits.map((each) => each + (each % 2)));
  expect(Array.from(float16FromFloat32(Float32Array.of(-0.1, -0, 1e-9), "signs"))).toEqual([
    0xae66, 0x8000, 0,
  ]);
});

test.each([65520, Number.POSITIVE_INFINITY, Number.NaN])("%d is refused", (value) => {
  expect(() => float16FromFloat32(Float32Array.of(1, value), "lm_head.weight")).toThrow(
    `lm_head.weight holds ${value}, which half precision cannot`,
  );
});
