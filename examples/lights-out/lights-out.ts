// Lights-out, the worked example of a puzzle of one's own: 5×5 lamps, each of them a button as well. A press switches
// a lamp and those above, below, left and right of it. Given which lamps are lit: which buttons put them all out?
// README.md beside this file explains each part. In a project of your own the import reads `from "whorl/tasks"`.

import type { Task } from "../../src/tasks/task.ts";

const SIZE = 5;
const CELLS = SIZE * SIZE;

/** Row by row; 1 is a lit lamp, or a button to press. */
type Cells = Uint8Array;

interface LightsOut {
  readonly lit: Cells;
  readonly presses: Cells;
}

/** Tokens: 0 is padding (never used here), 1 off or leave, 2 lit or press. */
const VOCABULARY = 3;

/** `data.settings` of the configuration: between how many presses make a board. More are harder. */
interface Settings {
  readonly fewest?: number;
  readonly most?: number;
}

export default function lightsOut({ fewest = 4, most = 5 }: Settings): Task<LightsOut> {
  if (!(fewest >= 1 && fewest <= most && most <= CELLS))
    throw new Error(`${fewest} to ${most} presses: take 1 to ${CELLS}, the smaller number first`);
  return {
    family: "lights-out",
    title: `lights-out ${SIZE}×${SIZE}`,
    seqLen: CELLS,
    vocabSize: VOCABULARY,

    encode({ lit, presses }, inputs, labels) {
      for (let cell = 0; cell < CELLS; cell++) {
        inputs[cell] = lit[cell] + 1;
        labels[cell] = presses[cell] + 1;
      }
    },

    // Backwards: press some buttons of a dark board; the same presses put it out again.
    generate(random) {
      const howMany = fewest + random.below(most - fewest + 1);
      const buttons = random.permutation(CELLS).slice(0, howMany);
      const presses = new Uint8Array(CELLS);
      for (const cell of buttons) presses[cell] = 1;
      return puzzleOf(afterPresses(new Uint8Array(CELLS), presses));
    },

    augment: ({ lit }, random) => puzzleOf(images(lit)[random.below(8)]),

    // Several answers are right, so the lamps decide, and not the answer that we happen to know.
    score({ lit }, answer) {
      const left = afterPresses(lit, pressesOf(answer)).filter((lamp) => lamp === 1).length;
      const problem =
        left === 0 ? undefined : `${left} of ${CELLS} lamps ${left === 1 ? "is" : "are"} still lit`;
      return { valid: left === 0, problem, measures: { lampsOut: 1 - left / CELLS } };
    },

    draw({ lit }, answer) {
      const presses = answer && pressesOf(answer);
      const symbol = (cell: number) => `${lit[cell] ? "●" : "·"}${presses?.[cell] ? "×" : " "}`;
      return rows(symbol);
    },

    difficulty: [{ unit: "presses", of: ({ presses }) => count(presses) }],

    key: ({ lit }) => images(lit).map(String).sort()[0],

    parse(text) {
      const cells = text.replace(/\s/g, "");
      if (cells.length !== CELLS) throw new Error(`${cells.length} cells, not ${CELLS}`);
      const bad = cells.search(/[^01.#]/);
      if (bad >= 0) throw new Error(`"${cells[bad]}" is neither a lit lamp (1 or #) nor a dark one (0 or .)`);
      return puzzleOf(
        Uint8Array.from(cells, (character) => (character === "1" || character === "#" ? 1 : 0)),
      );
    },

    format: (tokens) => Array.from(tokens, (token) => (token === 2 ? "1" : ".")).join(""),
  };
}

/** The puzzle with its answer: of the four that every solvable board has, the one with the fewest presses. */
function puzzleOf(lit: Cells): LightsOut {
  const [presses] = solutions(lit).sort((a, b) => count(a) - count(b));
  if (!presses) throw new Error("no presses put out all of these lamps");
  return { lit, presses };
}

/** Once the first row is decided the rest follows: a lamp that is still lit must be put out by the button below it. */
function solutions(lit: Cells): Cells[] {
  const firstRows = Array.from({ length: 2 ** SIZE }, (_, bits) => bits);
  return firstRows.flatMap((bits) => {
    const presses = new Uint8Array(CELLS);
    const lamps = lit.slice();
    for (let cell = 0; cell < CELLS; cell++) {
      const wanted = cell < SIZE ? (bits >> cell) & 1 : lamps[cell - SIZE];
      if (!wanted) continue;
      presses[cell] = 1;
      press(lamps, cell);
    }
    return lamps.includes(1) ? [] : [presses];
  });
}

function afterPresses(lit: Cells, presses: Cells): Cells {
  const lamps = lit.slice();
  presses.forEach((pressed, cell) => {
    if (pressed) press(lamps, cell);
  });
  return lamps;
}

function press(lamps: Cells, cell: number): void {
  const column = cell % SIZE;
  lamps[cell] ^= 1;
  if (column > 0) lamps[cell - 1] ^= 1;
  if (column < SIZE - 1) lamps[cell + 1] ^= 1;
  if (cell >= SIZE) lamps[cell - SIZE] ^= 1;
  if (cell < CELLS - SIZE) lamps[cell + SIZE] ^= 1;
}

/** The board turned and mirrored in all 8 ways. */
function images(lit: Cells): Cells[] {
  const turned = (cells: Cells) =>
    cells.map((_, cell) => cells[(cell % SIZE) * SIZE + SIZE - 1 - Math.floor(cell / SIZE)]);
  const mirrored = (cells: Cells) =>
    cells.map((_, cell) => cells[cell - (cell % SIZE) + SIZE - 1 - (cell % SIZE)]);
  const all = [lit];
  for (let turn = 1; turn < 4; turn++) all.push(turned(all[turn - 1]));
  return [...all, ...all.map(mirrored)];
}

function pressesOf(answer: ArrayLike<number>): Cells {
  return Uint8Array.from(answer, (token) => (token === 2 ? 1 : 0));
}

function count(cells: Cells): number {
  return cells.reduce((sum, cell) => sum + cell, 0);
}

function rows(symbol: (cell: number) => string): string[] {
  return Array.from({ length: SIZE }, (_, row) =>
    Array.from({ length: SIZE }, (_, column) => symbol(row * SIZE + column))
      .join("")
      .trimEnd(),
  );
}
