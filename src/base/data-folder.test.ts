import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { findData, findGolden, packageRoot, requireData } from "./data-folder.ts";

afterEach(() => vi.unstubAllEnvs());

test("the package root is the folder of package.json", () => {
  expect(existsSync(join(packageRoot(), "package.json"))).toBe(true);
});

test("WHORL_DATA and WHORL_GOLDEN name the folders", () => {
  const folder = mkdtempSync(join(tmpdir(), "whorl-data-"));
  writeFileSync(join(folder, "a.csv"), "");
  vi.stubEnv("WHORL_DATA", folder);
  vi.stubEnv("WHORL_GOLDEN", folder);
  expect(findData("a.csv")).toBe(join(folder, "a.csv"));
  expect(findGolden("a.csv")).toBe(join(folder, "a.csv"));
  expect(requireData("a.csv")).toBe(join(folder, "a.csv"));
  expect(findData("b.csv")).toBeUndefined();
  rmSync(folder, { recursive: true });
});

test("a missing file says where it was looked for and how to get it", () => {
  vi.stubEnv("WHORL_DATA", "/nowhere");
  expect(() => requireData("sudoku/train.csv")).toThrowErrorMatchingInlineSnapshot(
    `[ToolError: data not found: sudoku/train.csv]`,
  );
  expect(message("sudoku/train.csv")).toMatchInlineSnapshot(
    `"data not found: sudoku/train.csv — looked in /nowhere (WHORL_DATA) — the puzzles are the data set sapientinc/sudoku-extreme-1k on the Hugging Face hub (CSV with the header source,question,answer,rating): put it at <folder>/sudoku/train.csv and set WHORL_DATA=<folder>; or train on generated puzzles with a preset such as sudoku-4x4"`,
  );
  expect(message("maze/train.csv")).toMatchInlineSnapshot(
    `"data not found: maze/train.csv — looked in /nowhere (WHORL_DATA) — the mazes are the data set sapientinc/maze-30x30-hard-1k on the Hugging Face hub, as CSV with the header source,question,answer,rating: put it at <folder>/maze/train.csv and set WHORL_DATA=<folder>; or train on generated puzzles with a preset such as maze-10x10"`,
  );
});

function message(relative: string): string {
  try {
    return requireData(relative);
  } catch (error) {
    return error instanceof Error && "format" in error && typeof error.format === "function"
      ? error.format.call(error)
      : String(error);
  }
}
