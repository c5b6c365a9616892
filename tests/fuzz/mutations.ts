// Files as accidents make them: cut off, with bits flipped, with numbers overwritten by extreme ones. Equal seeds give
// equal files.

/** A number from 0 up to (not including) `end`; mulberry32. */
export type Draw = (end: number) => number;

export function makeDraw(seed: number): Draw {
  let state = seed >>> 0;
  return (end) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * end);
  };
}

/** `hot` are the places that matter (headers and directories); half of the changes fall there. */
export function mutate(
  original: Uint8Array,
  hot: readonly [begin: number, end: number][],
  draw: Draw,
): Buffer {
  if (draw(4) === 0) return Buffer.from(original.subarray(0, draw(original.length)));
  const bytes = Buffer.from(original);
  const changes = 1 + draw(3);
  for (let i = 0; i < changes; i++) {
    const [begin, end] = draw(4) === 0 ? [0, bytes.length] : hot[draw(hot.length)];
    const at = begin + draw(end - begin);
    if (draw(3) > 0) bytes[at] ^= 1 << draw(8);
    else overwrite(bytes, at, draw);
  }
  return bytes;
}

/** One to eight bytes of zeros, ones, or a size of gigabytes. */
function overwrite(bytes: Buffer, at: number, draw: Draw): void {
  const width = Math.min(2 ** draw(4), bytes.length - at);
  const value = [0x00, 0xff, 0x7f, draw(256)][draw(4)];
  bytes.fill(value, at, at + width);
}
