// The layer check finds what it is there to find: it is run on small made-up trees.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const script = fileURLToPath(new URL("../scripts/check-layers.mjs", import.meta.url));

function check(files: Record<string, string>): { exitCode: number | null; problems: string } {
  const folder = mkdtempSync(join(tmpdir(), "whorl-layers-"));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const run = spawnSync(process.execPath, [script, folder], { encoding: "utf8" });
  rmSync(folder, { recursive: true });
  return { exitCode: run.status, problems: run.stderr };
}

test("imports in order pass, as do circles of types and imports of tests", () => {
  const tree = {
    "base/a.ts": 'import type { B } from "./b.ts";\nexport const a = 1;',
    "base/b.ts": 'import { a } from "./a.ts";\nimport { join } from "node:path";\nexport type B = typeof a;',
    "base/a.test.ts": 'import "../cli/main.ts";',
    "cli/main.ts": '// import "../nowhere.ts"\nimport { a } from "../base/a.ts";\nexport const m = a;',
  };
  expect(check(tree)).toEqual({ exitCode: 0, problems: "" });
});

test("each kind of violation is reported with its file and line", () => {
  const tree = {
    "base/a.ts": '// first line\nimport { m } from "../cli/main.ts";\nexport const a = m;',
    "cli/main.ts": "export const m = 1;",
    "engine/plan.ts": 'export { run } from "./executors/native/run.ts";',
    "engine/executors/native/run.ts":
      'import "../../../gone.ts";\nexport const run = await import("./b.ts");',
    "engine/executors/native/b.ts": 'import { run } from "./run.ts";\nexport const b = run;',
    "train/loop.ts": 'import "../engine/executors/native/run.ts";\nimport "../engine/index.ts";',
    "engine/index.ts": 'export { run } from "./executors/native/run.ts";',
    "helpers/x.ts": 'import "../base/a.ts";',
  };
  const { exitCode, problems } = check(tree);
  expect(exitCode).toBe(1);
  expect(problems).toMatchInlineSnapshot(`
    "src/base/a.ts:2: imports cli/main.ts; base comes before cli
    src/engine/executors/native/run.ts:1: imports gone.ts, which does not exist
    src/helpers/x.ts:1: its folder is not in the list of layers
    src/engine/plan.ts:1: imports engine/executors/native/run.ts; graphs and plans know only the contract of executors, executors/executor.ts
    src/train/loop.ts:1: imports engine/executors/native/run.ts; executors are had through executors/choose.ts
    src/train/loop.ts:2: imports engine/index.ts; it is an entry point of the package, never imported from inside
    src/engine/executors/native/run.ts:2: import cycle: engine/executors/native/b.ts → engine/executors/native/run.ts → engine/executors/native/b.ts
    "
  `);
});
