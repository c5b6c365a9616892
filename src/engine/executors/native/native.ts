// The fast executor: plans run by the C++ addon on its own thread pool, off the event loop. Lanes of micro-batches
// are spread over threads; sums are kept per lane, so results do not depend on the number of threads.

import { availableParallelism } from "node:os";
import { ToolError } from "../../../base/errors.ts";
import type { Graph } from "../../graph.ts";
import { encodePlan, makePlan } from "../../plan.ts";
import type { CompileOptions, Executor, Program } from "../executor.ts";
import { bindSlots, chooseMicroBatch, DEFAULT_LANES } from "../slots.ts";
import { loadAddon, type NativeAddon } from "./addon.ts";

export interface NativeOptions {
  /** Default: all cores. */
  threads?: number;
  /** One of `whorl doctor`'s list; default: the best this processor has. */
  isa?: string;
  /** Copies of gradient sums; default 8. More lanes allow more threads and take more memory. */
  lanes?: number;
}

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
  return {
    description: { backend: "native", isa, threads, lanes },
    compile: (graph, compileOptions) => compile(addon, { isa, threads, lanes }, graph, compileOptions),
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

function compile(
  addon: NativeAddon,
  settings: { isa: string; threads: number; lanes: number },
  graph: Graph,
  options: CompileOptions = {},
): Program {
  const microBatch = options.microBatch ?? chooseMicroBatch(graph, settings.lanes, options.expectedRows);
  const plan = makePlan(graph, microBatch);
  const program = encodePlan(plan, addon.kernels());
  const handle = addon.createPlan(program, plan.arenaBytes, plan.slots.length + 1, settings.isa);
  return {
    microBatch,
    arenaBytes: plan.arenaBytes,
    run: (bindings, { rows, tokens = 0 }) =>
      addon.runPlan(
        handle,
        bindSlots(plan, bindings, rows, settings.lanes),
        rows,
        tokens,
        microBatch,
        settings.lanes,
        settings.threads,
      ),
    dispose() {},
  };
}
