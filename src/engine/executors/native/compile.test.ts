// Finding a compiler, telling the user what failed, and not building twice. The real build is exercised by the
// kernel tests; here the sources are three-line stand-ins.

import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ToolError } from "../../../base/errors.ts";
import { compileAddon, findCompiler } from "./compile.ts";

const hasCompiler = findCompiler() !== undefined;
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-compile-"));
  for (const name of ["core/plan", "isa/amx", "isa/choose", "node/addon", "node/pool"])
    writeSource(`${name}.cc`, "");
  writeSource("isa/all.cc", "static int one() { return 1; }\nint (*const unused)() = one;\n");
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function writeSource(name: string, text: string): void {
  const file = join(folder, "native", name);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

async function build(): Promise<string[]> {
  const lines: string[] = [];
  const outFile = join(folder, "out/whorl.node");
  await compileAddon({ sourceDir: join(folder, "native"), outFile, log: (line) => lines.push(line) });
  return lines;
}

test("without a compiler the error says what was looked for", async () => {
  vi.stubEnv("WHORL_NO_COMPILER", "1");
  vi.stubEnv("CXX", "");
  expect(findCompiler()).toBeUndefined();
  const error = await build().catch((problem: unknown) => problem);
  if (!(error instanceof ToolError)) throw error;
  expect(error.format()).toMatchInlineSnapshot(
    `"no C++ compiler was found — looked for c++, g++ and clang++ — install g++ or clang++, or name a compiler in CXX"`,
  );
});

test.skipIf(!hasCompiler)("a second build does nothing, a changed header builds again", async () => {
  writeSource("core/plan.h", "");
  expect(await build()).toHaveLength(2);
  const built = statSync(join(folder, "out/whorl.node")).mtimeMs;
  expect(await build()).toEqual([]);
  expect(statSync(join(folder, "out/whorl.node")).mtimeMs).toBe(built);
  writeSource("core/plan.h", "// changed");
  expect(await build()).toHaveLength(2);
  expect(readdirSync(join(folder, "out")).sort()).toEqual(["whorl.node", "whorl.node.hash"]);
});

test.skipIf(!hasCompiler)(
  "a compile error shows the compiler's first lines and leaves nothing behind",
  async () => {
    writeSource("core/plan.cc", "int broken = nonsense;\n");
    const error = await build().catch((problem: unknown) => problem);
    if (!(error instanceof ToolError)) throw error;
    expect(error.code).toBe("native/compile-failed");
    expect(error.where).toContain("core/plan.cc with ");
    expect(error.message).toMatch(/nonsense/);
    expect(readdirSync(join(folder, "out"))).toEqual([]);
  },
);

test.skipIf(!hasCompiler || process.platform !== "linux" || process.arch !== "x64")(
  "a compiler that does not know AMX builds everything else",
  async () => {
    const compiler = findCompiler();
    const older = join(folder, "older-compiler");
    const refuse = 'for flag in "$@"; do case $flag in -mamx*) exit 1;; esac; done';
    writeFileSync(older, `#!/bin/sh\n${refuse}\nexec ${compiler} "$@"\n`);
    chmodSync(older, 0o755);
    const [all] = await build();
    vi.stubEnv("CXX", older);
    const [known] = await build();
    expect(Number(/\d+/.exec(known))).toBe(Number(/\d+/.exec(all)) - 1);
  },
);
