// Builds native/wasm/whorl.wasm, the WebAssembly form of the kernels, which is committed: machines without a C++ compiler
// run it. `node scripts/build-wasm.mjs` makes it and records what it was made from in whorl.wasm.json beside it;
// `--check` only compares that record with the sources, for which no compiler is needed.
// Needs clang with wasm-ld, wasi-libc and libc++ for wasm32, in Debian: clang-19 lld-19 wasi-libc libc++-19-dev-wasm32
// libc++abi-19-dev-wasm32 libclang-rt-19-dev-wasm32. Another clang++ is named in WHORL_WASM_CXX.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const native = fileURLToPath(new URL("../native/", import.meta.url));
const artifact = join(native, "wasm/whorl.wasm");
const record = `${artifact}.json`;

const units = ["core/plan.cc", "isa/all.cc", "wasm/entry.cc"];
const headerFolders = ["core", "isa", "kernels"];

const compileFlags = [
  ...["--target=wasm32-wasi", "-std=c++20", "-O3", "-Wall", "-Wextra"],
  ...["-fvisibility=hidden", "-fno-exceptions", "-fno-rtti", "-fno-math-errno", "-ffp-contract=fast"],
  // Threads share one memory: each is an instance with a stack of its own.
  ...["-msimd128", "-mbulk-memory", "-matomics", "-mmutable-globals"],
];

const linkFlags = [
  ...["--target=wasm32-wasi", "-nostartfiles", "-fuse-ld=lld"],
  `-Wl,${[
    ...["--no-entry", "--strip-all", "--gc-sections"],
    ...["--shared-memory", "--import-memory", "--max-memory=4294967296"],
    // Debian's C library is built without atomics. What is used of it keeps no state but the heap, which entry.cc locks.
    "--no-check-features",
    ...["--export=__stack_pointer", "--export=__wasm_call_ctors", "-z,stack-size=262144"],
  ].join(",")}`,
];

process.exitCode = process.argv.includes("--check") ? check() : build();

function check() {
  const made = existsSync(record) && existsSync(artifact) ? JSON.parse(readFileSync(record, "utf8")) : {};
  const isCurrent = made.sources === hashSources() && made.artifact === sha256(readFileSync(artifact));
  if (isCurrent) return 0;
  const what = "native/wasm/whorl.wasm was not built from the present sources in native/";
  process.stderr.write(
    `${what}: run \`node scripts/build-wasm.mjs\` (its head says what it needs) and commit both files\n`,
  );
  return 1;
}

function build() {
  const compiler = findCompiler();
  if (!compiler) {
    process.stderr.write(
      "no clang++ that can make wasm32 was found: the head of this script says what to install\n",
    );
    return 1;
  }
  const folder = mkdtempSync(join(tmpdir(), "whorl-wasm-"));
  try {
    const objects = units.map((unit) => join(folder, `${basename(unit, ".cc")}.o`));
    for (const [i, unit] of units.entries())
      run(compiler.command, [...compileFlags, ...compiler.include, "-c", unit, "-o", objects[i]]);
    run(compiler.command, [...linkFlags, ...compiler.libraries, ...objects, "-o", artifact]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const bytes = readFileSync(artifact);
  const made = { sources: hashSources(), artifact: sha256(bytes), compiler: compiler.version };
  writeFileSync(record, `${JSON.stringify(made, null, 2)}\n`);
  process.stderr.write(`built native/wasm/whorl.wasm, ${bytes.length} bytes, with ${compiler.version}\n`);
  return 0;
}

/** Over everything that decides what the artifact is but the compiler, which is only noted. */
function hashSources() {
  const headers = headerFolders.flatMap((folder) =>
    readdirSync(join(native, folder))
      .filter((name) => name.endsWith(".h"))
      .map((name) => `${folder}/${name}`),
  );
  const hash = createHash("sha256").update(JSON.stringify([compileFlags, linkFlags]));
  for (const file of [...units, ...headers].sort())
    hash.update(`\0${file}\0`).update(readFileSync(join(native, file), "utf8").replaceAll("\r\n", "\n"));
  return hash.digest("hex");
}

function findCompiler() {
  const names = process.env.WHORL_WASM_CXX ? [process.env.WHORL_WASM_CXX] : ["clang++-19", "clang++"];
  for (const command of names) {
    const asked = spawnSync(command, ["--version"], { encoding: "utf8" });
    if (asked.status !== 0) continue;
    // Debian keeps libc++ for wasm32 beside its clang: …/llvm-19/lib/clang/19 is the resource folder.
    const root = join(run(command, ["-print-resource-dir"]).trim(), "../../..");
    const headers = join(root, "include/wasm32-wasi/c++/v1");
    return {
      command,
      version: asked.stdout.split("\n")[0],
      include: existsSync(headers) ? ["-nostdinc++", "-isystem", headers] : [],
      libraries: [`-L${join(root, "lib/wasm32-wasi")}`],
    };
  }
}

function run(command, words) {
  const { status, stdout } = spawnSync(command, words, {
    cwd: native,
    encoding: "utf8",
    stdio: ["ignore", "pipe", 2],
  });
  if (status !== 0) throw new Error(`${command} failed: ${words.join(" ")}`);
  return stdout;
}

function sha256(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}
