// What executors of plans have in common: how many rows a micro-batch gets, and the buffers of a run, checked, in the
// order of the plan's slots.

import { ToolError } from "../../base/errors.ts";
import type { Graph } from "../graph.ts";
import { makePlan, type Plan, type Slot } from "../plan.ts";
import type { Bindings, Buffer } from "./executor.ts";

/** Copies of gradient sums, unless asked for otherwise. */
export const DEFAULT_LANES = 8;
/** Working memory a thread may take before micro-batches are made smaller. */
const ARENA_LIMIT_BYTES = 192 * 2 ** 20;
/** More rows only take more memory: from 2 to 8 nothing was gained (dev/LOG.md, section 7). */
const LARGEST_MICRO_BATCH = 16;

/** As many rows as the memory limit allows, but no more than leave every lane something to do. */
export function chooseMicroBatch(
  graph: Graph,
  lanes: number,
  expectedRows = LARGEST_MICRO_BATCH * lanes,
): number {
  const fitting = Math.floor(ARENA_LIMIT_BYTES / Math.max(makePlan(graph, 1).arenaBytes, 1));
  const perLane = Math.ceil(expectedRows / lanes);
  return Math.max(1, Math.min(fitting, perLane, LARGEST_MICRO_BATCH));
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
    if (!(buffer instanceof (dtype === "int" ? Int32Array : Float32Array)))
      throw new ToolError(`'${name}' holds ${dtype}s and is bound to a ${buffer.constructor.name}`, {
        code: "engine/binding",
      });
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
