// Graph -> plan: a flat program for one micro-batch. Each instruction names a kernel, where its operands are, and
// sizes that may depend on the number of rows. In bfloat16 the weights of products are packed first, once a run, into a
// block that all threads read. Executors in other languages read the encoded form only.

import { invariant } from "../base/errors.ts";
import { checkGraph } from "./check.ts";
import type { DType, Graph, Node, Value } from "./graph.ts";
import { type MemoryPlan, type Place, planMemory, slotBytes } from "./memory.ts";
import { isBfloat16, type NumberFormat } from "./number-format.ts";
import { isView, type PackedOperand } from "./op.ts";
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
  /** 0 is the thread's arena, i > 0 the caller's buffer `slots[i - 1]`, the one after these the packed weights; -1: none. */
  readonly slot: number;
  readonly byteOffset: number;
}

export interface Instruction {
  readonly kernel: string;
  readonly operands: readonly Operand[];
  readonly sizes: readonly Size[];
  readonly params: readonly number[];
  readonly scope: string;
  /** What it computes; absent for packed weights and for copies to the caller's buffers. */
  readonly node?: Node;
}

export interface Plan {
  readonly instructions: readonly Instruction[];
  /** So many of the first instructions run once, before all micro-batches: they fill the block of packed weights. */
  readonly prologue: number;
  readonly preparedBytes: number;
  readonly slots: readonly Slot[];
  readonly arenaBytes: number;
  readonly microBatch: number;
  readonly format: NumberFormat;
}

export interface PlanOptions {
  /** Tokens a row, if symbolic. */
  readonly tokens?: number;
  /** Default: float32. */
  readonly format?: NumberFormat;
}

/** What instructions are made with. */
interface Context {
  readonly memory: MemoryPlan;
  readonly format: NumberFormat;
  operandAt(place: Place): Operand;
  readonly packed: PackedWeights;
}

/** Compiles a graph for micro-batches of at most `microBatch` rows. */
export function makePlan(graph: Graph, microBatch: number, options: PlanOptions = {}): Plan {
  const { tokens = 0, format = "float32" } = options;
  checkGraph(graph);
  const memory = planMemory(graph, { rows: microBatch, tokens }, format);
  const slots = externalSlots(graph, tokens, format);
  const slotIndex = new Map(slots.map((slot, i) => [slot.name, i + 1]));
  const operandAt = (place: Place): Operand =>
    "slot" in place
      ? { slot: slotIndex.get(place.slot) ?? 0, byteOffset: 0 }
      : { slot: 0, byteOffset: place.offset };
  const packed = new PackedWeights(slots.length + 1);
  const context: Context = { memory, format, operandAt, packed };
  const body = [
    ...graph.nodes.filter(({ op }) => !isView(op, format)).map((node) => makeInstruction(node, context)),
    ...memory.copies.map(([value, name]) => copyInstruction(value, name, context)),
  ];
  return {
    instructions: [...packed.instructions, ...body],
    prologue: packed.instructions.length,
    preparedBytes: packed.bytes,
    slots,
    arenaBytes: memory.arenaBytes,
    microBatch,
    format,
  };
}

/** The kernel of the instructions that pack weights. */
export const PACK_KERNEL = "packWeight.bf16";

/** Weights in the order of matrix tiles, each once however many nodes read it so, and the instructions that pack them. */
class PackedWeights {
  readonly instructions: Instruction[] = [];
  bytes = 0;
  readonly #slot: number;
  readonly #operands = new Map<string, Operand>();

  constructor(slot: number) {
    this.#slot = slot;
  }

  operandOf(weight: Value, { side, transposed, gated }: PackedOperand, source: Operand): Operand {
    invariant(weight.storage === "whole", `'${weight.name}' is packed but not the same for all rows`);
    const [N, K] = weight.shape.map(Number);
    const params = [side === "right" ? 1 : 0, transposed ? 1 : 0, gated ? 1 : 0];
    const key = [weight.id, ...params].join();
    const known = this.#operands.get(key);
    if (known) return known;
    const operand = { slot: this.#slot, byteOffset: this.bytes };
    this.bytes += TILE_BYTES * Math.ceil(N / 32) * Math.ceil(K / 32);
    this.#operands.set(key, operand);
    this.instructions.push({
      kernel: PACK_KERNEL,
      operands: [source, operand],
      sizes: [sizeOf(N), sizeOf(K)],
      params,
      scope: "packed weights",
    });
    return operand;
  }
}

/** 32 × 32 numbers in bfloat16. */
const TILE_BYTES = 2048;

function externalSlots(graph: Graph, tokens: number, format: NumberFormat): Slot[] {
  const slot = (name: string, value: Value, kind: Slot["kind"]): Slot => {
    const bytes = slotBytes(value, tokens, format);
    return { name, kind, dtype: value.dtype, bytes: "perRow" in bytes ? bytes.perRow : bytes.whole };
  };
  return [
    ...graph.inputs.map((input) => slot(input.name, input, input.storage ?? "whole")),
    ...[...graph.outputs].map(([name, value]) => slot(name, value, "row")),
  ];
}

function makeInstruction(node: Node, { memory, format, operandAt, packed }: Context): Instruction {
  const { op, attributes, scope } = node;
  invariant(op.kernel, `\`${op.name}\` has no native kernel`);
  const { sizes, params = [] } = op.kernel(node, attributes);
  const inputs = node.inputs.map((input, i): Operand => {
    const operand = operandAt(placeOf(memory, input));
    const packing = format === "bfloat16" && op.packs?.find((each) => each.operand === i);
    return packing ? packed.operandOf(input, packing, operand) : operand;
  });
  const results = node.outputs.flatMap((output, i): Operand[] => {
    if (op.inPlace?.[i] !== undefined) return [];
    const isOmitted = op.optionalOutputs?.includes(i) && !memory.places.has(output);
    return [isOmitted ? MISSING : operandAt(placeOf(memory, output))];
  });
  const workspace = memory.places.get(node);
  const operands = [...inputs, ...results, ...(workspace ? [operandAt(workspace)] : [])];
  const kernel = kernelName(op.name, [...node.inputs, ...node.outputs], format);
  return { kernel, operands, sizes, params, scope, node };
}

const MISSING: Operand = { slot: -1, byteOffset: 0 };

/** Kernels that touch no numbers of the program's format are the same in all formats. */
function kernelName(name: string, operands: readonly Value[], format: NumberFormat): string {
  return operands.some(({ dtype }) => isBfloat16(dtype, format)) ? `${name}.bf16` : name;
}

/** A copy of all elements, as a slice of everything. */
function copyInstruction(value: Value, name: string, { memory, format, operandAt }: Context): Instruction {
  const all = sizeOf(...value.shape);
  return {
    kernel: kernelName("slice", [value], format),
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

/** The plan as text, one instruction a line, places in words of 4 bytes: what reviewers and snapshots look at. */
export function formatPlan(plan: Plan): string {
  const lines = plan.instructions.map(({ kernel, operands, sizes, params, scope }) => {
    const places = operands.map(({ slot, byteOffset }) => {
      if (slot === -1) return "-";
      if (slot === 0) return `@${byteOffset / 4}`;
      return plan.slots[slot - 1]?.name ?? `packed@${byteOffset / 4}`;
    });
    const extents = sizes.map((size) => resolveSize(size, { rows: plan.microBatch, tokens: 0 }));
    const settings = params.length > 0 ? ` (${params.join(", ")})` : "";
    return `${kernel.padEnd(20)} ${places.join(" ")} | ${extents.join("×")}${settings}${scope ? `   ${scope}` : ""}`;
  });
  const packed = plan.preparedBytes > 0 ? `, packed weights ${plan.preparedBytes} bytes` : "";
  return [`micro-batch ${plan.microBatch}, arena ${plan.arenaBytes} bytes${packed}`, ...lines].join("\n");
}
