// The last line of a real run, with the default reporter beside ours, read from the pipe as a CI log would.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

test("failures of every kind are counted, skipped tests are listed, and the counts come last", () => {
  const folder = mkdtempSync(join(tmpdir(), "whorl-reporter-"));
  const cases = `
    test("passes", () => {});
    test("fails", () => expect(1).toBe(2));
    test.skipIf(true)("needs data", () => {});
    test("notes why", (context) => context.skip("no browser here"));
    describe("broken hook", () => { beforeAll(() => { throw new Error("x"); }); test("never runs", () => {}); });`;
  writeFileSync(join(folder, "cases.test.js"), cases);
  writeFileSync(join(folder, "broken.test.js"), 'import "./missing.js";');
  const words = ["run", "--root", folder, "--globals", "--reporter", "default"];
  const run = spawnSync(
    process.execPath,
    [path("../node_modules/vitest/vitest.mjs"), ...words, "--reporter", path("./summary-reporter.ts")],
    { encoding: "utf8" },
  );
  rmSync(folder, { recursive: true });
  expect(run.status).toBe(1);
  expect(run.stdout.split("\n").slice(-5).join("\n")).toMatchInlineSnapshot(`
    "skipped: cases.test.js > needs data
    skipped: cases.test.js > notes why (no browser here)
    skipped: cases.test.js > broken hook > never runs
    1 passed, 3 failed, 3 skipped
    "
  `);
});
