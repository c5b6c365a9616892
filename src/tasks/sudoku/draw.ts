// A board as lines of text for the terminal, with lines between the boxes. Plain characters only: colour is
// the caller's, cell by cell, so that this file knows nothing of terminals.

import { type Board, geometryOf, sizeOf } from "./rules.ts";

export interface DrawOptions {
  /** Dresses the text of one cell (one character wide on screen), for instance in colour. */
  style?: (text: string, cell: number) => string;
  /** Lines of `|`, `-` and `+` for terminals without box characters. */
  ascii?: boolean;
}

/**
 * @example
 * console.log(drawBoard(parseBoard("1.3. .2.. ..4. 4..1")).join("\n"));
 */
export function drawBoard(board: Board, options: DrawOptions = {}): string[] {
  const { size, boxRows, boxCols, stacks } = geometryOf(sizeOf(board));
  const lines = options.ascii ? ASCII : BOX;
  const style = options.style ?? ((text: string) => text);
  const rule = (left: string, cross: string, right: string) =>
    left +
    Array<string>(stacks)
      .fill(lines.across.repeat(2 * boxCols + 1))
      .join(cross) +
    right;
  const drawn = [rule(lines.topLeft, lines.top, lines.topRight)];
  for (let row = 0; row < size; row++) {
    if (row > 0 && row % boxRows === 0) drawn.push(rule(lines.left, lines.cross, lines.right));
    let text = lines.down;
    for (let column = 0; column < size; column++) {
      const cell = row * size + column;
      text += ` ${style(board[cell] === 0 ? lines.empty : String(board[cell]), cell)}`;
      if ((column + 1) % boxCols === 0) text += ` ${lines.down}`;
    }
    drawn.push(text);
  }
  drawn.push(rule(lines.bottomLeft, lines.bottom, lines.bottomRight));
  return drawn;
}

const BOX = {
  across: "─",
  down: "│",
  topLeft: "┌",
  top: "┬",
  topRight: "┐",
  left: "├",
  cross: "┼",
  right: "┤",
  bottomLeft: "└",
  bottom: "┴",
  bottomRight: "┘",
  empty: "·",
};

const ASCII: typeof BOX = {
  across: "-",
  down: "|",
  topLeft: "+",
  top: "+",
  topRight: "+",
  left: "+",
  cross: "+",
  right: "+",
  bottomLeft: "+",
  bottom: "+",
  bottomRight: "+",
  empty: ".",
};
