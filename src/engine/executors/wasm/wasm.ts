// The executor of machines without a C++ compiler: the plans and kernels of the native one, compiled to WebAssembly ahead of
// time (scripts/build-wasm.mjs), in 128-bit vectors, on worker threads. Same lanes, so results do not depend on the
// number of threads; they differ from native ones in the last bits. Arrays are copied into the module's memory and
// back around each run.

import { availableParallelism } from "node:os";
import { invariant, ToolError } from "../../../base/errors.ts";
import type { Graph } from "../../graph.ts";
import { encodePlan, makePlan, type Plan } from "../../plan.ts";
import { type CompileOptions, checkFormat, type Executor, type Program } from "../executor.ts";
import { type BoundSlot, bindSlots, chooseMicroBatch, DEFAULT_LANES } from "../slots.ts";
import {
  type Block,
  doublesAt,
  growBlock,
  loadWasm,
  problemText,
  type WasmInstance,
  wordsAt,
} from "./instance.ts";
import { makeThreads, type Threads } from "./threads.ts";

export interface WasmOptions {
  /** Default: all cores. */
  threads?: number;
  /** There is one, `simd128`; any other is refused. */
  isa?: string;
  /** Copies of gradient sums; default 8. */
  lanes?: number;
}

export const WASM_ISA = "simd128";

/** What all executors of this process share. */
interface Runtime {
  readonly instance: WasmInstance;
  readonly threads: Threads;
  /** Bindings of a run: their addresses, then their contents. */
  readonly staging: Block;
  planBytes: number;
  /** Runs and the freeing of plans, one after the other. */
  queue: Promise<unknown>;
}

interface CompiledPlan {
  readonly plan: Plan;
  readonly handle: number;
  readonly inputs: ReadonlySet<string>;
  /** Outputs and updated inputs. */
  readonly written: ReadonlySet<string>;
}

let shared: Runtime | undefined;

/** The WebAssembly executor, or a ToolError that says why there is none. */
export async function makeWasmExecutor(options: WasmOptions = {}): Promise<Executor> {
  const { isa = WASM_ISA, threads = availableParallelism(), lanes = DEFAULT_LANES } = options;
  if (isa !== WASM_ISA)
    throw new ToolError(`instruction set '${isa}' is not available`, {
      code: "engine/unknown-isa",
      where: "engine.isa",
      hint: `the WebAssembly backend has: ${WASM_ISA}`,
      exitCode: 2,
    });
  const runtime = findRuntime();
  const executor: Executor = {
    description: { backend: "wasm", isa, threads, lanes },
    formats: ["float32"],
    compile(graph, compileOptions = {}) {
      checkFormat(executor, compileOptions.format ?? "float32");
      return compile(runtime, { threads, lanes }, graph, compileOptions);
    },
    liveBytes: () => runtime.threads.liveBytes() + runtime.staging.bytes + runtime.planBytes,
  };
  return executor;
}

function findRuntime(): Runtime {
  if (shared) return shared;
  const loaded = loadWasm();
  if ("reason" in loaded)
    throw new ToolError(`the WebAssembly backend is not available: ${loaded.reason}`, {
      code: "engine/no-wasm",
      hint: "use a current Node on a 64-bit machine, or install a C++ compiler (g++ or clang++) for the native backend",
    });
  const { instance } = loaded;
  shared = {
    instance,
    threads: makeThreads(instance),
    staging: { at: 0, bytes: 0 },
    planBytes: 0,
    queue: Promise.resolve(),
  };
  return shared;
}

// Plans of programs that nobody disposed of. The queue keeps a plan that is running from being freed.
const abandoned = new FinalizationRegistry(({ runtime, handle }: { runtime: Runtime; handle: number }) =>
  freePlan(runtime, handle),
);

function compile(
  runtime: Runtime,
  settings: { threads: number; lanes: number },
  graph: Graph,
  options: CompileOptions,
): Program {
  const microBatch =
    options.microBatch ?? chooseMicroBatch(graph, settings.lanes, "float32", options.expectedRows);
  const plan = makePlan(graph, microBatch);
  const compiled: CompiledPlan = {
    plan,
    handle: createPlan(runtime, plan),
    inputs: new Set(graph.inputs.map(({ name }) => name)),
    written: new Set([...graph.outputs.keys(), ...[...graph.updates.keys()].map(({ name }) => name)]),
  };
  let isDisposed = false;
  const program: Program = {
    microBatch,
    arenaBytes: plan.arenaBytes,
    async run(bindings, { rows, tokens = 0 }) {
      invariant(!isDisposed, "a program runs after it was disposed of");
      const slots = bindSlots(plan, bindings, rows, settings.lanes);
      await enqueue(runtime, () => runPlan(runtime, compiled, slots, { ...settings, rows, tokens }));
    },
    dispose() {
      if (isDisposed) return;
      isDisposed = true;
      abandoned.unregister(program);
      freePlan(runtime, compiled.handle);
    },
  };
  abandoned.register(program, { runtime, handle: compiled.handle }, program);
  return program;
}

function createPlan(runtime: Runtime, plan: Plan): number {
  const { instance } = runtime;
  const program = encodePlan(plan, instance.kernels);
  const copy: Block = { at: 0, bytes: 0 };
  growBlock(instance, copy, program.byteLength + 8); // + 8: an empty program is a block, too
  doublesAt(instance, copy.at, program.length).set(program);
  const slotCount = plan.slots.length + 2; // the arena before them, behind them packed weights, which float32 has none of
  const handle = instance.exports.createPlan(copy.at, program.length, plan.arenaBytes, slotCount) >>> 0;
  instance.exports.release(copy.at);
  invariant(handle !== 0, problemText(instance));
  runtime.planBytes += instance.exports.planBytes(handle);
  return handle;
}

function freePlan(runtime: Runtime, handle: number): void {
  const { exports } = runtime.instance;
  void enqueue(runtime, () => {
    runtime.planBytes -= exports.planBytes(handle);
    exports.freePlan(handle);
  });
}

function enqueue(runtime: Runtime, work: () => void | Promise<void>): Promise<void> {
  const result = runtime.queue.then(work);
  runtime.queue = result.catch(() => {}); // whoever asked hears of it; the next in the queue does not
  return result;
}

interface RunSettings {
  readonly threads: number;
  readonly lanes: number;
  readonly rows: number;
  readonly tokens: number;
}

async function runPlan(
  { instance, threads, staging }: Runtime,
  { plan, handle, inputs, written }: CompiledPlan,
  slots: readonly BoundSlot[],
  { rows, tokens, ...settings }: RunSettings,
): Promise<void> {
  const { exports } = instance;
  // Lanes without a micro-batch have nothing to copy; leaving them out changes nothing for the others.
  const lanes = Math.min(settings.lanes, Math.ceil(rows / plan.microBatch));
  if (lanes === 0) return;
  const count = Math.min(settings.threads, lanes);
  threads.prepare(count, plan.arenaBytes);
  const { places, bytes } = placeSlots(slots, rows, lanes);
  growBlock(instance, staging, bytes);

  const table = places.flatMap(({ offset, bytes, rowStride, laneStride }) => [
    staging.at + offset,
    bytes,
    rowStride,
    laneStride,
  ]);
  doublesAt(instance, staging.at, table.length).set(table);
  for (const [i, { slot, ...bound }] of slots.entries())
    if (inputs.has(slot.name)) copySlot(instance, "in", bound, staging.at, places[i]);
  const run = exports.createRun(handle, staging.at, slots.length, rows, tokens, plan.microBatch, lanes) >>> 0;
  invariant(run !== 0, problemText(instance));
  try {
    await threads.run(run, count);
  } finally {
    exports.freeRun(run);
  }
  for (const [i, { slot, ...bound }] of slots.entries())
    if (written.has(slot.name)) copySlot(instance, "out", bound, staging.at, places[i]);
}

/** Where a slot is in the staging block: `copies` pieces of `pieceBytes`, `laneStride` apart. */
interface SlotPlace {
  readonly offset: number;
  readonly bytes: number;
  readonly copies: number;
  readonly pieceBytes: number;
  readonly rowStride: number;
  readonly laneStride: number;
}

const aligned = (bytes: number) => Math.ceil(bytes / 64) * 64;

/** Behind the table of bindings (four doubles a slot). */
function placeSlots(slots: readonly BoundSlot[], rows: number, lanes: number) {
  let end = aligned(32 * slots.length);
  const places = slots.map(({ slot: { kind, bytes: each }, rowStride }): SlotPlace => {
    const pieceBytes = kind === "row" ? rows * each : each;
    const copies = kind === "lane" ? lanes : 1;
    const laneStride = kind === "lane" ? aligned(each) : 0;
    const offset = end;
    const bytes = aligned(pieceBytes) * copies;
    end += bytes;
    return { offset, bytes, copies, pieceBytes, rowStride, laneStride };
  });
  return { places, bytes: Math.max(end, 64) };
}

/** Only the pieces: what lies between the copies of lanes belongs to others. */
function copySlot(
  instance: WasmInstance,
  direction: "in" | "out",
  { buffer, laneStride }: Pick<BoundSlot, "buffer" | "laneStride">,
  base: number,
  place: SlotPlace,
): void {
  const words = place.pieceBytes / 4;
  for (let lane = 0; lane < place.copies; lane++) {
    const outside = new Int32Array(buffer.buffer, buffer.byteOffset + lane * laneStride, words);
    const inside = wordsAt(instance, base + place.offset + lane * place.laneStride, words);
    if (direction === "in") inside.set(outside);
    else outside.set(inside);
  }
}
