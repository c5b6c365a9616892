// Weights by name, laid out one after another in one array, so that an optimizer, an average or a checkpoint walks
// over all of them at once. Initialisation draws from a stream named after the weight: it does not depend on order.

import { stream } from "../base/random/threefry.ts";
import { elementCount } from "../engine/shape.ts";

export type Initial =
  | { readonly kind: "truncatedNormal"; readonly std: number }
  | { readonly kind: "constant"; readonly value: number };

export interface ParameterSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initial: Initial;
}

export interface ParameterLayout {
  readonly specs: readonly ParameterSpec[];
  /** Start of each weight in the flat array, in elements. */
  readonly offsets: ReadonlyMap<string, number>;
  /** Elements of the flat array. */
  readonly length: number;
}

/** Starts are multiples of 16 elements, a cache line; the gaps stay zero. */
const ALIGNMENT = 16;

export function layOut(specs: readonly ParameterSpec[]): ParameterLayout {
  const offsets = new Map<string, number>();
  let length = 0;
  for (const { name, shape } of specs) {
    offsets.set(name, length);
    length += Math.ceil(elementCount(shape) / ALIGNMENT) * ALIGNMENT;
  }
  return { specs, offsets, length };
}

/** Number of weights, gaps not counted. */
export function countParameters(specs: readonly ParameterSpec[]): number {
  return specs.reduce((sum, { shape }) => sum + elementCount(shape), 0);
}

/** The part of a flat array that belongs to each weight, as views. */
export function viewsOf(layout: ParameterLayout, flat: Float32Array): Map<string, Float32Array> {
  return new Map(
    layout.specs.map(({ name, shape }) => {
      const start = layout.offsets.get(name) ?? 0;
      return [name, flat.subarray(start, start + elementCount(shape))];
    }),
  );
}

/** Fresh weights; equal seeds give equal weights. */
export function initialize(layout: ParameterLayout, seed: number): Float32Array {
  const flat = new Float32Array(layout.length);
  const views = viewsOf(layout, flat);
  for (const spec of layout.specs) drawInitial(spec, seed, views.get(spec.name) ?? flat);
  return flat;
}

export function drawInitial(spec: ParameterSpec, seed: number, into: Float32Array): void {
  if (spec.initial.kind === "constant") {
    into.fill(spec.initial.value);
    return;
  }
  const random = stream(seed, "init", spec.name);
  for (let i = 0; i < into.length; i++) into[i] = random.truncatedNormal(spec.initial.std);
}
