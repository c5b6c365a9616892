// Graph -> plan: a flat program for one micro-batch. Each instruction names a kernel, where its operands are, and
// sizes that may depend on the number of rows. Executors in other languages read the encoded form only.

import { invariant } from "../base/errors.ts";
import { checkGraph } from "./check.ts";
import type { DType, Graph, Node, Value } from "./graph.ts";
import { ELEMENT_BYTES, type MemoryPlan, type Place, planMemory, slotBytes } from "./memory.ts";
import { resolveSize, type Size, sizeOf } from "./shape.ts";

/** A buffer of the caller. */
export interface Slot {
  readonly name: string;
  readonly kind: "row" | "whole" | "lane";
  readonly dtype: DType;
  /** Bytes of one row (`row`) or of one copy (`whole`, `lane`). */
  readonly bytes: number;
}

export interface Operand {
  /** 0 is the thread's arena, i > 0 the caller's buffer `slots[i - 1]`. */
  readonly slot: number;
  readonly byteOffset: number;
}

export interface Instruction {
  readonly kernel: string;
  readonly operands: readonly Operand[];
  readonly sizes: readonly Size[];
  readonly params: readonly number[];
  readonly scope: string;
  /** What it computes; absent for copies to the caller's buffers. */
  readonly node?: Node;
}

export interface Plan {
  readonly instructions: readonly Instruction[];
  readonly slots: readonly Slot[];
  readonly arenaBytes: number;
  readonly microBatch: number;
}

/** Compiles a graph for micro-batches of at most `microBatch` rows (and `tokens` tokens a row, if symbolic). */
export function makePlan(graph: Graph, microBatch: number, tokens = 0): Plan {
  checkGraph(graph);
  const memory = planMemory(graph, { rows: microBatch, tokens });
  const slots = externalSlots(graph, tokens);
  const slotIndex = new Map(slots.map((slot, i) => [slot.name, i + 1]));
  const operandAt = (place: Place): Operand =>
    "slot" in place
      ? { slot: slotIndex.get(place.slot) ?? 0, byteOffset: 0 }
      : { slot: 0, byteOffset: place.offset };
  const instructions = [
    ...graph.nodes.filter((node) => !node.op.view).map((node) => makeInstruction(node, memory, operandAt)),
    ...memory.copies.map(([value, name]) => copyInstruction(value, name, memory, operandAt)),
  ];
  return { instructions, slots, arenaBytes: memory.arenaBytes, microBatch };
}

function externalSlots(graph: Graph, tokens: number): Slot[] {
  const slot = (name: string, value: Value, kind: Slot["kind"]): Slot => {
    const bytes = slotBytes(value, tokens);
    return { name, kind, dtype: value.dtype, bytes: "perRow" in bytes ? bytes.perRow : bytes.whole };
  };
  return [
    ...graph.inputs.map((input) => slot(input.name, input, input.storage ?? "whole")),
    ...[...graph.outputs].map(([name, value]) => slot(name, value, "row")),
  ];
}

function makeInstruction(node: Node, memory: MemoryPlan, operandAt: (place: Place) => Operand): Instruction {
  const { op, attributes, scope } = node;
  invariant(op.kernel, `\`${op.name}\` has no native kernel`);
  const { sizes, params = [] } = op.kernel(node, attributes);
  const fresh = node.outputs.filter((_, i) => op.inPlace?.[i] === undefined);
  const operands = [...node.inputs, ...fresh].map((value) => placeOf(memory, value));
  const workspace = memory.places.get(node);
  if (workspace) operands.push(workspace);
  return { kernel: op.name, operands: operands.map(operandAt), sizes, params, scope, node };
}

/** A copy of all elements, as a slice of everything. */
function copyInstruction(
  value: Value,
  name: string,
  memory: MemoryPlan,
  operandAt: (place: Place) => Operand,
): Instruction {
  const all = sizeOf(...value.shape);
  return {
    kernel: "slice",
    operands: [operandAt(placeOf(memory, value)), operandAt({ slot: name })],
    sizes: [sizeOf(1), all, all, sizeOf(0), sizeOf(1)],
    params: [],
    scope: `copy to ${name}`,
  };
}

function placeOf(memory: MemoryPlan, value: Value): Place {
  const place = memory.places.get(value);
  invariant(place, `'${value.name}' has no place`);
  return place;
}

/**
 * The program as one array of numbers, instruction after instruction:
 * kernel id, counts of operands, sizes and params, then (slot, byte offset)…, (coefficient, symbols)…, params….
 */
export function encodePlan(plan: Plan, kernelNames: readonly string[]): Float64Array {
  const words: number[] = [];
  for (const { kernel, operands, sizes, params, scope } of plan.instructions) {
    const id = kernelNames.indexOf(kernel);
    invariant(id >= 0, `no kernel \`${kernel}\` in this executor (wanted by ${scope || "the graph"})`);
    words.push(id, operands.length, sizes.length, params.length);
    for (const { slot, byteOffset } of operands) words.push(slot, byteOffset);
    for (const { coefficient, symbols } of sizes) words.push(coefficient, symbols);
    words.push(...params);
  }
  return Float64Array.from(words);
}

/** The plan as text, one instruction a line: what reviewers and snapshots look at. */
export function formatPlan(plan: Plan): string {
  const lines = plan.instructions.map(({ kernel, operands, sizes, params, scope }) => {
    const places = operands.map(({ slot, byteOffset }) =>
      slot === 0 ? `@${byteOffset / ELEMENT_BYTES}` : plan.slots[slot - 1].name,
    );
    const extents = sizes.map((size) => resolveSize(size, { rows: plan.microBatch, tokens: 0 }));
    const settings = params.length > 0 ? ` (${params.join(", ")})` : "";
    return `${kernel.padEnd(20)} ${places.join(" ")} | ${extents.join("×")}${settings}${scope ? `   ${scope}` : ""}`;
  });
  return [`micro-batch ${plan.microBatch}, arena ${plan.arenaBytes} bytes`, ...lines].join("\n");
}
