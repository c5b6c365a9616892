// The eight symmetries of a square grid, numbered as in the reference (dataset/common.py: dihedral_transform): 0 identity,
// 1 to 3 rotations counter-clockwise, 4 left-right, 5 up-down, 6 transposition, 7 the other diagonal.

/** Number of them. */
export const SYMMETRIES = 8;

/** For every cell of the image the cell of the original that it shows. */
export function sourceCells(size: number, symmetry: number): Int32Array {
  const last = size - 1;
  return Int32Array.from({ length: size * size }, (_, cell) => {
    const row = Math.floor(cell / size);
    const column = cell % size;
    const [fromRow, fromColumn] = sourceOf(row, column, last, symmetry);
    return fromRow * size + fromColumn;
  });
}

function sourceOf(row: number, column: number, last: number, symmetry: number): [number, number] {
  switch (symmetry) {
    case 0:
      return [row, column];
    case 1:
      return [column, last - row];
    case 2:
      return [last - row, last - column];
    case 3:
      return [last - column, row];
    case 4:
      return [row, last - column];
    case 5:
      return [last - row, column];
    case 6:
      return [column, row];
    default:
      return [last - column, last - row];
  }
}
