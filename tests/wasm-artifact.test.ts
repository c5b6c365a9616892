// The committed WebAssembly module is the one that the present sources make; no compiler is needed to know it.

import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../src/base/data-folder.ts";

const root = packageRoot();

function check(folder: string) {
  const script = join(folder, "scripts/build-wasm.mjs");
  return spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
}

test("native/wasm/whorl.wasm is current, and small", () => {
  expect(check(root)).toMatchObject({ stderr: "", status: 0 });
  expect(readFileSync(join(root, "native/wasm/whorl.wasm")).length).toBeLessThan(300_000);
});

test.each([
  ["a kernel", "native/kernels/scale.h"],
  ["the module", "native/wasm/whorl.wasm"],
])("the check notices a change of %s and says what to run", (_, file) => {
  const folder = mkdtempSync(join(tmpdir(), "whorl-wasm-"));
  cpSync(join(root, "native"), join(folder, "native"), { recursive: true });
  cpSync(join(root, "scripts/build-wasm.mjs"), join(folder, "scripts/build-wasm.mjs"));
  expect(check(folder).status).toBe(0);
  writeFileSync(join(folder, file), Buffer.concat([readFileSync(join(folder, file)), Buffer.from(" ")]));
  const { status, stderr } = check(folder);
  expect(status).toBe(1);
  expect(stderr).toContain("run `node scripts/build-wasm.mjs`");
});
