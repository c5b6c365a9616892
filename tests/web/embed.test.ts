// The examples of embedding do what they say, in Node and in Chromium.

import { execFile } from "node:child_process";
import { cpSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../src/base/data-folder.ts";
import { loadModel } from "../../src/index.ts";
import { browserTest, openWatched, startChromium } from "./browser.ts";
import { serveFolder } from "./serve-folder.ts";
import { allSteps, exportPage, trainedModel } from "./trained-model.ts";

const PUZZLE = "1.3..4..2..1.3..";
const examples = join(packageRoot(), "examples");

let run: string;
beforeAll(async () => {
  run = await trainedModel();
}, 120_000);

test("examples/embed-node prints every step", async () => {
  const script = join(examples, "embed-node/solve.mjs");
  const { stdout } = await promisify(execFile)(process.execPath, [script, run, PUZZLE]);
  const model = await loadModel(run);
  const steps = await allSteps(model.solve(PUZZLE));
  const lines = stdout.trim().split("\n");
  expect(lines[0]).toMatch(/^sudoku 4×4, computed by (native|wasm) /);
  expect(lines.slice(1).map((line) => line.split(",")[0])).toEqual(
    steps.map(({ step, board }) => `step ${step}: ${board}`),
  );
  const failing = promisify(execFile)(process.execPath, [script, run, "11.............."]);
  await expect(failing).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining("the givens contradict each other: two 1s in row 1"),
  });
});

browserTest("examples/embed-browser shows what the engine answers", async () => {
  const folder = mkdtempSync(join(tmpdir(), "whorl-embed-"));
  cpSync(join(examples, "embed-browser"), folder, { recursive: true });
  await exportPage(run, join(folder, "solver"), "--no-webgpu");
  const engine = await loadModel(join(folder, "solver/model.onnx"));
  const served = await serveFolder(folder);
  const browser = await startChromium();
  try {
    const { page, requests, complaints } = await openWatched(browser, served.url);
    await page.getByLabel("Sudoku").fill(PUZZLE);
    await page.getByRole("button", { name: "Solve" }).click();
    await page.getByText("done on").waitFor();
    const lines = ((await page.getByRole("log").textContent()) ?? "").trim().split("\n");
    const steps = await allSteps(engine.solve(PUZZLE));
    expect(lines.map((line) => line.split(",")[0])).toEqual([
      ...steps.map(({ step, board }) => `step ${step}: ${board}`),
      "done on WebAssembly",
    ]);
    await page.getByLabel("Sudoku").fill("12");
    await page.getByRole("button", { name: "Solve" }).click();
    await page.getByText("the puzzle has 2 cells").waitFor();
    expect(complaints).toEqual([]);
    expect(requests.filter((url) => !url.startsWith(served.url) && !url.startsWith("data:"))).toEqual([]);
  } finally {
    await browser.close();
    await served.close();
  }
});
