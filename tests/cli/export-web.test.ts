// `whorl export --to web`: what is in the folder, which folders it replaces, and that what the page is told is true.

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { packageRoot } from "../../src/base/data-folder.ts";
import { registerExport } from "../../src/cli/export.ts";
import { registerTrain } from "../../src/cli/train.ts";
import { loadModel, type SolverStep } from "../../src/index.ts";
import { openModel } from "../../src/runs/open-model.ts";
import { buildFrom } from "../../src/tasks/arc/load.ts";
import { writeFakeModel } from "./fake-model.ts";
import { madeUpFolder } from "./made-up-arc.ts";
import { runCommand } from "./run-command.ts";

const folder = mkdtempSync(join(tmpdir(), "whorl-export-web-"));
let model: string;
beforeAll(async () => {
  model = await writeFakeModel(join(folder, "six"), 6);
});

async function exportPage(path: string, out: string, ...words: string[]) {
  return runCommand(registerExport, ["export", path, "--to", "web", "--out", out, ...words]);
}

const cardIn = (out: string) => JSON.parse(readFileSync(join(out, "model.json"), "utf8"));

test("the folder has the model, its card, the page with its scripts, and ONNX Runtime", async () => {
  const out = join(folder, "page");
  const { stdout, error } = await exportPage(model, out, "--json");
  expect(error).toBe("");
  const report = JSON.parse(stdout);
  const names = readdirSync(out, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(out, name)).isFile(),
  );
  const sizes = names.map((name) => statSync(join(out, name)).size);
  expect(report).toMatchObject({ format: "web", out, files: names.length, identifiers: 0 });
  expect(report.sizeBytes).toBe(sizes.reduce((sum, size) => sum + size, 0));
  expect(report.modelBytes).toBe(statSync(join(out, "model.onnx")).size);
  expect(Math.max(...sizes)).toBeLessThan(25 * 2 ** 20);
  expect(names).toEqual(expect.arrayContaining(["index.html", "page.css", "_headers", "whorl/web/index.js"]));
  expect(names.filter((name) => name.startsWith("runtime/")).length).toBe(6);
  expect(names.filter((name) => /\.(ts|map|mjs)$/.test(name))).toEqual([]);
  expect(cardIn(out)).toMatchObject({
    ...{ title: "sudoku 6×6", weights: "float16", steps: 3, halts: "positive" },
    ...{ puzzle: { kind: "sudoku", size: 6 }, sizeBytes: report.modelBytes },
    carries: [
      { name: "z_H", dims: [1, 36, 8] },
      { name: "z_L", dims: [1, 36, 8] },
    ],
    vocabulary: ["<pad>", ".", "1", "2", "3", "4", "5", "6"],
  });
  expect(cardIn(out).examples.length).toBe(8);
});

test("the page's scripts and style name no address elsewhere", async () => {
  const out = join(folder, "page");
  const texts = readdirSync(out, { recursive: true, encoding: "utf8" })
    .filter((name) => /\.(js|css|html)$/.test(name) && !name.startsWith("runtime/"))
    .map((name) => readFileSync(join(out, name), "utf8"));
  expect(texts.filter((text) => /https?:\/\//.test(text))).toEqual([]);
});

test("float32 weights and no WebGPU, when asked for; an earlier export is replaced, nothing else", async () => {
  const out = join(folder, "page");
  const before = statSync(join(out, "model.onnx")).size;
  const { stdout, error } = await exportPage(model, out, "--weights", "float32", "--no-webgpu");
  expect(error).toBe("");
  expect(stdout).toMatch(/page: [\d,]+ parameters, 14 MiB\n$/);
  expect(statSync(join(out, "model.onnx")).size).toBeGreaterThan(before);
  expect(existsSync(join(out, "runtime/webgpu.wasm"))).toBe(false);

  const mine = join(folder, "mine");
  mkdirSync(mine);
  expect((await exportPage(model, mine)).error).toBe("");
  const thesis = join(folder, "thesis");
  mkdirSync(thesis);
  writeFileSync(join(thesis, "chapter.txt"), "of great value");
  expect(await exportPage(model, thesis)).toMatchObject({
    error: expect.stringMatching(
      /thesis is a folder with other files in it — chapter\.txt — name a new folder/,
    ),
    exitCode: 2,
  });
  expect(readdirSync(thesis)).toEqual(["chapter.txt"]);
  expect(await exportPage(model, join(thesis, "chapter.txt"))).toMatchObject({
    exitCode: 1,
    error: /a part of the path is a file/,
  });
});

test("mazes come with examples that can be walked; a task of one's own has no page", async () => {
  const maze = await writeFakeModel(join(folder, "maze"), {
    task: "maze",
    size: 6,
    generate: { train: 1, test: 1, minPath: 6 },
  });
  expect((await exportPage(maze, join(folder, "maze-page"))).error).toBe("");
  const solver = await loadModel(maze);
  for (const { puzzle } of cardIn(join(folder, "maze-page")).examples)
    for await (const { step } of solver.solve(puzzle, { steps: 1 })) expect(step).toBe(1);
  const lightsOut = join(packageRoot(), "examples/lights-out/lights-out.ts");
  const own = await writeFakeModel(join(folder, "own"), {
    ...{ task: "module", module: lightsOut, generate: { train: 1, test: 1 } },
  });
  expect((await exportPage(own, join(folder, "own-page"))).error).toMatch(
    /^the solver page draws sudoku, maze and arc, not a task of one's own — .* embed the model in a page of yours/,
  );
});

test("an ARC page knows every task by name, and answers for it as the run does", async () => {
  const run = join(folder, "arc");
  const settings = [
    ...[
      "model.hiddenSize=16",
      "model.numHeads=2",
      "model.puzzleEmbNdim=16",
      "model.puzzleEmbLen=1",
      "model.layers=1",
    ],
    ...["model.hCycles=1", "model.lCycles=1", "model.haltMaxSteps=2", "model.forwardDtype=float32"],
    ...["train.globalBatchSize=8", "train.steps=10", "train.lrWarmupSteps=0", "train.quickEval.everySteps=0"],
    ...["data.augmentations=3", "data.side=5", "data.subsets=[made]", "data.testSet=made", "data.without=[]"],
    `data.from=${madeUpFolder(4)}`,
  ];
  expect((await runCommand(registerTrain, ["train", "arc1-small", ...settings, "--out", run])).error).toBe(
    "",
  );
  const out = join(folder, "arc-page");
  expect((await exportPage(run, out, "--weights", "float32", "--no-webgpu")).error).toBe("");
  const { tasks, examples, identifiers } = cardIn(out);
  expect(tasks.map(({ name }: { name: string }) => name).sort()).toEqual([
    "task0",
    "task1",
    "task2",
    "task3",
  ]);
  expect(identifiers).toBe(5);
  const { data } = (await openModel(run)).config;
  if (data.task !== "arc") throw new Error("not ARC");
  const build = buildFrom(data);
  const [theirs, ours] = [await loadModel(run), await loadModel(join(out, "model.onnx"))];
  for (const [i, { name, identifier }] of tasks.entries()) {
    const { puzzle } = examples[i];
    const expected = await all(theirs.solve(puzzle, { identifier: build.identifierOf(name) }));
    expect(await all(ours.solve(puzzle, { identifier }))).toEqual(expected);
  }
});

async function all(steps: AsyncIterable<SolverStep>): Promise<SolverStep[]> {
  const found: SolverStep[] = [];
  for await (const step of steps) found.push(step);
  return found;
}
