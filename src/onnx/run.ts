// An ONNX Runtime session: onnxruntime-node where it is installed, else the WebAssembly of onnxruntime-web. Both are
// optional and loaded when first asked for; nothing is downloaded, and the WebAssembly runs in one thread.

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { ToolError } from "../base/errors.ts";

/** Numbers of an input or output; `Uint8Array` holds booleans, `Uint16Array` bits of float16. */
export type OnnxNumbers = Float32Array | Int32Array | BigInt64Array | Uint8Array | Uint16Array;

export interface OnnxArray {
  readonly dims: readonly number[];
  readonly data: OnnxNumbers;
}

export interface OnnxSession {
  /** What runs it, for instance `onnxruntime-web wasm 1.30.0`. */
  readonly provider: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** @param wanted outputs to be computed; all without */
  run(feeds: ReadonlyMap<string, OnnxArray>, wanted?: readonly string[]): Promise<Map<string, OnnxArray>>;
  close(): Promise<void>;
}

export const ONNX_RUNTIMES = ["onnxruntime-node", "onnxruntime-web"] as const;
export type OnnxRuntimeName = (typeof ONNX_RUNTIMES)[number];

export interface SessionOptions {
  /** Default: the first that is installed. */
  readonly runtime?: OnnxRuntimeName;
  readonly threads?: number;
  /** Stands in errors, for instance the path. */
  readonly where?: string;
}

/** As much of the packages' common interface as is used; neither need be installed when this is compiled. */
interface Runtime {
  readonly InferenceSession: {
    create(bytes: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<RuntimeSession>;
  };
  readonly Tensor: new (type: string, data: OnnxNumbers, dims: readonly number[]) => RuntimeTensor;
  readonly env: {
    readonly versions: Readonly<Record<string, string | undefined>>;
    readonly wasm: { numThreads?: number };
    logLevel?: string;
  };
}

interface RuntimeTensor {
  readonly dims: readonly number[];
  readonly data: OnnxNumbers;
}

interface RuntimeSession {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(
    feeds: Readonly<Record<string, RuntimeTensor>>,
    fetches?: readonly string[],
  ): Promise<Readonly<Record<string, RuntimeTensor>>>;
  release(): Promise<void>;
}

export async function openSession(bytes: Uint8Array, options: SessionOptions = {}): Promise<OnnxSession> {
  const { name, runtime } = await loadRuntime(options.runtime);
  const threads = options.threads ?? 1;
  runtime.env.logLevel = "error";
  if (name === "onnxruntime-web") runtime.env.wasm.numThreads = threads;
  const session = await createSession(runtime, bytes, name, threads, options.where);
  const version = runtime.env.versions[name === "onnxruntime-web" ? "web" : "node"] ?? "";
  return {
    provider: `${name} ${name === "onnxruntime-web" ? "wasm" : "cpu"} ${version}`.trim(),
    inputs: session.inputNames,
    outputs: session.outputNames,
    async run(feeds, wanted) {
      const given = Array.from(feeds, ([key, { dims, data }]) => {
        return [key, new runtime.Tensor(typeOf(data), data, dims)] as const;
      });
      const results = await session
        .run(Object.fromEntries(given), wanted ?? session.outputNames)
        .catch((cause: unknown) => {
          throw failed("fails at", cause, options.where);
        });
      return new Map(Object.entries(results).map(([key, { dims, data }]) => [key, { dims, data }]));
    },
    close: () => session.release(),
  };
}

async function createSession(
  runtime: Runtime,
  bytes: Uint8Array,
  name: OnnxRuntimeName,
  threads: number,
  where: string | undefined,
): Promise<RuntimeSession> {
  try {
    return await runtime.InferenceSession.create(bytes, {
      executionProviders: [name === "onnxruntime-web" ? "wasm" : "cpu"],
      intraOpNumThreads: threads,
      logSeverityLevel: 3,
    });
  } catch (cause) {
    throw failed("refuses", cause, where);
  }
}

function failed(verb: string, cause: unknown, where: string | undefined): ToolError {
  return new ToolError(`ONNX Runtime ${verb} the model: ${cause instanceof Error ? cause.message : cause}`, {
    code: "onnx/refused",
    where,
    hint: "export it again; if that does not help, please report it",
    cause,
  });
}

async function loadRuntime(
  wanted: OnnxRuntimeName | undefined,
): Promise<{ name: OnnxRuntimeName; runtime: Runtime }> {
  for (const name of wanted ? [wanted] : ONNX_RUNTIMES) {
    const runtime = await importRuntime(name);
    if (runtime) return { name, runtime };
  }
  throw new ToolError(`${wanted ?? "ONNX Runtime"} is not installed`, {
    code: "onnx/no-runtime",
    hint: "npm install onnxruntime-web (WebAssembly, nothing to build), or onnxruntime-node (faster)",
  });
}

/** Undefined when the package is not there; a package that is there and fails to load is an error. */
async function importRuntime(name: OnnxRuntimeName): Promise<Runtime | undefined> {
  const path = pathOf(name);
  if (path === undefined) return undefined;
  try {
    // By path where only NODE_PATH leads to it, of which `import` knows nothing.
    const module: unknown = await import(name).catch(() => import(pathToFileURL(path).href));
    if (isRuntime(module)) return module;
  } catch (cause) {
    throw new ToolError(`${name} cannot be loaded: ${cause instanceof Error ? cause.message : cause}`, {
      code: "onnx/runtime-broken",
      hint: `install ${name} again`,
      cause,
    });
  }
  throw new ToolError(`the package ${name} is not the ONNX Runtime that Whorl knows`, {
    code: "onnx/runtime-broken",
    hint: "it was made for version 1.30",
  });
}

/** Whether the package is found, without loading it. */
export function isInstalled(name: OnnxRuntimeName): boolean {
  return pathOf(name) !== undefined;
}

function pathOf(name: OnnxRuntimeName): string | undefined {
  try {
    return createRequire(import.meta.url).resolve(name);
  } catch {
    return undefined;
  }
}

function isRuntime(module: unknown): module is Runtime {
  return typeof module === "object" && module !== null && "InferenceSession" in module && "Tensor" in module;
}

function typeOf(data: OnnxNumbers): string {
  if (data instanceof Float32Array) return "float32";
  if (data instanceof Int32Array) return "int32";
  if (data instanceof BigInt64Array) return "int64";
  return data instanceof Uint8Array ? "bool" : "float16";
}
