// Where the files of a solver page come from: the page's own from this package, its scripts compiled with it, the
// WebAssembly from the installed onnxruntime-web.

import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, posix } from "node:path";
import { packageRoot } from "../base/data-folder.ts";
import { ToolError } from "../base/errors.ts";
import { fileError, readBytes } from "../base/files.ts";

/** Files by their paths in the folder of the page. */
export type PageFiles = ReadonlyMap<string, string | Uint8Array>;

/** Modules that a page starts from; what they import comes with them. */
const ENTRIES = ["web/page/page.js", "web/worker.js", "web/index.js"];

/** The page itself and its scripts, under the folders that they import each other from. */
export async function pageFiles(): Promise<PageFiles> {
  const files = new Map<string, string | Uint8Array>();
  const page = join(packageRoot(), "page");
  for (const name of readdirSync(page)) files.set(name, await readBytes(join(page, name)));
  for (const [name, text] of modulesFrom(ENTRIES, join(packageRoot(), "dist")))
    files.set(`whorl/${name}`, text);
  return files;
}

/** Compiled modules with all that they import, without the comment that asks for a source map. */
function modulesFrom(entries: readonly string[], dist: string): Map<string, string> {
  const modules = new Map<string, string>();
  const waiting = [...entries];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (modules.has(name)) continue;
    const text = readModule(join(dist, name)).replace(/\n\/\/# sourceMappingURL=.*\s*$/, "\n");
    modules.set(name, text);
    for (const [, specifier] of text.matchAll(/^(?:import|export)[^"']*["'](\.[^"']+)["'];$/gm))
      waiting.push(posix.join(posix.dirname(name), specifier));
  }
  return new Map([...modules].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function readModule(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw fileError(error, `reading the page's script ${path}`, "build the package first: npm run build");
  }
}

interface RuntimeFlavour {
  /** The file that pages import. */
  readonly script: string;
  /** The script and the binary that it loads, without their endings. */
  readonly binary: string;
}

/**
 * The narrow builds: the one for WebGPU is that of JSPI, 17 MB where the others with WebGPU have 27, above the 25 MiB
 * that hosts of static pages take. Browsers without JSPI compute on the processor.
 */
const FLAVOURS: Readonly<Record<"wasm" | "webgpu", RuntimeFlavour>> = {
  wasm: { script: "ort.wasm.min.mjs", binary: "ort-wasm-simd-threaded" },
  webgpu: { script: "ort.jspi.min.mjs", binary: "ort-wasm-simd-threaded.jspi" },
};

/** ONNX Runtime's files. All scripts end in `.js`: some servers do not know that `.mjs` is JavaScript. */
export async function runtimeFiles({
  webgpu,
}: {
  webgpu: boolean;
}): Promise<{ version: string; files: PageFiles }> {
  const { dist, version } = findRuntime();
  const files = new Map<string, Uint8Array>();
  for (const [name, { script, binary }] of Object.entries(FLAVOURS)) {
    if (name === "webgpu" && !webgpu) continue;
    files.set(`runtime/${name}.js`, await readBytes(join(dist, script)));
    files.set(`runtime/${name}-module.js`, await readBytes(join(dist, `${binary}.mjs`)));
    files.set(`runtime/${name}.wasm`, await readBytes(join(dist, `${binary}.wasm`)));
  }
  return { version, files };
}

function findRuntime(): { dist: string; version: string } {
  const require = createRequire(import.meta.url);
  try {
    const dist = dirname(require.resolve("onnxruntime-web"));
    const text = readFileSync(join(dist, "..", "package.json"), "utf8");
    return { dist, version: String(JSON.parse(text).version) };
  } catch (cause) {
    throw new ToolError("onnxruntime-web is not installed, and the page computes with it", {
      code: "web/no-runtime",
      hint: "npm install onnxruntime-web",
      cause,
    });
  }
}
