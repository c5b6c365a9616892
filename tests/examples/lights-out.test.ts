// The worked example as a user meets it: trained, measured and asked through the built command; and its rules.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import lightsOut from "../../examples/lights-out/lights-out.ts";
import { packageRoot } from "../../src/base/data-folder.ts";
import { stream } from "../../src/base/random/threefry.ts";
import { encodePuzzles, formatTokens, keyOf } from "../../src/tasks/puzzle-rows.ts";
import { runWhorl } from "../cli/run-whorl.ts";
import { temporaryFolder } from "../temporary-files.ts";

const task = lightsOut({ fewest: 1, most: 12 });
const CROSS = ".......#...###...#......."; // one press puts it out
const CORNER = `#${".".repeat(24)}`;

test("labels are right answers, and the fewest presses", () => {
  for (let i = 0; i < 200; i++) {
    const puzzle = task.generate?.(stream(0, "test", i));
    if (!puzzle) throw new Error("no generate");
    const { labels } = encodePuzzles(task, [puzzle]);
    expect(task.score(puzzle, labels)).toMatchObject({ valid: true, measures: { lampsOut: 1 } });
    const pressed = labels.filter((token) => token === 2).length;
    expect(pressed).toBeLessThanOrEqual(12);
    const turned = task.augment(puzzle, stream(1, "test", i));
    expect(keyOf(task, turned)).toBe(keyOf(task, puzzle));
    const image = encodePuzzles(task, [turned]).labels;
    expect(image.filter((token) => token === 2)).toHaveLength(pressed);
    expect(task.score(turned, image).valid).toBe(true);
  }
});

test("every answer that puts the lamps out is right", () => {
  const dark = task.parse?.(".".repeat(25));
  if (!dark) throw new Error("no parse");
  const answer = (presses: string) => Array.from(presses, (pressed) => (pressed === "1" ? 2 : 1));
  expect(task.score(dark, answer("0".repeat(25))).valid).toBe(true);
  // A quiet pattern: it switches every lamp an even number of times.
  expect(task.score(dark, answer("1010110101000001010110101")).valid).toBe(true);
  expect(task.score(dark, answer(`1${"0".repeat(24)}`))).toMatchObject({
    valid: false,
    problem: "3 of 25 lamps are still lit",
  });
});

test("a board that somebody types", () => {
  const puzzle = task.parse?.(CROSS);
  if (!puzzle) throw new Error("no parse");
  const { inputs, labels } = encodePuzzles(task, [puzzle]);
  expect(formatTokens(task, inputs)).toBe(CROSS.replaceAll("#", "1"));
  expect(labels.indexOf(2)).toBe(12);
  expect(`\n${task.draw(puzzle, labels).join("\n")}`).toBe(
    "\n· · · · ·\n· · ● · ·\n· ● ●×● ·\n· · ● · ·\n· · · · ·",
  );
  expect(() => task.parse?.(CORNER)).toThrow("no presses put out");
  expect(() => task.parse?.("...")).toThrow("3 cells, not 25");
  expect(() => task.parse?.(CROSS.replace("#", "x"))).toThrow(`"x" is neither`);
});

test("the built command trains it, and it learns", { timeout: 300_000 }, async () => {
  const dir = join(temporaryFolder(), "run");
  const cwd = packageRoot();
  // Boards of exactly three presses: seconds are enough.
  const easier = [
    "data.settings.fewest=3",
    "data.settings.most=3",
    "data.generate.train=200",
    "data.generate.test=60",
  ];
  const shorter = [
    "data.generate.validation=0",
    "train.steps=300",
    "train.lrWarmupSteps=30",
    "train.quickEval.everySteps=0",
  ];
  const words = ["train", "examples/lights-out/lights-out.yaml", ...easier, ...shorter, "--out", dir];
  expect(await runWhorl(words, { cwd })).toMatchObject({ exitCode: 0 });
  const evaluated = await runWhorl(["eval", dir, "--json"], { cwd });
  const { puzzles, invalidRate, cellAccuracy } = JSON.parse(evaluated.stdout);
  expect(puzzles).toBe(60);
  // Always "leave" would be right for 22 of 25 cells and for no board.
  expect(cellAccuracy).toBeGreaterThan(0.93);
  expect(invalidRate).toBeLessThan(0.85);
  const solved = await runWhorl(["solve", dir, CROSS, "--trace"], { cwd });
  expect(solved.stdout).toMatch(/^puzzle +step 1, halt .+\n· · · · · +· ?/);
  const refused = await runWhorl(["solve", dir, CORNER], { cwd });
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain("no presses put out all of these lamps");
  expect(readdirSync(join(cwd, "examples/lights-out")).sort()).toEqual([
    "README.md",
    "lights-out.ts",
    "lights-out.yaml",
  ]);
});
