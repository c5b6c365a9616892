// How far two lists of numbers lie apart.

/** Infinite where one of the two is no number. */
export function maxDifference(expected: ArrayLike<number>, found: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(expected[i] - found[i]);
    most = Math.max(most, Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference);
  }
  return most;
}
