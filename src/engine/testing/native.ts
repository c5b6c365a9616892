// The fast executors for tests: native, if this machine has it, and WebAssembly. Suites skip, and are counted, where there
// is none.

import { join } from "node:path";
import type { Executor } from "../executors/executor.ts";
import { loadAddon, type NativeAddon } from "../executors/native/addon.ts";
import { compileAddon, findCompiler } from "../executors/native/compile.ts";
import { makeNativeExecutor } from "../executors/native/native.ts";
import { makeWasmExecutor } from "../executors/wasm/wasm.ts";
import type { NumberFormat } from "../number-format.ts";

const root = join(import.meta.dirname, "../../..");

/** Of the present sources: built first where they changed and there is a compiler. */
export const addon: NativeAddon | undefined = await openAddon();

async function openAddon(): Promise<NativeAddon | undefined> {
  const hasCompiler = findCompiler() !== undefined;
  const outFile = join(root, "dist/native/whorl.node");
  if (hasCompiler) await compileAddon({ sourceDir: join(root, "native"), outFile, log: () => {} });
  const loaded = await loadAddon();
  if ("addon" in loaded) return loaded.addon;
  if (hasCompiler) throw new Error(loaded.reason);
  return undefined;
}

/** Instruction sets to test; one that stands for the missing addon, so that something is there to be skipped. */
export const isas: readonly string[] = addon?.cpu().isa ?? ["no native executor"];

/** An executor of plans, and whether this machine has it. */
export interface FastBackend {
  readonly backend: "native" | "wasm";
  readonly isa: string;
  readonly isThere: boolean;
  readonly format: NumberFormat;
  make(options?: { threads?: number; lanes?: number }): Promise<Executor>;
}

export const fastBackends: readonly FastBackend[] = [
  ...isas.map(
    (isa): FastBackend => ({
      backend: "native",
      isa,
      isThere: addon !== undefined,
      format: "float32",
      make: (options) => makeNativeExecutor({ ...options, isa }),
    }),
  ),
  { backend: "wasm", isa: "simd128", isThere: true, format: "float32", make: makeWasmExecutor },
];

const bfloat16Isas = isas.filter((isa) => addon?.cpu().formats[isa]?.includes("bfloat16"));

/** What computes in bfloat16; one that stands for it on machines without, so that something is there to be skipped. */
export const bfloat16Backends: readonly FastBackend[] = (
  bfloat16Isas.length > 0 ? bfloat16Isas : ["without bfloat16"]
).map((isa) => ({
  backend: "native",
  isa,
  isThere: bfloat16Isas.length > 0,
  format: "bfloat16",
  make: (options) => makeNativeExecutor({ ...options, isa }),
}));
