// Which executor a run gets: the native one where it can be had, else the reference with the reason why.

import { makeNativeExecutor, type NativeOptions } from "./native/native.ts";
import { loadAddon } from "./native/addon.ts";
import type { Executor } from "./executor.ts";
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
