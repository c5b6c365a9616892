// The native executor for tests, if this machine has one. Suites skip, and are counted, where it has none.

import { loadAddon, type NativeAddon } from "../executors/native/addon.ts";

const loaded = await loadAddon();

export const addon: NativeAddon | undefined = "addon" in loaded ? loaded.addon : undefined;

/** Instruction sets to test; one that stands for the missing addon, so that something is there to be skipped. */
export const isas: readonly string[] = addon?.cpu().isa ?? ["no native executor"];
