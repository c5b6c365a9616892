// The augmentations of ARC tasks: one of eight dihedral images and a permutation of the colours 1 … 9; black (0) stays.
// Their names are those of the reference's puzzle identifiers, so that published puzzle tables fit.
// Source: aug and inverse_aug of the reference's dataset/build_arc_dataset.py, in its order of draws (spec/trm.md 11).

import { ToolError } from "../../base/errors.ts";
import type { RandomState } from "../../base/random/mt19937.ts";
import { copyView, DIHEDRAL_INVERSE, dihedral, type Grid, viewGrid } from "./grid.ts";

export interface ArcAugmentation {
  /** Dihedral image, 0 … 7. */
  readonly transform: number;
  /** New colour of every colour [10]. */
  readonly colours: Uint8Array;
}

const SEPARATOR = "|||";

/** Transformations times permutations of nine colours. */
export const AUGMENTATION_COUNT = 8 * 362880;

export function drawAugmentation(random: Pick<RandomState, "randint" | "permutation">): ArcAugmentation {
  const transform = random.randint(0, 8);
  const colours = new Uint8Array(10);
  random.permutation(9).forEach((colour, i) => {
    colours[i + 1] = colour + 1;
  });
  return { transform, colours };
}

export function applyAugmentation({ transform, colours }: ArcAugmentation, grid: Grid): Grid {
  return copyView(viewGrid(grid, transform), colours);
}

/** Takes the original back from an augmented grid, such as a model's answer to it. */
export function invertAugmentation({ transform, colours }: ArcAugmentation, grid: Grid): Grid {
  const original = new Uint8Array(10);
  colours.forEach((colour, from) => {
    original[colour] = from;
  });
  return copyView(viewGrid(grid, DIHEDRAL_INVERSE[transform]), original);
}

/** Name of a puzzle: that of its task, and how it was augmented. */
export function formatIdentifier(id: string, augmentation: ArcAugmentation | undefined): string {
  if (augmentation === undefined) return id;
  return `${id}${SEPARATOR}t${augmentation.transform}${SEPARATOR}${augmentation.colours.join("")}`;
}

/** The other way round. */
export function parseIdentifier(name: string): { id: string; augmentation: ArcAugmentation | undefined } {
  if (!name.includes(SEPARATOR)) return { id: name, augmentation: undefined };
  const match = /^(?<id>.*?)\|\|\|(?:.*\|\|\|)?t(?<transform>[0-7])\|\|\|(?<colours>\d{10})$/s.exec(name);
  const digits = match?.groups?.colours ?? "";
  if (!match?.groups || new Set(digits).size !== 10)
    throw new ToolError(`"${name}" is not the name of a puzzle`, {
      code: "arc/bad-identifier",
      hint: "a name is that of a task, or task|||t3|||0123456789: one of eight turns, and the new colour of each",
    });
  const { id, transform } = match.groups;
  return { id, augmentation: { transform: Number(transform), colours: Uint8Array.from(digits, Number) } };
}

/** The augmentation as one number below `AUGMENTATION_COUNT`; 0 changes nothing. Black must stay black. */
export function packAugmentation({ transform, colours }: ArcAugmentation): number {
  // Digit i says how far left of place i a shuffle takes its colour from; undone here from the last place on.
  const order = Array.from({ length: 9 }, (_, i) => i + 1);
  let packed = 0;
  for (let i = 8; i > 0; i--) {
    const from = order.indexOf(colours[i + 1]);
    order[from] = order[i];
    packed = packed * (i + 1) + (i - from);
  }
  return packed * 8 + transform;
}

export function unpackAugmentation(packed: number): ArcAugmentation {
  const steps: number[] = [];
  let rest = Math.floor(packed / 8);
  for (let i = 1; i < 9; i++) {
    steps.push(rest % (i + 1));
    rest = Math.floor(rest / (i + 1));
  }
  const colours = Uint8Array.from({ length: 10 }, (_, colour) => colour);
  for (let i = 8; i > 0; i--) {
    const from = i - steps[i - 1];
    const taken = colours[from + 1];
    colours[from + 1] = colours[i + 1];
    colours[i + 1] = taken;
  }
  return { transform: packed % 8, colours };
}

/** The one transformation that does what `first` and then `second` do. */
export function composeTransforms(second: number, first: number): number {
  const corners = dihedral(dihedral(CORNERS, first), second).cells;
  for (let t = 0; t < 8; t++) if (dihedral(CORNERS, t).cells.join() === corners.join()) return t;
  throw new Error(`no transformation is ${first} and then ${second}`);
}

/** Four different cells tell the eight images apart. */
const CORNERS: Grid = { rows: 2, cols: 2, cells: Uint8Array.of(0, 1, 2, 3) };
