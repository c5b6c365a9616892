// What executors of plans have in common: how many rows a micro-batch gets, and the buffers of a run, checked, in the
// order of the plan's slots.

import { ToolError } from "../../base/errors.ts";
import type { DType, Graph } from "../graph.ts";
import { isBfloat16, type NumberFormat } from "../number-format.ts";
import { makePlan, type Plan, type Slot } from "../plan.ts";
import type { Bindings, Buffer } from "./executor.ts";

/** Copies of gradient sums, unless asked for otherwise. */
export const DEFAULT_LANES = 8;
/** Working memory a thread may take before micro-batches are made smaller. */
const ARENA_LIMIT_BYTES = 192 * 2 ** 20;
/**
 * More rows only take more memory: in float32 nothing was gained from 2 to 8 (dev/LOG.md, section 7); in bfloat16 the
 * published Sudoku model is fastest with up to 8, which is what its caches hold.
 */
const LARGEST_MICRO_BATCH: Readonly<Record<NumberFormat, number>> = { float32: 16, bfloat16: 8 };

/** As many rows as the memory limit allows, but no more than leave every lane something to do. */
export function chooseMicroBatch(
  graph: Graph,
  lanes: number,
  format: NumberFormat,
  expectedRows = LARGEST_MICRO_BATCH[format] * lanes,
): number {
  const fitting = Math.floor(ARENA_LIMIT_BYTES / Math.max(makePlan(graph, 1, { format }).arenaBytes, 1));
  const perLane = Math.ceil(expectedRows / lanes);
  return Math.max(1, Math.min(fitting, perLane, LARGEST_MICRO_BATCH[format]));
}

export interface BoundSlot {
  readonly slot: Slot;
  readonly buffer: Buffer;
  /** Bytes from one row to the next; 0 when all rows share the buffer. */
  readonly rowStride: number;
  /** Bytes from one lane to the next; 0 when all lanes share the buffer. */
  readonly laneStride: number;
}

export function bindSlots(plan: Plan, bindings: Bindings, rows: number, lanes: number): BoundSlot[] {
  return plan.slots.map((slot) => {
    const { name, kind, dtype, bytes } = slot;
    const bound = bindings[name];
    if (!bound) throw new ToolError(`nothing is bound to '${name}'`, { code: "engine/binding" });
    const isView = ArrayBuffer.isView(bound);
    const buffer = isView ? bound : bound.data;
    const laneStride = isView ? bytes : bound.laneStride * buffer.BYTES_PER_ELEMENT;
    const needed =
      kind === "row" ? rows * bytes : kind === "whole" ? bytes : laneStride * (lanes - 1) + bytes;
    if (!(buffer instanceof arrayFor(dtype, plan.format)))
      throw new ToolError(
        `'${name}' holds ${dtype} in ${plan.format} and is bound to a ${buffer.constructor.name}`,
        {
          code: "engine/binding",
        },
      );
    if (buffer.byteLength < needed)
      throw new ToolError(`'${name}' is bound to ${buffer.byteLength} bytes, ${needed} are needed`, {
        code: "engine/binding",
      });
    return {
      slot,
      buffer,
      rowStride: kind === "row" ? bytes : 0,
      laneStride: kind === "lane" ? laneStride : 0,
    };
  });
}

function arrayFor(dtype: DType, format: NumberFormat) {
  if (dtype === "int") return Int32Array;
  return isBfloat16(dtype, format) ? Uint16Array : Float32Array;
}
