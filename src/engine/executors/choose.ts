// Which executor a run gets: the native one where it can be had, else the reference with the reason why.

import type { Executor } from "./executor.ts";
import { loadAddon } from "./native/addon.ts";
import { findCompiler } from "./native/compile.ts";
import { makeNativeExecutor, type NativeOptions } from "./native/native.ts";
import { makeReferenceExecutor } from "./reference/reference.ts";

export type BackendChoice = "auto" | "native" | "reference";

/** `auto` falls back to the reference executor; `reason` then says why in a sentence. */
export async function chooseExecutor(
  backend: BackendChoice,
  options: NativeOptions = {},
): Promise<{ executor: Executor; reason?: string }> {
  if (backend === "reference") return { executor: makeReferenceExecutor("float32") };
  if (backend === "native") return { executor: await makeNativeExecutor(options) };
  const loaded = await loadAddon();
  if ("reason" in loaded) return { executor: makeReferenceExecutor("float32"), reason: loaded.reason };
  return { executor: await makeNativeExecutor(options) };
}

export type NativeState =
  | {
      readonly available: true;
      /** Best first. */
      readonly isas: readonly string[];
      readonly isa: string;
      readonly features: readonly string[];
      readonly compiler: string;
    }
  | { readonly available: false; readonly reason: string };

/** What the native backend is on this machine, or why it is off; and the compiler that could build it. */
export async function describeNative(): Promise<{ native: NativeState; compiler: string | undefined }> {
  const loaded = await loadAddon();
  const compiler = findCompiler();
  if ("reason" in loaded) return { native: { available: false, reason: loaded.reason }, compiler };
  const { isa: isas, features, compiler: builtWith } = loaded.addon.cpu();
  return { native: { available: true, isas, isa: isas[0], features, compiler: builtWith }, compiler };
}
