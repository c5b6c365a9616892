import { stripVTControlCharacters } from "node:util";
import picocolors from "picocolors";
import { afterEach, expect, test, vi } from "vitest";
import { grid } from "../../tasks/arc/testing/tasks.ts";
import { drawArcTask, gridStyle } from "./arc-task.ts";

afterEach(() => vi.unstubAllEnvs());

const task = {
  id: "mirror",
  train: [
    { input: grid("10"), output: grid("01") },
    { input: grid("2", "3"), output: grid("2", "3") },
  ],
  test: [{ input: grid("405"), output: undefined }],
};

test("all pairs of a task, then the first in two augmentations", () => {
  expect(drawArcTask(task, picocolors.createColors(false), 60)).toMatchInlineSnapshot(`
    [
      "task mirror: 2 train pairs, 1 test input",
      "",
      "train 1  1×2 → 1×2  train 2  2×1 → 2×1  test 1  1×3 → ?",
      "1 0   →   0 1       2   →   2           4 0 5   →   ?",
      "                    3       3",
      "",
      "mirror|||t4|||0832597416  1×2 → 1×2",
      "0 8   →   8 0",
      "",
      "mirror|||t5|||0429861753  1×2 → 1×2",
      "4 0   →   0 4",
    ]
  `);
});

test("colours make blocks, in as many colours as the terminal has", () => {
  const colors = picocolors.createColors(true);
  vi.stubEnv("COLORTERM", "truecolor");
  expect(gridStyle(colors)).toEqual({ colors: true, trueColor: true });
  vi.stubEnv("COLORTERM", "");
  expect(gridStyle(colors)).toEqual({ colors: true, trueColor: false });
  expect(gridStyle(picocolors.createColors(false)).colors).toBe(false);
  const lines = drawArcTask(task, colors, 60);
  expect(lines[3]).toContain("\u001b[97;48;5;32m  \u001b[0m"); // a cell of colour 1
  expect(stripVTControlCharacters(lines[3])).not.toMatch(/\d/);
});

test("a narrow terminal gets fewer pairs beside each other", () => {
  const lines = drawArcTask(task, picocolors.createColors(false), 40);
  expect(lines.filter((line) => /^(train|test|mirror)/.test(line)).map((line) => line.slice(0, 9))).toEqual([
    ...["train 1  ", "test 1  1"],
    ...["mirror|||", "mirror|||"],
  ]);
});
