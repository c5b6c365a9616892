// Which augmentations of a task give the same puzzle: the reference keeps one of them (it compares hashes of all pairs,
// sorted; dataset/build_arc_dataset.py, puzzle_hash). Decided here without looking at a cell of an augmented grid: two
// augmentations are equal exactly when they differ by a symmetry of the task, so the symmetries are found once a task.

import { type ArcAugmentation, applyAugmentation, composeTransforms, packAugmentation } from "./augment.ts";
import { dihedral, type Grid } from "./grid.ts";
import type { ArcPair } from "./read.ts";

/** Tasks with more symmetries than that, or a longer search for them, are compared cell by cell. */
const MAX_SYMMETRIES = 64;
const MAX_SEARCH_NODES = 20_000;

/** Equal for two augmentations exactly when they make the same multiset of pairs. */
export type PuzzleKey = (augmentation: ArcAugmentation) => number | string;

export function makePuzzleKey(pairs: readonly ArcPair[]): PuzzleKey {
  const symmetries = findSymmetries(pairs);
  return symmetries === undefined ? (change) => plainKey(pairs, change) : symmetryKey(pairs, symmetries);
}

/** The pairs themselves as sorted text: slow and obvious. */
export function plainKey(pairs: readonly ArcPair[], change: ArcAugmentation): string {
  const text = ({ rows, cols, cells }: Grid) => `${rows},${cols}:${cells.join("")}`;
  return pairs
    .map(({ input, output }) =>
      [input, output].map((grid) => text(applyAugmentation(change, grid))).join(">"),
    )
    .sort()
    .join("|");
}

function symmetryKey(pairs: readonly ArcPair[], symmetries: readonly ArcAugmentation[]): PuzzleKey {
  const used = usedColours(pairs);
  if (symmetries.length === 1 && used.length === 9) return packAugmentation;
  const composed = Array.from({ length: 8 }, (_, t) =>
    symmetries.map((s) => composeTransforms(t, s.transform)),
  );
  // Colours that do not occur make no difference; the symmetric images of an augmentation share the smallest key.
  return ({ transform, colours }) => {
    let smallest = Number.POSITIVE_INFINITY;
    symmetries.forEach((symmetry, i) => {
      let key = composed[transform][i];
      for (const colour of used) key = key * 10 + colours[symmetry.colours[colour]];
      if (key < smallest) smallest = key;
    });
    return smallest;
  };
}

/** All augmentations that map the pairs onto themselves, in colours that occur; undefined when there are too many. */
export function findSymmetries(pairs: readonly ArcPair[]): ArcAugmentation[] | undefined {
  const found = new Map<string, ArcAugmentation>();
  let nodes = 0;

  /** Pairs from `index` on of the turned task go to pairs not taken yet, as the colours mapped so far allow. */
  function match(
    images: readonly ArcPair[],
    index: number,
    taken: boolean[],
    map: Uint8Array,
    transform: number,
  ) {
    if (index === images.length) {
      found.set(`${transform} ${map.join("")}`, { transform, colours: map });
      return;
    }
    for (let target = 0; target < pairs.length; target++) {
      if (taken[target]) continue;
      if (nodes++ > MAX_SEARCH_NODES || found.size > MAX_SYMMETRIES) return;
      const extended = map.slice();
      if (!extend(extended, images[index].input, pairs[target].input)) continue;
      if (!extend(extended, images[index].output, pairs[target].output)) continue;
      taken[target] = true;
      match(images, index + 1, taken, extended, transform);
      taken[target] = false;
    }
  }

  for (let transform = 0; transform < 8; transform++) {
    const images = pairs.map(({ input, output }) => ({
      input: dihedral(input, transform),
      output: dihedral(output, transform),
    }));
    const none = new Uint8Array(10).fill(UNKNOWN);
    none[0] = 0;
    match(
      images,
      0,
      pairs.map(() => false),
      none,
      transform,
    );
  }
  return nodes > MAX_SEARCH_NODES || found.size > MAX_SYMMETRIES ? undefined : [...found.values()];
}

const UNKNOWN = 255;

/** Adds what `from` → `to` says of the colours; false when it contradicts or two colours would become one. */
function extend(map: Uint8Array, from: Grid, to: Grid): boolean {
  if (from.rows !== to.rows || from.cols !== to.cols) return false;
  for (let cell = 0; cell < from.cells.length; cell++) {
    const before = from.cells[cell];
    const after = to.cells[cell];
    if (map[before] === after) continue;
    if (map[before] !== UNKNOWN || map.includes(after)) return false;
    map[before] = after;
  }
  return true;
}

/** Colours other than black that occur. */
function usedColours(pairs: readonly ArcPair[]): number[] {
  const used = new Set<number>();
  for (const { input, output } of pairs) {
    for (const colour of input.cells) used.add(colour);
    for (const colour of output.cells) used.add(colour);
  }
  used.delete(0);
  return [...used].sort();
}
