// The typed surface of the C++ addon and how it is found: the file of this package's own build, else one compiled on
// first use into a cache folder. Nothing here knows what a plan means; see native/core/plan.h for the program format.

import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ToolError } from "../../../base/errors.ts";
import type { NumberFormat } from "../../number-format.ts";
import { compileAddon, findCompiler, hashBuild } from "./compile.ts";

export interface CpuReport {
  /** Instruction sets that are compiled in and supported here, best first. */
  isa: string[];
  /** Raw CPU flags of interest, for instance `amx_bf16`. */
  features: string[];
  /** Number formats of each instruction set. */
  formats: Record<string, NumberFormat[]>;
  cores: number;
  /** The compiler that built the addon. */
  compiler: string;
}

/** A compiled plan, owned by the addon and freed with this handle. */
export interface NativePlan {
  readonly nativePlan: unique symbol;
}

export type NativeArray = Float32Array | Int32Array | Float64Array | Uint16Array | Uint8Array;

/** One external buffer of a run; strides in bytes, multiples of 2. */
export interface NativeBinding {
  buffer: NativeArray;
  /** Bytes from one row to the next; 0 when all rows share the buffer. */
  rowStride: number;
  /** Bytes from one lane to the next; 0 when all lanes share the buffer. */
  laneStride: number;
}

export interface NativeAddon {
  /** Kernel names; the index is the kernel id of a program. */
  kernels(): string[];
  cpu(): CpuReport;
  /**
   * Checks and decodes a program for one instruction set; throws an Error that names the faulty instruction.
   * `slotCount` counts the arena, which is slot 0, and the block of packed weights, which is the last: it has
   * `preparedBytes` bytes, and the first `prologue` instructions fill it.
   */
  createPlan(
    program: Float64Array,
    arenaBytes: number,
    slotCount: number,
    isa: string,
    prologue: number,
    preparedBytes: number,
  ): NativePlan;
  /**
   * Runs off the event loop, in the order of the calls; rejects before it starts when a buffer is too small.
   * `seconds`, if given, gets the time of each instruction added, summed over threads. With `reuse` the packed weights
   * of an earlier run are taken as they are.
   */
  runPlan(
    plan: NativePlan,
    bindings: NativeBinding[],
    rows: number,
    tokens: number,
    microBatch: number,
    lanes: number,
    threads: number,
    seconds?: Float64Array,
    reuse?: boolean,
  ): Promise<void>;
  /** Measured multiply-add FLOP/s of a register-only loop on `threads` threads. */
  peak(isa: string, threads: number, seconds: number, format: NumberFormat): Promise<number>;
  /** Native memory held now: arenas, scratch blocks and plans. */
  liveBytes(): number;
  /** Frees arenas and scratch blocks, unless a run is under way. */
  trim(): void;
}

export type LoadedAddon = { addon: NativeAddon } | { reason: string };

let loading: Promise<LoadedAddon> | undefined;

/** The addon, or a sentence saying why there is none. Found or compiled once per process. */
export function loadAddon(): Promise<LoadedAddon> {
  loading ??= findAddon();
  return loading;
}

/** `loadAddon` without the memory of an earlier call. */
export async function findAddon(): Promise<LoadedAddon> {
  if (process.env.WHORL_NATIVE === "off")
    return { reason: "the native executor is switched off by WHORL_NATIVE=off" };
  const root = findPackageRoot();
  const built = join(root, "dist/native/whorl.node");
  let problem = "";
  if (existsSync(built)) {
    const loaded = tryLoad(built);
    if ("addon" in loaded) return loaded;
    problem = `${loaded.reason}; `;
  }
  const compiler = findCompiler();
  if (compiler === undefined) {
    return {
      reason: `${problem}the native executor is not built and no C++ compiler (c++, g++, clang++) was found`,
    };
  }
  try {
    const sourceDir = join(root, "native");
    const outFile = join(cacheDir(), hashBuild(sourceDir, compiler), "whorl.node");
    await compileAddon({ sourceDir, outFile, log: () => {} });
    return tryLoad(outFile);
  } catch (error) {
    return { reason: problem + (error instanceof ToolError ? error.format() : String(error)) };
  }
}

function tryLoad(file: string): LoadedAddon {
  try {
    return { addon: createRequire(import.meta.url)(file) };
  } catch (error) {
    return { reason: `${file} does not load: ${error instanceof Error ? error.message : String(error)}` };
  }
}

function cacheDir(): string {
  return join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "whorl");
}

// The same answer from src/ and from dist/: the nearest folder upwards that holds package.json.
function findPackageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, "package.json"))) {
    const parent = dirname(folder);
    if (parent === folder) return process.cwd();
    folder = parent;
  }
  return folder;
}
