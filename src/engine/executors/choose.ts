// Which executor a run gets: the native one where it can be had, else WebAssembly with the reason why. The reference
// executor, a judge for tests, only when it is asked for.

import type { NumberFormat } from "../number-format.ts";
import type { Executor } from "./executor.ts";
import { loadAddon } from "./native/addon.ts";
import { findCompiler } from "./native/compile.ts";
import { makeNativeExecutor, type NativeOptions } from "./native/native.ts";
import { makeReferenceExecutor } from "./reference/reference.ts";
import { loadWasm } from "./wasm/instance.ts";
import { makeWasmExecutor, WASM_ISA } from "./wasm/wasm.ts";

export const BACKEND_CHOICES = ["auto", "native", "wasm", "reference"] as const;
export type BackendChoice = (typeof BACKEND_CHOICES)[number];

/** `auto` falls back to WebAssembly; `reason` then says why in a sentence. */
export async function chooseExecutor(
  backend: BackendChoice,
  options: NativeOptions = {},
): Promise<{ executor: Executor; reason?: string }> {
  if (backend === "reference") return { executor: makeReferenceExecutor("float32") };
  if (backend === "native") return { executor: await makeNativeExecutor(options) };
  if (backend === "wasm") return { executor: await makeWasmExecutor(options) };
  const loaded = await loadAddon();
  if ("reason" in loaded) return { executor: await makeWasmExecutor(options), reason: loaded.reason };
  return { executor: await makeNativeExecutor(options) };
}

export type NativeState =
  | {
      readonly available: true;
      /** Best first. */
      readonly isas: readonly string[];
      readonly isa: string;
      readonly features: readonly string[];
      /** Number formats of `isa`. */
      readonly formats: readonly NumberFormat[];
      readonly compiler: string;
    }
  | { readonly available: false; readonly reason: string };

/** What the native backend is on this machine, or why it is off; and the compiler that could build it. */
export async function describeNative(): Promise<{ native: NativeState; compiler: string | undefined }> {
  const loaded = await loadAddon();
  const compiler = findCompiler();
  if ("reason" in loaded) return { native: { available: false, reason: loaded.reason }, compiler };
  const { isa: isas, features, formats, compiler: builtWith } = loaded.addon.cpu();
  const [isa] = isas;
  return {
    native: { available: true, isas, isa, features, formats: formats[isa], compiler: builtWith },
    compiler,
  };
}

export type WasmState =
  | { readonly available: true; readonly isa: string }
  | { readonly available: false; readonly reason: string };

/** Whether the WebAssembly backend works here, or why not. */
export function describeWasm(): WasmState {
  const loaded = loadWasm();
  return "reason" in loaded
    ? { available: false, reason: loaded.reason }
    : { available: true, isa: WASM_ISA };
}
