// The WebAssembly module (native/wasm/whorl.wasm) on its memory, as the main thread sees it: loading, allocation, views.
// The memory is shared with the worker threads and only grows; it ends at 4 GiB, where 32-bit addresses do.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ToolError } from "../../../base/errors.ts";

/** The C functions of native/wasm/entry.cc. Addresses may come out negative: `>>> 0` before they are used. */
interface WasmExports {
  __wasm_call_ctors(): void;
  allocate(bytes: number): number;
  release(at: number): void;
  problem(): number;
  kernels(): number;
  scratchBytes(): number;
  createPlan(program: number, length: number, arenaBytes: number, slotCount: number): number;
  planBytes(plan: number): number;
  freePlan(plan: number): void;
  createRun(
    plan: number,
    bindings: number,
    count: number,
    rows: number,
    tokens: number,
    microBatch: number,
    lanes: number,
  ): number;
  freeRun(run: number): void;
}

export interface WasmMemory {
  readonly buffer: SharedArrayBuffer;
  grow(pages: number): number;
}

/** Passed on to workers, never looked into. */
export type WasmModule = object;

// The part of the global object that is used here: the standard library of TypeScript has it for browsers only.
declare const WebAssembly: {
  validate(bytes: Uint8Array): boolean;
  Module: new (bytes: Uint8Array) => WasmModule;
  Memory: new (limits: { initial: number; maximum: number; shared: true }) => WasmMemory;
  Instance: new (
    module: WasmModule,
    imports: { env: { memory: WasmMemory } },
  ) => { readonly exports: WasmExports };
};

export interface WasmInstance {
  readonly module: WasmModule;
  readonly memory: WasmMemory;
  readonly exports: WasmExports;
  /** Kernel names; the index is the kernel id of a program. */
  readonly kernels: readonly string[];
}

export type LoadedWasm = { readonly instance: WasmInstance } | { readonly reason: string };

/** The same place from src/ and from dist/. */
export const WASM_FOLDER = new URL("../../../../native/wasm/", import.meta.url);

const PAGE_BYTES = 65536;
/** What the module needs before anything is allocated, generously. */
const INITIAL_PAGES = 32;
const MOST_PAGES = 65536;

let loaded: LoadedWasm | undefined;

/** The instance of this thread, or a sentence saying why there is none. Made once. */
export function loadWasm(): LoadedWasm {
  loaded ??= makeInstance();
  return loaded;
}

function makeInstance(): LoadedWasm {
  try {
    const bytes = readFileSync(fileURLToPath(new URL("whorl.wasm", WASM_FOLDER)));
    if (!WebAssembly.validate(bytes))
      return { reason: "this processor or Node has no WebAssembly with SIMD and threads" };
    const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MOST_PAGES, shared: true });
    const module = new WebAssembly.Module(bytes);
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    exports.__wasm_call_ctors();
    const kernels = readText(memory, exports.kernels()).split(" ");
    return { instance: { module, memory, exports, kernels } };
  } catch (error) {
    return { reason: `WebAssembly does not start: ${error instanceof Error ? error.message : error}` };
  }
}

/** Words of memory as int32, copied bit by bit. A view is good until the next allocation: never keep one. */
export function wordsAt({ memory }: WasmInstance, at: number, count: number): Int32Array {
  return new Int32Array(bufferUpTo(memory, at + 4 * count), at, count);
}

export function doublesAt({ memory }: WasmInstance, at: number, count: number): Float64Array {
  return new Float64Array(bufferUpTo(memory, at + 8 * count), at, count);
}

// When another thread made the memory grow, `buffer` may still be the shorter one; growing by nothing renews it.
function bufferUpTo(memory: WasmMemory, end: number): SharedArrayBuffer {
  if (end > memory.buffer.byteLength) memory.grow(0);
  return memory.buffer;
}

/** What was wrong with the last plan or run. */
export function problemText({ memory, exports }: WasmInstance): string {
  return readText(memory, exports.problem());
}

function readText(memory: WasmMemory, address: number): string {
  const at = address >>> 0;
  const bytes = new Uint8Array(memory.buffer);
  return Buffer.from(bytes.slice(at, bytes.indexOf(0, at))).toString("utf8");
}

/** Memory of the module that is kept between runs and grown when a run needs more. */
export interface Block {
  at: number;
  bytes: number;
}

/** Makes the block at least so large; its contents are lost when it grows. */
export function growBlock({ exports }: WasmInstance, block: Block, bytes: number): void {
  if (block.bytes >= bytes) return;
  if (block.bytes > 0) exports.release(block.at);
  block.at = exports.allocate(bytes) >>> 0;
  block.bytes = block.at === 0 ? 0 : bytes;
  if (block.at === 0)
    throw new ToolError(
      `WebAssembly has no room for another ${Math.ceil(bytes / 2 ** 20)} MiB: its memory ends at ${(MOST_PAGES * PAGE_BYTES) / 2 ** 30} GiB`,
      {
        code: "engine/wasm-memory",
        hint: "make the batch smaller, use fewer threads, or install a C++ compiler (g++ or clang++) for the native backend",
      },
    );
}
