import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { afterEach, expect, test, vi } from "vitest";
import { debugLevel, logDebug } from "./log.ts";

afterEach(() => vi.unstubAllEnvs());

test("DEBUG is a level; words that mean something to other tools are 0", () => {
  for (const [value, level] of Object.entries({ "": 0, "3": 3, "vite:*": 0 })) {
    vi.stubEnv("DEBUG", value);
    expect(debugLevel()).toBe(level);
  }
});

test("a message above the level is never made", () => {
  vi.stubEnv("DEBUG", "1");
  const make = vi.fn(() => "text");
  const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
  logDebug(2, make);
  expect(make).not.toHaveBeenCalled();
  logDebug(1, make);
  expect(write).toHaveBeenCalledWith("[debug 1] text\n");
  write.mockRestore();
});

test("a reader that closes the pipe ends the process quietly with 0", () => {
  const folder = mkdtempSync(join(tmpdir(), "whorl-log-"));
  const source = readFileSync(new URL("./log.ts", import.meta.url), "utf8");
  const options = { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 };
  const program = `${ts.transpileModule(source, { compilerOptions: options }).outputText}
    for (;;) { printLine("line"); await new Promise(setImmediate); }`;
  const file = join(folder, "endless.mjs");
  writeFileSync(file, program);
  const command = '"$0" "$1" | head -n 1; echo "exit $' + '{PIPESTATUS[0]}"';
  const run = spawnSync("bash", ["-c", command, process.execPath, file], {
    encoding: "utf8",
    timeout: 30_000,
  });
  rmSync(folder, { recursive: true });
  expect(run.stdout).toBe("line\nexit 0\n");
  expect(run.stderr).toBe("");
});
