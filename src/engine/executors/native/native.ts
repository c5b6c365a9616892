// The fast executor: plans run by the C++ addon on its own thread pool, off the event loop. Lanes of micro-batches
// are spread over threads; sums are kept per lane, so results do not depend on the number of threads.

import { availableParallelism } from "node:os";
import { ToolError } from "../../../base/errors.ts";
import type { Graph } from "../../graph.ts";
import { encodePlan, makePlan, type Plan } from "../../plan.ts";
import type { RunTiming } from "../../timing.ts";
import type { Bindings, CompileOptions, Executor, Program } from "../executor.ts";
import { loadAddon, type NativeAddon } from "./addon.ts";

export interface NativeOptions {
  /** Default: all cores. */
  threads?: number;
  /** One of `whorl doctor`'s list; default: the best this processor has. */
  isa?: string;
  /** Copies of gradient sums; default 8. More lanes allow more threads and take more memory. */
  lanes?: number;
  /** Called after every run of every program with where its time went; runs are timed only then. */
  onTiming?: (timing: RunTiming) => void;
}

export const DEFAULT_LANES = 8;
/** Working memory a thread may take before micro-batches are made smaller. */
const ARENA_LIMIT_BYTES = 192 * 2 ** 20;
/** Beyond this many rows a micro-batch gains nothing (dev/LOG.md). */
const LARGEST_MICRO_BATCH = 16;

/** The native executor, or a ToolError that says why this machine has none. */
export async function makeNativeExecutor(options: NativeOptions = {}): Promise<Executor> {
  const loaded = await loadAddon();
  if ("reason" in loaded)
    throw new ToolError(`the native backend is not available: ${loaded.reason}`, {
      code: "engine/no-native",
      hint: "install a C++ compiler (g++ or clang++) and run `npm run build`, or use engine.backend=reference",
    });
  const { addon } = loaded;
  const isa = chooseIsa(addon, options.isa);
  const threads = options.threads ?? availableParallelism();
  const lanes = options.lanes ?? DEFAULT_LANES;
  const settings = { isa, threads, lanes, onTiming: options.onTiming };
  return {
    description: { backend: "native", isa, threads, lanes },
    compile: (graph, compileOptions) => compile(addon, settings, graph, compileOptions),
    measurePeak: (seconds) => addon.peak(isa, threads, seconds),
    liveBytes: () => addon.liveBytes(),
  };
}

function chooseIsa(addon: NativeAddon, wanted: string | undefined): string {
  const available = addon.cpu().isa;
  if (wanted === undefined) return available[0];
  if (available.includes(wanted)) return wanted;
  throw new ToolError(`instruction set '${wanted}' is not available`, {
    code: "engine/unknown-isa",
    where: "engine.isa",
    hint: `this processor and build have: ${available.join(", ")}`,
    exitCode: 2,
  });
}

interface NativeSettings {
  readonly isa: string;
  readonly threads: number;
  readonly lanes: number;
  readonly onTiming: NativeOptions["onTiming"];
}

function compile(
  addon: NativeAddon,
  settings: NativeSettings,
  graph: Graph,
  options: CompileOptions = {},
): Program {
  const microBatch = options.microBatch ?? chooseMicroBatch(graph, settings.lanes, options.expectedRows);
  const plan = makePlan(graph, microBatch);
  const program = encodePlan(plan, addon.kernels());
  const { isa, threads, lanes, onTiming } = settings;
  const handle = addon.createPlan(program, plan.arenaBytes, plan.slots.length + 1, isa);
  return {
    microBatch,
    arenaBytes: plan.arenaBytes,
    async run(bindings, { rows, tokens = 0 }) {
      const bound = bindSlots(plan, bindings, rows, lanes);
      const seconds = onTiming && new Float64Array(plan.instructions.length);
      const startMs = performance.now();
      await addon.runPlan(handle, bound, rows, tokens, microBatch, lanes, threads, seconds);
      if (!onTiming || !seconds) return;
      const wallSeconds = (performance.now() - startMs) / 1000;
      const used = Math.max(1, Math.min(threads, lanes, Math.ceil(rows / microBatch)));
      onTiming({ plan, rows, tokens, threads: used, seconds, wallSeconds });
    },
    dispose() {},
  };
}

/** As many rows as the memory limit allows, but no more than leave every lane something to do. */
function chooseMicroBatch(graph: Graph, lanes: number, expectedRows = LARGEST_MICRO_BATCH * lanes): number {
  const fitting = Math.floor(ARENA_LIMIT_BYTES / Math.max(makePlan(graph, 1).arenaBytes, 1));
  const perLane = Math.ceil(expectedRows / lanes);
  return Math.max(1, Math.min(fitting, perLane, LARGEST_MICRO_BATCH));
}

function bindSlots(plan: Plan, bindings: Bindings, rows: number, lanes: number) {
  return plan.slots.map(({ name, kind, dtype, bytes }) => {
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
      buffer,
      rowStride: kind === "row" ? bytes : 0,
      laneStride: kind === "lane" ? laneStride : 0,
    };
  });
}
