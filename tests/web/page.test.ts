// The exported page in Chromium: it solves a real puzzle as the engine does, on one thread, on several and on WebGPU,
// asks for nothing outside its folder, complains of nothing, and can be used with keys and ears alone.

import { readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { loadModel, type SolverStep } from "../../src/index.ts";
import { browserTest, findChromium, openWatched, startChromium, type WatchedPage } from "./browser.ts";
import { serveFolder } from "./serve-folder.ts";
import { allSteps, exportPage, trainedModel } from "./trained-model.ts";

const SIZE = 4;

let site: string;
let browser: Browser;
let puzzle: string;
/** What the engine answers, with the weights as the page has them, rounded to float16. */
let engine: SolverStep[];
beforeAll(async () => {
  if (findChromium() === undefined) return;
  const run = await trainedModel();
  site = join(dirname(run), "page");
  await exportPage(run, site);
  const model = await loadModel(join(site, "model.onnx"));
  for (const example of JSON.parse(readFileSync(join(site, "model.json"), "utf8")).examples) {
    puzzle = example.puzzle;
    engine = await allSteps(model.solve(puzzle));
    if (engine.at(-1)?.valid) break;
  }
  const softwareGpu = [
    "--enable-unsafe-webgpu",
    "--use-webgpu-adapter=swiftshader",
    "--enable-features=Vulkan",
  ];
  browser = await startChromium(...softwareGpu);
}, 120_000);
afterAll(() => browser?.close());

interface Options {
  readonly isolated?: boolean;
  readonly query?: string;
  readonly size?: { readonly width: number; readonly height: number };
}

/** The page when its model is loaded; afterwards nothing may have gone wrong that nobody saw. */
async function withPage(
  { isolated, query = "", size }: Options,
  use: (watched: WatchedPage) => Promise<void>,
) {
  const served = await serveFolder(site, { isolated });
  try {
    const watched = await openWatched(browser, served.url + query, size);
    await watched.page.locator("#solve:enabled").waitFor();
    await use(watched);
    expect(watched.complaints).toEqual([]);
    expect(watched.requests.filter((url) => !url.startsWith(served.url) && !url.startsWith("data:"))).toEqual(
      [],
    );
    await watched.page.context().close();
  } finally {
    await served.close();
  }
}

/** Every cell by keys alone, from the upper left one. */
async function typePuzzle(page: Page): Promise<void> {
  await page.getByRole("gridcell").first().focus();
  for (const [cell, digit] of [...puzzle].entries()) {
    if (digit !== ".") await page.keyboard.press(digit);
    await page.keyboard.press("ArrowRight");
    if (cell % SIZE < SIZE - 1) continue;
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Home");
  }
}

async function solve(page: Page, steps?: number): Promise<string> {
  if (steps) await page.getByRole("spinbutton", { name: "Steps" }).fill(String(steps));
  await page.getByRole("button", { name: "Solve" }).press("Enter");
  await page.locator("#status:not(:empty)").waitFor({ state: "attached" });
  return (await page.locator("#status").textContent()) ?? "";
}

/** The board, halting probability and verdict that the page shows after a step. */
async function shownAfter(page: Page, step: number) {
  await page.locator(`#list li:nth-child(${step}) button`).click();
  const cells = await page.locator("#board td").allTextContents();
  return {
    board: cells.map((text) => /^\d/.exec(text)?.[0] ?? ".").join(""),
    sure: await page.getByRole("meter").getAttribute("aria-valuenow"),
    valid: ((await page.locator("#verdict").textContent()) ?? "").startsWith("✓"),
  };
}

async function expectEngineSteps(page: Page, steps = engine.length): Promise<void> {
  for (const { step, board, haltProbability, valid } of engine.slice(0, steps))
    expect(await shownAfter(page, step)).toEqual({
      ...{ board, valid },
      sure: String(Math.round(100 * haltProbability)),
    });
  expect(await page.locator("#list li").count()).toBe(steps);
}

browserTest(
  "a puzzle typed with keys is solved as the engine solves it, on a server that sends no headers",
  () =>
    withPage({}, async ({ page }) => {
      await typePuzzle(page);
      expect(await page.getByLabel("The puzzle as text").inputValue()).toBe(puzzle);
      const said = await solve(page);
      console.log(`${statSync(join(site, "model.onnx")).size} bytes of float16 model. ${said}`);
      expect(said).toMatch(/^Solved, right by the rules\. 4 steps in/);
      expect(await page.locator("#runs-on").textContent()).toBe("Runs on: WebAssembly, 1 thread.");
      await expectEngineSteps(page);
    }),
);

browserTest("it computes with threads where the headers allow it", () =>
  withPage({ isolated: true, query: "?threads=2" }, async ({ page }) => {
    await typePuzzle(page);
    await solve(page);
    expect(await page.locator("#runs-on").textContent()).toBe("Runs on: WebAssembly, 2 threads.");
    await expectEngineSteps(page);
  }),
);

browserTest("it computes on WebGPU", () =>
  withPage({ query: "?provider=webgpu" }, async ({ page }) => {
    await typePuzzle(page);
    await solve(page, 2);
    expect(await page.locator("#runs-on").textContent()).toBe("Runs on: WebGPU.");
    await expectEngineSteps(page, 2);
  }),
);

browserTest("givens that contradict each other are refused and told; a pasted puzzle takes their place", () =>
  withPage({}, async ({ page }) => {
    await page.getByRole("gridcell").first().focus();
    for (const key of ["1", "ArrowRight", "1"]) await page.keyboard.press(key);
    expect(await page.getByRole("gridcell").nth(1).getAttribute("aria-label")).toBe(
      "row 1, column 2, 1, breaks a rule",
    );
    await page.getByRole("button", { name: "Solve" }).click();
    await page.getByText("two 1s in row 1").waitFor();
    expect(await page.getByRole("alert").textContent()).toMatch(
      /^The givens contradict each other: two 1s in row 1/,
    );
    await page.getByText("Paste or copy as text").click();
    await page.getByLabel("The puzzle as text").fill("12");
    await page.getByRole("button", { name: "Use this text" }).click();
    expect(await page.getByRole("alert").textContent()).toMatch(/^The puzzle has 2 cells/);
    await page.getByLabel("The puzzle as text").fill(puzzle);
    await page.getByRole("button", { name: "Use this text" }).click();
    expect(await page.getByRole("alert").textContent()).toBe("");
    expect(await solve(page)).toContain("right by the rules");
  }),
);

browserTest("it stops when told to, and when it is sure", () =>
  withPage({}, async ({ page }) => {
    await page.getByRole("button", { name: "Example" }).click();
    await page.getByRole("spinbutton", { name: "Steps" }).fill("900");
    await page.getByRole("button", { name: "Solve" }).click();
    await page.locator("#list li").nth(3).waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("Stopped.").waitFor({ state: "attached" });
    expect(await page.locator("#list li").count()).toBeLessThan(900);
    await page.getByLabel("stop when sure").check();
    expect(await solve(page)).toMatch(/\d+ steps? in .* the model is \d+ % sure\.$/);
  }),
);

const WIDTHS = [360, 1200];

browserTest("nobody is shut out: roles, names, contrast, light and dark, narrow and wide", async () => {
  const served = await serveFolder(site);
  for (const colorScheme of ["light", "dark"] as const) {
    const context = await browser.newContext({ bypassCSP: true, colorScheme });
    const page = await context.newPage();
    await page.goto(served.url);
    await page.getByRole("button", { name: "Example" }).click();
    await page.locator("#solve:enabled").waitFor();
    await solve(page);
    await shownAfter(page, 1);
    await page.evaluate(axe.source);
    const found: unknown = await page.evaluate(
      "axe.run().then(({ violations }) => violations.map((each) => each.id + ': ' + each.nodes[0].html))",
    );
    expect(found).toEqual([]);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: 800 });
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(width);
    }
    await context.close();
  }
  await served.close();
});
