// The canonical form of a puzzle under every symmetry of Sudoku: relabelled digits, reordered bands, rows in
// bands, stacks, columns in stacks, and transposition where boxes are square. Two puzzles have the same form
// exactly when one is a symmetric image of the other.
// Method: individualisation and refinement, as in McKay's nauty. Rows, columns and digits get colours that
// depend on nothing a symmetry can change; where colours are equal, each choice is tried, and of all boards
// that remain the smallest counts. A collision of hashes costs time, never exactness.

import { type Colouring, type Givens, mix, refined } from "./colouring.ts";
import { type Board, formatBoard, geometryOf, type SudokuGeometry, sizeOf } from "./rules.ts";

export function canonicalForm(board: Board): Board {
  const geometry = geometryOf(sizeOf(board));
  let nodes = roots(board, geometry);
  for (;;) {
    nodes = mostRefined(nodes);
    if (nodes[0].lineClasses === 2 * geometry.size) return smallestBoard(nodes, geometry);
    nodes = nodes.flatMap((node) => children(node, geometry));
  }
}

/** The canonical form as text, to compare and to collect in sets. */
export function canonicalKey(board: Board): string {
  return formatBoard(canonicalForm(board));
}

/** A number that symmetric images share and most other puzzles do not; ten times cheaper than the form. */
export function symmetryInvariant(board: Board): number {
  const geometry = geometryOf(sizeOf(board));
  const { size, boxRows, boxCols, boxOf } = geometry;
  const rows = new Int32Array(size);
  const columns = new Int32Array(size);
  const boxes = new Int32Array(size);
  const digits = new Int32Array(size);
  for (let cell = 0; cell < board.length; cell++) {
    if (board[cell] === 0) continue;
    rows[Math.floor(cell / size)]++;
    columns[cell % size]++;
    boxes[boxOf[cell]]++;
    digits[board[cell] - 1]++;
  }
  const byRows = mix(sumOfGroups(rows, boxRows));
  const byColumns = mix(sumOfGroups(columns, boxCols));
  const lines = isTransposable(geometry) ? byRows + byColumns : byRows + 3 * byColumns;
  return mix(lines + 5 * mix(sumOfGroups(boxes, 1)) + 7 * mix(sumOfGroups(digits, 1)));
}

function isTransposable({ boxRows, boxCols }: SudokuGeometry): boolean {
  return boxRows === boxCols;
}

/** Groups are bands or stacks: the order of lines in a group and of the groups does not matter. */
function sumOfGroups(counts: Int32Array, groupSize: number): number {
  let sum = 0;
  for (let start = 0; start < counts.length; start += groupSize) {
    let group = 0;
    for (let line = start; line < start + groupSize; line++) group = (group + mix(counts[line] + 1)) | 0;
    sum = (sum + mix(group)) | 0;
  }
  return sum;
}

/** The uncoloured board and, where that is a symmetry, its transposition. */
function roots(board: Board, geometry: SudokuGeometry): Colouring[] {
  const { size } = geometry;
  const upright = readGivens(board, size);
  const orientations = isTransposable(geometry) ? [upright, transposed(upright, size)] : [upright];
  return orientations.map((givens) => refined(givens, new Int32Array(3 * size), geometry));
}

function readGivens(board: Board, size: number): Givens {
  const cells: number[] = [];
  for (let cell = 0; cell < board.length; cell++) if (board[cell] !== 0) cells.push(cell);
  const rows = Uint8Array.from(cells, (cell) => Math.floor(cell / size));
  const columns = Uint8Array.from(cells, (cell) => cell % size);
  const digits = Uint8Array.from(cells, (cell) => board[cell] - 1);
  const isEmpty = new Array<boolean>(2 * size).fill(true);
  for (const row of rows) isEmpty[row] = false;
  for (const column of columns) isEmpty[size + column] = false;
  return { count: cells.length, rows, columns, digits, isEmpty };
}

function transposed(givens: Givens, size: number): Givens {
  const { isEmpty } = givens;
  return {
    ...givens,
    rows: givens.columns,
    columns: givens.rows,
    isEmpty: [...isEmpty.slice(size), ...isEmpty.slice(0, size)],
  };
}

/** Those that split into the most classes and, among them, have the smallest trace. */
function mostRefined(nodes: Colouring[]): Colouring[] {
  let best = nodes[0];
  for (const node of nodes) if (isBefore(node, best)) best = node;
  return nodes.filter((node) => !isBefore(best, node));
}

function isBefore(a: Colouring, b: Colouring): boolean {
  if (a.lineClasses !== b.lineClasses) return a.lineClasses > b.lineClasses;
  return a.classes === b.classes ? a.trace < b.trace : a.classes > b.classes;
}

/** One child for every line of the smallest class of equal lines, with that line made different. */
function children(node: Colouring, geometry: SudokuGeometry): Colouring[] {
  const { size, boxRows, boxCols } = geometry;
  const tried = new Set<number>();
  const made: Colouring[] = [];
  for (const line of smallestClass(node.colours, size)) {
    if (node.givens.isEmpty[line]) {
      // Empty lines of the same band or stack can change places without changing anything: one of them will do.
      const group = line < size ? Math.floor(line / boxRows) : size + Math.floor((line - size) / boxCols);
      if (tried.has(group)) continue;
      tried.add(group);
    }
    const colours = node.colours.slice();
    colours[line] = mix(colours[line] + 0x51ed270b);
    made.push(refined(node.givens, colours, geometry));
  }
  return made;
}

/**
 * Lines of equal colour, at least two, chosen by numbers and colours alone. From the side (rows or columns)
 * with fewer colours: in a full grid fixing one row and one column settles more than fixing all rows.
 */
function smallestClass(colours: Int32Array, size: number): number[] {
  const rows = linesByColour(colours, 0, size);
  const columns = linesByColour(colours, size, 2 * size);
  const side = rows.size <= columns.size ? rows : columns;
  const several = Array.from(side).filter(([, lines]) => lines.length > 1);
  several.sort(([colourA, a], [colourB, b]) => a.length - b.length || colourA - colourB);
  return several[0][1];
}

function linesByColour(colours: Int32Array, start: number, end: number): Map<number, number[]> {
  const classes = new Map<number, number[]>();
  for (let line = start; line < end; line++) {
    const members = classes.get(colours[line]);
    if (members === undefined) classes.set(colours[line], [line]);
    else members.push(line);
  }
  return classes;
}

/** All lines differ, so every node stands for one board; digits are numbered as they appear in it. */
function smallestBoard(nodes: Colouring[], geometry: SudokuGeometry): Board {
  let best = orderedBoard(nodes[0], geometry);
  for (const node of nodes.slice(1)) {
    const board = orderedBoard(node, geometry);
    if (Buffer.compare(board, best) < 0) best = board;
  }
  return best;
}

function orderedBoard(
  { givens, colours }: Colouring,
  { size, cells, boxRows, boxCols }: SudokuGeometry,
): Board {
  const rowPlaces = placesByColour(colours.subarray(0, size), boxRows);
  const columnPlaces = placesByColour(colours.subarray(size, 2 * size), boxCols);
  const board = new Uint8Array(cells);
  for (let given = 0; given < givens.count; given++) {
    board[rowPlaces[givens.rows[given]] * size + columnPlaces[givens.columns[given]]] =
      givens.digits[given] + 1;
  }
  const label = new Uint8Array(size + 1);
  let labels = 0;
  for (let cell = 0; cell < cells; cell++) {
    const digit = board[cell];
    if (digit === 0) continue;
    if (label[digit] === 0) label[digit] = ++labels;
    board[cell] = label[digit];
  }
  return board;
}

/** For every line its new place: groups by their smallest colour, lines in a group by colour. */
function placesByColour(colours: Int32Array, groupSize: number): Uint8Array {
  const groups: number[][] = [];
  for (let start = 0; start < colours.length; start += groupSize) {
    const lines = Array.from({ length: groupSize }, (_, i) => start + i);
    groups.push(lines.sort((a, b) => colours[a] - colours[b]));
  }
  groups.sort(([a], [b]) => colours[a] - colours[b]);
  const places = new Uint8Array(colours.length);
  for (const [place, line] of groups.flat().entries()) places[line] = place;
  return places;
}
