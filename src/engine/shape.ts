// Shapes with up to two symbolic sizes: `rows` (examples of a batch, cut into micro-batches) and `tokens`
// (positions a row, for models with a run-time length). Everything else is a number known when the graph is built.

import { invariant, ToolError } from "../base/errors.ts";

export type Dim = number | "rows" | "tokens";
export type Shape = readonly Dim[];

/** What the symbols stand for in one run. */
export interface SymbolSizes {
  rows: number;
  tokens: number;
}

/** A product of dimensions: `coefficient`, times rows if bit 0 of `symbols` is set, times tokens if bit 1 is. */
export interface Size {
  coefficient: number;
  symbols: number;
}

const SYMBOL_BIT = { rows: 1, tokens: 2 } as const;

/** The product of dimensions; of none it is 1. */
export function sizeOf(...dims: Dim[]): Size {
  const size: Size = { coefficient: 1, symbols: 0 };
  for (const dim of dims) {
    if (typeof dim === "number") size.coefficient *= dim;
    else if (size.symbols & SYMBOL_BIT[dim])
      throw new ToolError(`a size is quadratic in '${dim}'`, { code: "engine/shape" });
    else size.symbols |= SYMBOL_BIT[dim];
  }
  return size;
}

export function resolveSize(size: Size, sizes: SymbolSizes): number {
  return size.coefficient * (size.symbols & 1 ? sizes.rows : 1) * (size.symbols & 2 ? sizes.tokens : 1);
}

export function resolveShape(shape: Shape, sizes: SymbolSizes): number[] {
  return shape.map((dim) => (typeof dim === "number" ? dim : sizes[dim]));
}

export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, i) => dim === b[i]);
}

export function sameSize(a: Size, b: Size): boolean {
  return a.coefficient === b.coefficient && a.symbols === b.symbols;
}

export function hasRows(shape: Shape): boolean {
  return shape.includes("rows");
}

/** Splits a shape around an axis into [outer, n, inner]; axes count from the end, the last is -1. */
export function aroundAxis(shape: Shape, axis: number): { outer: Dim[]; n: Dim; inner: Dim[] } {
  invariant(axis < 0 && shape.length + axis >= 0, `axis ${axis} of ${formatShape(shape)}`);
  const at = shape.length + axis;
  return { outer: shape.slice(0, at), n: shape[at], inner: shape.slice(at + 1) };
}

/** The same shape with another length along one axis. */
export function withAxis(shape: Shape, axis: number, length: Dim): Shape {
  const at = shape.length + axis;
  return shape.map((dim, i) => (i === at ? length : dim));
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}
