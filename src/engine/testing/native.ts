// The fast executors for tests: native, if this machine has it, and WebAssembly. Suites skip, and are counted, where there
// is none.

import type { Executor } from "../executors/executor.ts";
import { loadAddon, type NativeAddon } from "../executors/native/addon.ts";
import { makeNativeExecutor } from "../executors/native/native.ts";
import { makeWasmExecutor } from "../executors/wasm/wasm.ts";

const loaded = await loadAddon();

export const addon: NativeAddon | undefined = "addon" in loaded ? loaded.addon : undefined;

/** Instruction sets to test; one that stands for the missing addon, so that something is there to be skipped. */
export const isas: readonly string[] = addon?.cpu().isa ?? ["no native executor"];

/** An executor of plans, and whether this machine has it. */
export interface FastBackend {
  readonly backend: "native" | "wasm";
  readonly isa: string;
  readonly isThere: boolean;
  make(options?: { threads?: number; lanes?: number }): Promise<Executor>;
}

export const fastBackends: readonly FastBackend[] = [
  ...isas.map(
    (isa): FastBackend => ({
      backend: "native",
      isa,
      isThere: addon !== undefined,
      make: (options) => makeNativeExecutor({ ...options, isa }),
    }),
  ),
  { backend: "wasm", isa: "simd128", isThere: true, make: makeWasmExecutor },
];
