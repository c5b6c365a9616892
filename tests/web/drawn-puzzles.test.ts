// Pages whose puzzles are drawn, in Chromium: mazes, and ARC grids of a task that the model knows. The models are barely
// trained; what counts is that the page shows what the engine answers.

import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect } from "vitest";
import { loadModel } from "../../src/index.ts";
import { writeFakeModel } from "../cli/fake-model.ts";
import { madeUpFolder } from "../cli/made-up-arc.ts";
import { browserTest, findChromium, openWatched, startChromium, type WatchedPage } from "./browser.ts";
import { serveFolder } from "./serve-folder.ts";
import { allSteps, exportPage } from "./trained-model.ts";

let browser: Browser;
beforeAll(async () => {
  if (findChromium() !== undefined) browser = await startChromium();
}, 60_000);
afterAll(() => browser?.close());

async function withPageOf(
  data: Readonly<Record<string, unknown>>,
  use: (watched: WatchedPage, site: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "whorl-drawn-"));
  const site = join(folder, "page");
  await exportPage(await writeFakeModel(join(folder, "model"), data), site, "--no-webgpu");
  const served = await serveFolder(site);
  try {
    const watched = await openWatched(browser, served.url);
    await watched.page.locator("#solve:enabled").waitFor();
    await use(watched, site);
    expect(watched.complaints).toEqual([]);
  } finally {
    await served.close();
  }
}

browserTest("a maze is drawn with keys and pointer, and solved as the engine solves it", () =>
  withPageOf(
    { task: "maze", size: 6, generate: { train: 1, test: 1, minPath: 6 } },
    async ({ page }, site) => {
      const cells = page.getByRole("gridcell");
      await cells.nth(1).click(); // a wall, as is chosen at first
      await page.getByRole("button", { name: "Goal" }).click();
      await cells.nth(8).click();
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("#");
      const text = "S#......G#..........................";
      await page.getByText("Paste or copy as text").click();
      expect(await page.getByLabel("The puzzle as text").inputValue()).toBe(text);
      await page.getByRole("button", { name: "Solve" }).click();
      await page.locator("#status:not(:empty)").waitFor({ state: "attached" });
      const last = (await allSteps((await loadModel(join(site, "model.onnx"))).solve(text))).at(-1);
      const words = await page.locator("#board td .unseen").allTextContents();
      const names = { "#": "wall", S: "start", G: "goal", o: "path", "?": "nothing", " ": "open" };
      expect(words.map((said) => said.trim().split(",")[0])).toEqual(
        Array.from(last?.board ?? "", (character) => names[character as keyof typeof names]),
      );
      await page.getByRole("button", { name: "Clear" }).click();
      await cells.nth(6).focus();
      for (const key of ["#", "ArrowRight", "#", "ArrowUp", "#"]) await page.keyboard.press(key);
      await page.getByRole("button", { name: "Solve" }).click();
      expect(await page.getByRole("alert").textContent()).toMatch(/^There is no way from S at/);
    },
  ),
);

browserTest("an ARC grid of a known task is drawn, resized, and answered as the engine answers it", () => {
  const from = madeUpFolder(3);
  const data = {
    task: "arc",
    from,
    subsets: ["made"],
    testSet: "made",
    augmentations: 0,
    side: 5,
    without: [],
  };
  return withPageOf(data, async ({ page }, site) => {
    const { examples } = JSON.parse(readFileSync(join(site, "model.json"), "utf8"));
    expect(examples).toEqual([]); // an untrained model has no table of the tasks, and the page says no names
    await page.getByLabel("Rows").fill("2");
    await page.getByLabel("Columns").fill("3");
    await page.getByLabel("Columns").press("Tab");
    expect(await page.getByRole("gridcell").count()).toBe(6);
    await page.getByRole("button", { name: "4 yellow" }).click();
    await page.getByRole("gridcell").nth(2).click();
    await page.keyboard.press("ArrowLeft");
    await page.keyboard.press("7");
    await page.getByRole("button", { name: "Solve" }).click();
    await page.locator("#status:not(:empty)").waitFor({ state: "attached" });
    const last = (await allSteps((await loadModel(join(site, "model.onnx"))).solve("074\n000"))).at(-1);
    const words = await page.locator("#board td .unseen").allTextContents();
    const colours = words.map((said) => Number(said.trim()[0]));
    expect(colours).toEqual(JSON.parse(last?.board ?? "[]").flat());
  });
});
