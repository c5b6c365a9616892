// 16-bit floating point numbers as bits (Node 20 has no Float16Array): IEEE half precision and bfloat16,
// widened to float32 without loss, and float32 rounded to bfloat16 (nearest, ties to even, as hardware does).

/** Widens IEEE half precision bits: 1 sign, 5 exponent, 10 fraction. */
export function float32FromFloat16(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (value) => {
    const sign = value & 0x8000 ? -1 : 1;
    const exponent = (value >> 10) & 0x1f;
    const fraction = value & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return sign * (1024 + fraction) * 2 ** (exponent - 25);
  });
}

/** Widens bfloat16 bits, the upper half of a float32. */
export function float32FromBfloat16(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = bits[i] << 16;
  return new Float32Array(wide.buffer);
}

/** Rounds to bfloat16 bits. A NaN stays one: rounding its bits could carry into infinity. */
export function bfloat16FromFloat32(values: Float32Array): Uint16Array {
  const wide = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(values.length);
  for (let i = 0; i < values.length; i++) {
    const lowestKept = (wide[i] >>> 16) & 1;
    bits[i] = Number.isNaN(values[i]) ? (wide[i] >>> 16) | 0x40 : (wide[i] + 0x7fff + lowestKept) >>> 16;
  }
  return bits;
}
