// The nearest known name to a mistyped one, for the hints of error messages.
// Distance is optimal string alignment (insert, delete, replace, swap neighbours), blind to case and to `_` or `-`.

/** The candidate that looks most like `word`; the first of equals; undefined only when there are none. */
export function nearestName(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const distance = nameDistance(word, candidate);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Dotted names also match by their last part alone, so that `hiddenSize` finds `model.hiddenSize`. */
export function nameDistance(word: string, candidate: string): number {
  const whole = editDistance(plain(word), plain(candidate));
  const lastParts = editDistance(plain(lastPart(word)), plain(lastPart(candidate))) + 0.5;
  return Math.min(whole, candidate.includes(".") ? lastParts : whole);
}

/** Number of single-letter edits that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = previous[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      current[j] = Math.min(previous[j] + 1, current[j - 1] + 1, replace);
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (swapped) current[j] = Math.min(current[j], beforePrevious[j - 2] + 1);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length];
}

function plain(name: string): string {
  return name.toLowerCase().replaceAll(/[-_]/g, "");
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf(".") + 1);
}
