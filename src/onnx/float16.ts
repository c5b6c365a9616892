// Float32 rounded to IEEE half precision, for weights that take half the bytes (formats/half.ts widens them again).

import { ToolError } from "../base/errors.ts";

const LARGEST_EXPONENT = 15;
const SMALLEST_EXPONENT = -14;
const FRACTION_BITS = 10;
const INFINITE = 0x7c00;

/** Bits of the nearest half precision numbers, ties to even. @param what stands in the error for numbers beyond ±65504 */
export function float16FromFloat32(values: Float32Array, what: string): Uint16Array {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const short = new Uint16Array(values.length);
  for (let i = 0; i < wide.length; i++) {
    const bits = wide[i];
    const exponent = ((bits >>> 23) & 0xff) - 127;
    // Below the smallest exponent it is a multiple of 2^-24, exact in double precision before it is rounded. Either way
    // a fraction of 1024 carries into the exponent.
    const rounded =
      exponent < SMALLEST_EXPONENT
        ? roundToEven(Math.abs(values[i]) * 2 ** (FRACTION_BITS - SMALLEST_EXPONENT))
        : ((exponent + LARGEST_EXPONENT) << FRACTION_BITS) +
          roundToEven((bits & 0x7fffff) / 2 ** (23 - FRACTION_BITS));
    if (rounded >= INFINITE)
      throw new ToolError(`${what} holds ${values[i]}, which half precision cannot`, {
        code: "onnx/float16-range",
        hint: "export with float32 weights",
      });
    short[i] = ((bits >>> 16) & 0x8000) | rounded;
  }
  return short;
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
