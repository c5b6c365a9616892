// Where values live: which share memory, which are in buffers of the caller, and at what offset of the arena the rest
// is. The arena belongs to one thread and holds one micro-batch; values whose lifetimes do not meet overlap in it.

import type { Graph, Node, Value } from "./graph.ts";
import { elementBytes, type NumberFormat } from "./number-format.ts";
import { isView } from "./op.ts";
import { hasRows, resolveSize, type SymbolSizes, sameSize, sizeOf } from "./shape.ts";

/** Arena offsets are multiples of a cache line. */
const ALIGNMENT_BYTES = 64;

/** Place of a value: an external buffer by name, or the arena. */
export type Place = { readonly slot: string } | { readonly offset: number };

export interface MemoryPlan {
  /** Place of every value but optional results that nothing reads and, under the node itself, of its workspace. */
  readonly places: ReadonlyMap<Value | Node, Place>;
  /** Outputs and updates that could not be computed in their place and are copied at the end: [from, slot]. */
  readonly copies: readonly (readonly [Value, string])[];
  readonly arenaBytes: number;
}

/** Plans memory for micro-batches of `sizes.rows` rows in a number format. */
export function planMemory(graph: Graph, sizes: SymbolSizes, format: NumberFormat): MemoryPlan {
  const bytesOf = (value: Value) => valueBytes(value, sizes, format);
  const sharing = new Sharing(graph, format);
  const slots = new Map<Value, string>(graph.inputs.map((input) => [input, input.name]));
  const copies = placeResults(graph, sharing, slots);
  overwrite(graph, sharing, slots, bytesOf);
  const { offsets, arenaBytes } = layOutArena(arenaItems(graph, sharing, slots, sizes, bytesOf));
  const places = new Map<Value | Node, Place>();
  const place = (value: Value): void => {
    const root = sharing.root(value);
    const slot = slots.get(root);
    places.set(value, slot === undefined ? { offset: offsets.get(root) ?? 0 } : { slot });
  };
  for (const input of graph.inputs) place(input);
  for (const node of graph.nodes) {
    node.outputs.forEach((output, i) => {
      if (!isOmitted(node, i, sharing)) place(output);
    });
    const workspace = offsets.get(node);
    if (workspace !== undefined) places.set(node, { offset: workspace });
  }
  return { places, copies, arenaBytes };
}

function valueBytes({ shape, dtype }: Value, sizes: SymbolSizes, format: NumberFormat): number {
  return resolveSize(sizeOf(...shape), sizes) * elementBytes(dtype, format);
}

/** Whether result i is one that the kernel need not write. */
function isOmitted({ op, outputs }: Node, i: number, sharing: Sharing): boolean {
  return (op.optionalOutputs?.includes(i) ?? false) && !sharing.isRead(outputs[i]);
}

/** Which values share memory (views, in-place results), and the span of node indices in which each is needed. */
class Sharing {
  readonly #parent = new Map<Value, Value>();
  readonly #born = new Map<Value, number>();
  readonly #lastUse = new Map<Value, number>();

  constructor(graph: Graph, format: NumberFormat) {
    graph.nodes.forEach((node, index) => {
      node.outputs.forEach((output, i) => {
        this.#born.set(output, index);
        const shared = isView(node.op, format) ? 0 : node.op.inPlace?.[i];
        if (shared !== undefined) this.share(output, node.inputs[shared]);
      });
      for (const input of node.inputs) this.#use(input, index);
    });
    for (const value of [...graph.outputs.values(), ...graph.updates.values()])
      this.#use(value, graph.nodes.length);
  }

  root(value: Value): Value {
    let root = value;
    for (let parent = this.#parent.get(root); parent; parent = this.#parent.get(root)) root = parent;
    return root;
  }

  /** Index of the node that computes a root; -1 for inputs. */
  born(value: Value): number {
    return this.#born.get(this.root(value)) ?? -1;
  }

  /** Index of the last node that reads the memory of a value (the number of nodes if the caller does). */
  lastUse(value: Value): number {
    return this.#lastUse.get(this.root(value)) ?? this.born(value);
  }

  isRead(value: Value): boolean {
    return this.#lastUse.has(this.root(value));
  }

  /** From now on `value` lives in the memory of `other`. */
  share(value: Value, other: Value): void {
    const [from, to] = [this.root(value), this.root(other)];
    const lastUse = Math.max(this.lastUse(from), this.lastUse(to));
    this.#parent.set(from, to);
    this.#lastUse.set(to, lastUse);
  }

  #use(value: Value, index: number): void {
    const root = this.root(value);
    this.#lastUse.set(root, Math.max(this.#lastUse.get(root) ?? -1, index));
  }
}

/** Lets outputs and updates be computed straight into the caller's buffers where that is safe. */
function placeResults(graph: Graph, sharing: Sharing, slots: Map<Value, string>): [Value, string][] {
  const copies: [Value, string][] = [];
  const wanted: [string, Value, Value | undefined][] = [
    ...[...graph.outputs].map(([name, value]): [string, Value, undefined] => [name, value, undefined]),
    ...[...graph.updates].map(([state, value]): [string, Value, Value] => [state.name, value, state]),
  ];
  for (const [name, value, state] of wanted) {
    const root = sharing.root(value);
    if (state && root === sharing.root(state)) continue;
    const isFree = !slots.has(root) && !(state && isReadFrom(graph, sharing, state, sharing.born(root)));
    if (isFree) slots.set(root, name);
    else copies.push([value, name]);
  }
  return copies;
}

/** Whether the memory of a state is still read at or after a node. */
function isReadFrom(graph: Graph, sharing: Sharing, state: Value, index: number): boolean {
  return graph.nodes.slice(index).some((node) => node.inputs.some((input) => sharing.root(input) === state));
}

/** Lets elementwise results take over the memory of an operand that nothing reads afterwards. */
function overwrite(
  graph: Graph,
  sharing: Sharing,
  slots: ReadonlyMap<Value, string>,
  bytesOf: (value: Value) => number,
): void {
  graph.nodes.forEach((node, index) => {
    const output = node.outputs[0];
    if (slots.has(sharing.root(output))) return;
    const target = (node.op.mayOverwrite ?? []).find((i) => {
      const input = node.inputs[i];
      const others = node.inputs.filter((_, j) => j !== i);
      return (
        !slots.has(sharing.root(input)) &&
        sharing.lastUse(input) === index &&
        sameSize(sizeOf(...input.shape), sizeOf(...output.shape)) &&
        bytesOf(input) === bytesOf(output) &&
        !others.some((other) => sharing.root(other) === sharing.root(input))
      );
    });
    if (target !== undefined) sharing.share(output, node.inputs[target]);
  });
}

interface ArenaItem {
  readonly owner: Value | Node;
  readonly bytes: number;
  readonly from: number;
  readonly to: number;
}

function arenaItems(
  graph: Graph,
  sharing: Sharing,
  slots: ReadonlyMap<Value, string>,
  sizes: SymbolSizes,
  bytesOf: (value: Value) => number,
): ArenaItem[] {
  const largest = new Map<Value, number>();
  const items: ArenaItem[] = [];
  graph.nodes.forEach((node, index) => {
    const { workspaceBytes, outputBytes } = node.op.kernel?.(node, node.attributes) ?? {};
    node.outputs.forEach((output, i) => {
      const root = sharing.root(output);
      if (slots.has(root) || isOmitted(node, i, sharing)) return;
      const bytes = Math.max(bytesOf(output), outputBytes?.(i, sizes) ?? 0);
      largest.set(root, Math.max(largest.get(root) ?? 0, bytes));
    });
    const bytes = workspaceBytes?.(sizes);
    if (bytes) items.push({ owner: node, bytes, from: index, to: index });
  });
  for (const [root, bytes] of largest)
    items.push({ owner: root, bytes, from: sharing.born(root), to: sharing.lastUse(root) });
  return items;
}

/** Greedy by size: each item at the lowest offset that is free during its lifetime. */
function layOutArena(items: readonly ArenaItem[]): {
  offsets: Map<Value | Node, number>;
  arenaBytes: number;
} {
  const placed: { item: ArenaItem; offset: number; end: number }[] = [];
  const offsets = new Map<Value | Node, number>();
  let arenaBytes = 0;
  for (const item of items.slice().sort((a, b) => b.bytes - a.bytes || a.from - b.from)) {
    const meeting = placed
      .filter((other) => other.item.from <= item.to && item.from <= other.item.to)
      .sort((a, b) => a.offset - b.offset);
    let offset = 0;
    for (const other of meeting) {
      if (offset + item.bytes <= other.offset) break;
      offset = Math.max(offset, other.end);
    }
    const end = Math.ceil((offset + item.bytes) / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
    placed.push({ item, offset, end });
    offsets.set(item.owner, offset);
    arenaBytes = Math.max(arenaBytes, end);
  }
  return { offsets, arenaBytes };
}

/** Bytes that one row, or the whole, of an external buffer takes. */
export function slotBytes(
  value: Value,
  tokens: number,
  format: NumberFormat,
): { perRow: number } | { whole: number } {
  const bytes = valueBytes(value, { rows: 1, tokens }, format);
  return hasRows(value.shape) ? { perRow: bytes } : { whole: bytes };
}
