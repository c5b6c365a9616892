// Builds the native addon with the system's C++ compiler: no node-gyp, no downloads, no lifecycle hooks.
// Kernels are compiled once per instruction set with that set's own flags; everything else without any, so the
// result runs on every CPU of the architecture. Callers: the build script, and addon.ts on first use.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { ToolError } from "../../../base/errors.ts";

export interface CompileAddonOptions {
  /** The folder `native/` of the package. */
  sourceDir: string;
  /** The shared object to write, by custom `whorl.node`. A file `<outFile>.hash` beside it says what it was built from. */
  outFile: string;
  log: (line: string) => void;
}

interface Unit {
  source: string;
  object: string;
  flags: string[];
}

const commonFlags = [
  "-std=c++20",
  "-O3",
  "-fPIC",
  "-fvisibility=hidden",
  "-fno-exceptions",
  "-fno-rtti",
  "-fno-math-errno",
  "-ffp-contract=fast",
];

const avx512Flags = [
  "-mavx512f",
  "-mavx512bw",
  "-mavx512dq",
  "-mavx512vl",
  "-mfma",
  "-mprefer-vector-width=512",
];

const x86Flags: Record<string, string[]> = {
  amx: [...avx512Flags, "-mavx512bf16", "-mamx-tile", "-mamx-bf16"],
  avx512: avx512Flags,
  avx2: ["-mavx2", "-mfma"],
};

/** The C++ compiler to use: `$CXX`, else the first of c++, g++, clang++ that answers; undefined when there is none. */
export function findCompiler(): string | undefined {
  if (process.env.WHORL_NO_COMPILER === "1") return undefined;
  const candidates = process.env.CXX ? [process.env.CXX] : ["c++", "g++", "clang++"];
  return candidates.find((name) => spawnSync(name, ["--version"], { stdio: "ignore" }).status === 0);
}

/** Names a build: changes when the sources, flags, headers, architecture or compiler do. */
export function hashBuild(sourceDir: string, compiler: string): string {
  const version = spawnSync(compiler, ["--version"], { encoding: "utf8" }).stdout;
  const hash = createHash("sha256");
  hash.update(JSON.stringify([version, process.platform, process.arch, linkFlags(), headersVersion()]));
  for (const unit of listUnits(sourceDir, compiler)) hash.update(JSON.stringify([unit.source, unit.flags]));
  for (const file of listSources(sourceDir)) {
    hash.update(`\0${file}\0`);
    hash.update(readFileSync(join(sourceDir, file)));
  }
  return hash.digest("hex").slice(0, 16);
}

/** Builds the addon unless `outFile` is up to date. Safe against concurrent builds: the result appears by a rename. */
export async function compileAddon({ sourceDir, outFile, log }: CompileAddonOptions): Promise<void> {
  const compiler = findCompiler();
  if (compiler === undefined) {
    throw new ToolError("no C++ compiler was found", {
      code: "native/no-compiler",
      where: process.env.CXX ? `CXX=${process.env.CXX}` : "looked for c++, g++ and clang++",
      hint: "install g++ or clang++, or name a compiler in CXX",
    });
  }
  const hash = hashBuild(sourceDir, compiler);
  const hashFile = `${outFile}.hash`;
  if (existsSync(outFile) && existsSync(hashFile) && readFileSync(hashFile, "utf8") === hash) return;

  mkdirSync(dirname(outFile), { recursive: true });
  const workDir = mkdtempSync(`${outFile}.build-`);
  try {
    const units = listUnits(sourceDir, compiler);
    log(`compiling ${units.length} units of the native executor with ${compiler}`);
    await compileUnits(compiler, sourceDir, workDir, units);
    const linked = join(workDir, basename(outFile));
    const objects = units.map((unit) => join(workDir, unit.object));
    await runCompiler(compiler, [...objects, ...linkFlags(), "-o", linked], "linking the addon");
    rmSync(hashFile, { force: true });
    renameSync(linked, outFile);
    writeFileSync(hashFile, hash);
    log(`built ${outFile}`);
  } finally {
    rmSync(workDir, { recursive: true, force: true });
  }
}

function listUnits(sourceDir: string, compiler: string): Unit[] {
  const plain = ["core/plan.cc", "isa/choose.cc", "node/addon.cc", "node/pool.cc"];
  const isX64 = process.arch === "x64";
  // Only Linux lets a process have the tile registers of AMX; compilers before g++ 11 and clang 12 do not know them.
  const hasTiles = isX64 && process.platform === "linux" && understands(compiler, x86Flags.amx);
  const amx = hasTiles ? ["isa/amx.cc"] : [];
  const sets = isX64 ? ["avx512", "avx2", "portable"] : ["portable"];
  // The kernel units take longest: first, so that two jobs end together.
  return [
    ...amx.map((source) => makeUnit(sourceDir, source, "kernels-amx.o", x86Flags.amx)),
    ...sets.map((isa) => makeUnit(sourceDir, "isa/all.cc", `kernels-${isa}.o`, x86Flags[isa] ?? [])),
    ...plain.map((source) => makeUnit(sourceDir, source, `${basename(source, ".cc")}.o`, [])),
  ];
}

function understands(compiler: string, flags: readonly string[]): boolean {
  const check = [...flags, "-x", "c++", "-fsyntax-only", "/dev/null"];
  return spawnSync(compiler, check, { stdio: "ignore" }).status === 0;
}

function makeUnit(sourceDir: string, source: string, object: string, flags: string[]): Unit {
  return { source: join(sourceDir, source), object, flags };
}

/** Paths below the source folder of everything a build reads, sorted. */
function listSources(sourceDir: string): string[] {
  const entries = readdirSync(sourceDir, { recursive: true, encoding: "utf8" });
  return entries.filter((file) => /\.(cc|h)$/.test(file)).sort();
}

function headersDir(): string {
  return dirname(createRequire(import.meta.url).resolve("node-api-headers/package.json"));
}

function headersVersion(): string {
  return readFileSync(join(headersDir(), "package.json"), "utf8");
}

// Symbols of Node are resolved when the addon is loaded: neither platform links against a libnode.
function linkFlags(): string[] {
  if (process.platform === "darwin") return ["-bundle", "-undefined", "dynamic_lookup"];
  return ["-shared", "-pthread"];
}

async function compileUnits(
  compiler: string,
  sourceDir: string,
  workDir: string,
  units: Unit[],
): Promise<void> {
  const waiting = [...units];
  const work = async (): Promise<void> => {
    for (let unit = waiting.shift(); unit !== undefined; unit = waiting.shift()) {
      const include = `-I${join(headersDir(), "include")}`;
      const output = join(workDir, unit.object);
      const flags = [...commonFlags, "-pthread", include, ...unit.flags];
      await runCompiler(
        compiler,
        [...flags, "-c", unit.source, "-o", output],
        unit.source.slice(sourceDir.length + 1),
      );
    }
  };
  // Wait for both before the work folder is removed, then report the first failure.
  const results = await Promise.allSettled([work(), work()]);
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

async function runCompiler(compiler: string, args: string[], what: string): Promise<void> {
  const { status, output } = await new Promise<{ status: number | null; output: string }>(
    (resolve, reject) => {
      const child = spawn(compiler, args, { stdio: ["ignore", "ignore", "pipe"] });
      let output = "";
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        output += text;
      });
      child.on("error", reject);
      child.on("close", (status) => resolve({ status, output }));
    },
  );
  if (status === 0) return;
  throw new ToolError(`the C++ compiler failed: ${firstLines(output)}`, {
    code: "native/compile-failed",
    where: `${what} with ${compiler}`,
    hint: "C++20 is needed: g++ 12 or clang++ 14 and later; name another compiler in CXX",
  });
}

function firstLines(output: string): string {
  return output.trim().split("\n").slice(0, 6).join("\n") || "no message";
}
