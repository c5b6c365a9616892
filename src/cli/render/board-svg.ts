// The way to an answer as a picture: the puzzle and the board after each step that changed something. For documents;
// the terminal has board-trace.ts.

import { haltProbability } from "../../eval/halt-rule.ts";
import { boardStagesOf, changedCells, type SudokuAttempt } from "../../eval/solve-sudoku.ts";
import { brokenCells, isValid } from "../../tasks/sudoku/judge.ts";
import { type Board, geometryOf, sizeOf } from "../../tasks/sudoku/rules.ts";
import { percent } from "./numbers.ts";

const CELL = 26;
const GAP = 28;
const CAPTION = 44;
const COLUMNS = 4;
const INK = {
  given: "#1f2430",
  guessed: "#2563c9",
  broken: "#c0262d",
  changed: "#fff1b8",
  line: "#9aa3b2",
  paper: "#ffffff",
};

interface Panel {
  readonly title: string;
  readonly caption: string;
  readonly board: Board;
  readonly changed: ReadonlySet<number>;
  readonly broken: ReadonlySet<number>;
}

/** An SVG document, at most `COLUMNS` boards wide. */
export function drawTraceSvg(attempt: SudokuAttempt): string {
  const panels = panelsOf(attempt);
  const side = CELL * geometryOf(sizeOf(attempt.puzzle)).size;
  const rows = Math.ceil(panels.length / COLUMNS);
  const columns = Math.ceil(panels.length / rows);
  const [stepX, stepY] = [side + GAP, side + CAPTION + GAP];
  const [width, height] = [columns * stepX + GAP, rows * stepY + GAP / 2];
  const drawn = panels.map((panel, i) => {
    const at = `translate(${GAP + (i % columns) * stepX}, ${GAP / 2 + Math.floor(i / columns) * stepY})`;
    return `<g transform="${at}">\n${drawPanel(panel, attempt.puzzle, side)}\n</g>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="system-ui, sans-serif" role="img" aria-labelledby="title">`,
    `<title id="title">A Sudoku of ${attempt.puzzle.length} cells and a model's answer after each step: ${describeEnd(attempt)}</title>`,
    `<rect width="${width}" height="${height}" fill="${INK.paper}"/>`,
    ...drawn,
    "</svg>",
    "",
  ].join("\n");
}

function panelsOf(attempt: SudokuAttempt): Panel[] {
  const givens = attempt.puzzle.reduce((count, digit) => count + (digit === 0 ? 0 : 1), 0);
  const puzzle: Panel = {
    title: "puzzle",
    caption: `${givens} cells given`,
    board: attempt.puzzle,
    changed: new Set(),
    broken: new Set(),
  };
  const stages = boardStagesOf(attempt).map((stage): Panel => {
    const broken = brokenCells(stage.judgement);
    const sure = `sure ${percent(haltProbability(stage.haltLogit), 0)}`;
    return {
      title: stage.last > stage.first ? `steps ${stage.first}–${stage.last}` : `step ${stage.first}`,
      caption: isValid(stage.judgement) ? `solved, ${sure}` : `${broken.size} in conflict, ${sure}`,
      board: stage.board,
      changed: new Set(stage.first === 1 ? [] : changedCells(stage)),
      broken,
    };
  });
  return [puzzle, ...stages];
}

function describeEnd({ solvedAtStep, steps }: SudokuAttempt): string {
  return solvedAtStep === undefined
    ? `not solved in ${steps.length} steps`
    : `solved at step ${solvedAtStep}`;
}

function drawPanel({ title, caption, board, changed, broken }: Panel, puzzle: Board, side: number): string {
  const { size, boxRows, boxCols } = geometryOf(sizeOf(board));
  const at = (cell: number) => ({ x: (cell % size) * CELL, y: CAPTION + Math.floor(cell / size) * CELL });
  const marks = [...changed].map((cell) => {
    const { x, y } = at(cell);
    return `<rect x="${x}" y="${y}" width="${CELL}" height="${CELL}" fill="${INK.changed}"/>`;
  });
  const digits = Array.from(board.entries()).flatMap(([cell, digit]) => {
    if (digit === 0) return [];
    const { x, y } = at(cell);
    const isGiven = puzzle[cell] !== 0;
    const ink = broken.has(cell) ? INK.broken : isGiven ? INK.given : INK.guessed;
    return `<text x="${x + CELL / 2}" y="${y + CELL * 0.7}" font-size="16" text-anchor="middle" fill="${ink}"${isGiven ? ' font-weight="700"' : ""}>${digit}</text>`;
  });
  const lines = Array.from({ length: size + 1 }, (_, i) => {
    const rule = (isThick: boolean, from: string, to: string) =>
      `<path d="M${from} L${to}" stroke="${isThick ? INK.given : INK.line}" stroke-width="${isThick ? 2 : 0.7}"/>`;
    const offset = i * CELL;
    return [
      rule(i % boxRows === 0, `0 ${CAPTION + offset}`, `${side} ${CAPTION + offset}`),
      rule(i % boxCols === 0, `${offset} ${CAPTION}`, `${offset} ${CAPTION + side}`),
    ].join("");
  });
  return [
    `<text x="0" y="16" font-size="15" font-weight="600" fill="${INK.given}">${title}</text>`,
    `<text x="0" y="35" font-size="13" fill="#5b6474">${caption}</text>`,
    ...marks,
    ...digits,
    ...lines,
  ].join("\n");
}
