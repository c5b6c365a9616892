// ONNX Runtime in a browser, from the `runtime` folder of an exported page: WebGPU where the browser has a real adapter
// and JSPI, else WebAssembly, with threads where the page is cross-origin isolated.

import { ToolError } from "../base/errors.ts";
import type { ModelCard } from "../embed/model-card.ts";

export interface RuntimeOptions {
  /** Default: WebGPU where it works, else WebAssembly. */
  readonly provider?: "webgpu" | "wasm";
  /** Of WebAssembly; more than one need the headers COOP and COEP. Default: all cores up to 8, where they can be had. */
  readonly threads?: number;
}

/** As much of the packages' interface as is used. */
export interface Tensor {
  readonly data: Float32Array | Int32Array;
  dispose(): void;
}

export interface Session {
  run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
  release(): Promise<void>;
}

interface Ort {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<Session>;
  };
  readonly Tensor: new (
    type: "float32" | "int32",
    data: Float32Array | Int32Array,
    dims: readonly number[],
  ) => Tensor;
  readonly env: {
    logLevel?: string;
    readonly wasm: { numThreads?: number; wasmPaths?: { mjs: string; wasm: string } };
  };
}

export interface Runtime {
  readonly session: Session;
  readonly Tensor: Ort["Tensor"];
  /** For people, for instance `WebAssembly, 2 threads`. */
  readonly runsOn: string;
}

const MOST_THREADS = 8;

/**
 * @param folder URL of the exported folder, with the slash at its end
 * @param tryOut runs a step: WebGPU may be there and still not run a model, which shows only then
 */
export async function openRuntime(
  folder: URL,
  card: ModelCard,
  model: Uint8Array,
  options: RuntimeOptions,
  tryOut: (runtime: Runtime) => Promise<unknown>,
): Promise<Runtime> {
  const { provider } = options;
  const reason = card.runtime.webgpu
    ? await whyNoWebGpu(provider === "webgpu")
    : "the folder was exported without it";
  if (provider === "webgpu" && reason !== undefined)
    throw new ToolError(`WebGPU cannot be used here: ${reason}`, {
      code: "web/no-webgpu",
      hint: "leave the provider open, and WebAssembly computes",
    });
  if (provider !== "wasm" && reason === undefined) {
    try {
      const runtime = await openWith(
        { name: "webgpu", forceCpuNodeNames: card.float16Nodes },
        folder,
        model,
        1,
      );
      await tryOut(runtime);
      return runtime;
    } catch (error) {
      if (provider === "webgpu") throw error;
      console.info("WebGPU failed, WebAssembly computes:", error);
    }
  }
  return openWith({ name: "wasm" }, folder, model, globalThis.crossOriginIsolated ? threadsFor(options) : 1);
}

async function openWith(
  provider: { readonly name: "webgpu" | "wasm"; readonly forceCpuNodeNames?: readonly string[] },
  folder: URL,
  model: Uint8Array,
  threads: number,
): Promise<Runtime> {
  const at = (name: string) => new URL(`runtime/${name}`, folder).href;
  const ort: Ort = await import(/* @vite-ignore */ /* webpackIgnore: true */ at(`${provider.name}.js`));
  ort.env.logLevel = "error";
  ort.env.wasm.numThreads = threads;
  ort.env.wasm.wasmPaths = { mjs: at(`${provider.name}-module.js`), wasm: at(`${provider.name}.wasm`) };
  const session = await ort.InferenceSession.create(model, {
    ...{ executionProviders: [provider], intraOpNumThreads: threads, logSeverityLevel: 3 },
  });
  const runsOn =
    provider.name === "webgpu" ? "WebGPU" : `WebAssembly, ${threads} ${threads === 1 ? "thread" : "threads"}`;
  return { session, Tensor: ort.Tensor, runsOn };
}

function threadsFor({ threads }: RuntimeOptions): number {
  return threads ?? Math.min(navigator.hardwareConcurrency || 1, MOST_THREADS);
}

interface Adapter {
  readonly info?: { readonly isFallbackAdapter?: boolean };
}

/** Undefined where it works. An adapter that computes on the processor is slower than WebAssembly: only who asks gets it. */
async function whyNoWebGpu(isAsked: boolean): Promise<string | undefined> {
  const { gpu } = navigator as { gpu?: { requestAdapter(): Promise<Adapter | null> } };
  if (!gpu) return "the browser has no WebGPU";
  if (!("Suspending" in WebAssembly)) return "the browser has no JSPI";
  const adapter = await gpu.requestAdapter().catch(() => null);
  if (!adapter) return "there is no graphics adapter";
  return !isAsked && adapter.info?.isFallbackAdapter ? "its adapter computes on the processor" : undefined;
}
