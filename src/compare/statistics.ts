// The few statistics a comparison needs: spread over seeds, Student's t for few of them, and Holm's correction.

/** Means and spread of one number over the seeds. */
export interface Spread {
  readonly values: readonly number[];
  readonly mean: number;
  readonly min: number;
  readonly max: number;
  /** Sample standard deviation; null for a single value. */
  readonly deviation: number | null;
  /** 95 % interval of the mean by Student's t; null below three values. */
  readonly interval95: readonly [number, number] | null;
}

/** Below so many seeds nothing is said of the spread of the mean. */
export const LEAST_SEEDS = 3;

export function spreadOf(values: readonly number[]): Spread {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = values.length < 2 ? null : Math.sqrt(squares / (values.length - 1));
  return {
    values,
    mean,
    min: Math.min(...values),
    max: Math.max(...values),
    deviation,
    interval95: intervalOf(mean, deviation, values.length),
  };
}

/** The 95 % interval of a mean of n values. */
export function intervalOf(mean: number, deviation: number | null, n: number): [number, number] | null {
  if (deviation === null || n < LEAST_SEEDS) return null;
  const half = (tQuantile95(n - 1) * deviation) / Math.sqrt(n);
  return [mean - half, mean + half];
}

/** Two-sided p of "the true mean is 0" for n values of this mean and deviation. */
export function pValueOf(mean: number, deviation: number, n: number): number {
  if (mean === 0) return 1;
  return 1 - tInside(Math.abs(mean) / (deviation / Math.sqrt(n)), n - 1);
}

/** Probability that |T| < t at a whole number of degrees of freedom (Abramowitz and Stegun 26.7.3 and 26.7.4). */
export function tInside(t: number, degrees: number): number {
  const angle = Math.atan(t / Math.sqrt(degrees));
  const [sine, cosine] = [Math.sin(angle), Math.cos(angle)];
  const isOdd = degrees % 2 === 1;
  let term = isOdd ? cosine : 1;
  let sum = degrees === 1 ? 0 : term;
  for (let k = isOdd ? 3 : 2; k <= degrees - 2; k += 2) {
    term *= ((k - 1) / k) * cosine ** 2;
    sum += term;
  }
  return isOdd ? (2 / Math.PI) * (angle + sine * sum) : sine * sum;
}

/** The t that |T| stays below with 95 %. */
export function tQuantile95(degrees: number): number {
  let [low, high] = [1.9, 13]; // between the normal distribution's and that of one degree
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (tInside(middle, degrees) < 0.95) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** Holm's adjusted p-values: all of them together err with the probability that one alone would. */
export function holm(pValues: readonly number[]): number[] {
  const order = pValues.map((_, i) => i).sort((a, b) => pValues[a] - pValues[b]);
  const adjusted = new Array<number>(pValues.length);
  let least = 0;
  order.forEach((index, rank) => {
    least = Math.max(least, Math.min(1, (pValues.length - rank) * pValues[index]));
    adjusted[index] = least;
  });
  return adjusted;
}
