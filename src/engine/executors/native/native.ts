// The fast executor: plans run by the C++ addon on its own thread pool, off the event loop. Lanes of micro-batches
// are spread over threads; sums are kept per lane, so results do not depend on the number of threads.

import { availableParallelism } from "node:os";
import { ToolError } from "../../../base/errors.ts";
import { fuseFor } from "../../fuse.ts";
import type { Graph } from "../../graph.ts";
import { encodePlan, makePlan } from "../../plan.ts";
import type { RunTiming } from "../../timing.ts";
import { type CompileOptions, checkFormat, type Executor, type Program } from "../executor.ts";
import { bindSlots, chooseMicroBatch, DEFAULT_LANES } from "../slots.ts";
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

/** The native executor, or a ToolError that says why this machine has none. */
export async function makeNativeExecutor(options: NativeOptions = {}): Promise<Executor> {
  const loaded = await loadAddon();
  if ("reason" in loaded)
    throw new ToolError(`the native backend is not available: ${loaded.reason}`, {
      code: "engine/no-native",
      hint: "install a C++ compiler (g++ or clang++) and run `npm run build`, or use engine.backend=wasm",
    });
  const { addon } = loaded;
  const isa = chooseIsa(addon, options.isa);
  const threads = options.threads ?? availableParallelism();
  const lanes = options.lanes ?? DEFAULT_LANES;
  const settings = { isa, threads, lanes, onTiming: options.onTiming };
  const executor: Executor = {
    description: { backend: "native", isa, threads, lanes },
    formats: addon.cpu().formats[isa],
    compile(graph, compileOptions = {}) {
      checkFormat(executor, compileOptions.format ?? "float32");
      return compile(addon, settings, graph, compileOptions);
    },
    measurePeak: (seconds, format) => addon.peak(isa, threads, seconds, format),
    liveBytes: () => addon.liveBytes(),
  };
  return executor;
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
  given: Graph,
  { format = "float32", expectedRows, ...options }: CompileOptions,
): Program {
  const { isa, threads, lanes, onTiming } = settings;
  const graph = fuseFor(format, given);
  const microBatch = options.microBatch ?? chooseMicroBatch(graph, lanes, format, expectedRows);
  const plan = makePlan(graph, microBatch, { format });
  const program = encodePlan(plan, addon.kernels());
  const slotCount = plan.slots.length + 2; // the arena before them, the packed weights behind
  const handle = addon.createPlan(
    program,
    plan.arenaBytes,
    slotCount,
    isa,
    plan.prologue,
    plan.preparedBytes,
  );
  return {
    microBatch,
    arenaBytes: plan.arenaBytes,
    async run(bindings, { rows, tokens = 0, sameWeights = false }) {
      const bound = bindSlots(plan, bindings, rows, lanes);
      const seconds = onTiming && new Float64Array(plan.instructions.length);
      const startMs = performance.now();
      await addon.runPlan(handle, bound, rows, tokens, microBatch, lanes, threads, seconds, sameWeights);
      if (!onTiming || !seconds) return;
      const wallSeconds = (performance.now() - startMs) / 1000;
      const used = Math.max(1, Math.min(threads, lanes, Math.ceil(rows / microBatch)));
      onTiming({ plan, rows, tokens, threads: used, seconds, wallSeconds });
    },
    dispose() {}, // the addon frees a plan when its handle is collected
  };
}
