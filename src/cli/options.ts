// What all computing commands share: how many threads, which backend, and the executor that follows.

import type { Command } from "commander";
import { ToolError } from "../base/errors.ts";
import { logWarning } from "../base/log.ts";
import type { EngineConfig } from "../config/schema.ts";
import { BACKEND_CHOICES, type BackendChoice, chooseExecutor } from "../engine/executors/choose.ts";
import type { Executor } from "../engine/executors/executor.ts";
import type { RunTiming } from "../engine/timing.ts";

/** Values of the options that `addComputeOptions` adds, as typed. */
export interface ComputeOptions {
  threads?: string;
  backend?: string;
  isa?: string;
}

export function addComputeOptions(command: Command): Command {
  return command
    .option("--threads <n>", "threads to compute with (default: all cores)")
    .option("--backend <name>", "auto, native, wasm or reference")
    .option("--isa <name>", "instruction set of the native backend (see `whorl doctor`)");
}

/** The engine settings after the options, which win over the configuration. */
export function engineFrom(options: ComputeOptions, engine: EngineConfig): EngineConfig {
  return {
    ...engine,
    threads: options.threads === undefined ? engine.threads : parseCount("--threads", options.threads),
    backend: options.backend === undefined ? engine.backend : parseBackend(options.backend),
    isa: options.isa ?? engine.isa,
  };
}

/** The executor for a command; says so when it is not the fastest one. */
export async function executorFrom(
  options: ComputeOptions,
  engine: EngineConfig,
  onTiming?: (timing: RunTiming) => void,
): Promise<Executor> {
  const { backend, threads, isa, lanes } = engineFrom(options, engine);
  const { executor, reason } = await chooseExecutor(backend, {
    threads: threads ?? undefined,
    isa: isa ?? undefined,
    lanes,
    onTiming,
  });
  if (reason)
    logWarning(`computing with WebAssembly, several times slower than the native backend: ${reason}`);
  return executor;
}

/** A whole number from 1; anything else is wrong usage. */
export function parseCount(option: string, text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new ToolError(`${option} takes a whole number from 1, not '${text}'`, {
    code: "usage/count",
    hint: `for instance ${option} 2`,
    exitCode: 2,
  });
}

function parseBackend(text: string): BackendChoice {
  const choice = BACKEND_CHOICES.find((name) => name === text);
  if (choice) return choice;
  throw new ToolError(`--backend takes auto, native, wasm or reference, not '${text}'`, {
    code: "usage/backend",
    exitCode: 2,
  });
}
