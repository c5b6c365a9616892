// A run that stops and goes on makes the same numbers as one that never stopped, to the bit.

import { mkdirSync, readdirSync, readFileSync, renameSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { modelConfigSchema } from "../../src/models/index.ts";
import { temporaryFolder } from "../temporary-files.ts";
import { tinyConfig, trainTiny } from "./tiny.ts";

async function undisturbed(...settings: string[]) {
  const dir = temporaryFolder();
  await trainTiny(await tinyConfig(...settings), dir);
  return finalFiles(dir);
}

/** Every file of the last checkpoint but the wall time. */
function finalFiles(dir: string): Record<string, string> {
  const folder = join(dir, "checkpoints", "step-12");
  const state = JSON.parse(readFileSync(join(folder, "state.json"), "utf8"));
  delete state.trainSeconds;
  const arrays = readdirSync(folder).filter((name) => name.endsWith(".safetensors"));
  return {
    ...Object.fromEntries(arrays.map((name) => [name, readFileSync(join(folder, name)).toString("base64")])),
    state: JSON.stringify(state),
  };
}

test("interrupted at several steps, resumed each time", async () => {
  const expected = await undisturbed();
  expect(Object.keys(expected).sort()).toEqual(["state", "training.safetensors", "weights.safetensors"]);
  const dir = temporaryFolder();
  const config = await tinyConfig();
  for (const stopAt of [1, 4, 5, 11]) {
    const controller = new AbortController();
    const events = { onStep: ({ step }: { step: number }) => step >= stopAt && controller.abort() };
    const resume = stopAt > 1;
    const { result } = await trainTiny(config, dir, { resume, signal: controller.signal, events });
    expect(result).toMatchObject({ stopped: "interrupted", step: stopAt });
  }
  await trainTiny(config, dir, { resume: true });
  expect(finalFiles(dir)).toEqual(expected);
  const steps = readFileSync(join(dir, "metrics.jsonl"), "utf8").trim().split("\n");
  const trained = steps.map((line) => JSON.parse(line)).filter((line) => "train/loss" in line);
  expect(trained.map(({ step }) => step)).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
});

const OTHERS = [
  {
    ...{ arch: "hrm", hiddenSize: 32, numHeads: 2, layers: 1, hLayers: 1 },
    ...{ puzzleEmbNdim: 0, haltMaxSteps: 4, forwardDtype: "float32" },
  },
  {
    ...{ arch: "three-stream", hiddenSize: 32, numHeads: 2, layers: 1, expansion: 2, latentLength: 4 },
    ...{ reasoningPasses: 1, refinementPasses: 2, haltMaxSteps: 4, supervision: "rising" },
  },
];

test.each(OTHERS)("$arch, summing two steps an update for AdamW, resumes too", async (model) => {
  const settings = ["train.stepsPerUpdate=2", "train.optimizer=adamw", "train.clipNorm=1"];
  const config = { ...(await tinyConfig(...settings)), model: modelConfigSchema.parse(model) };
  const [whole, cut] = [temporaryFolder(), temporaryFolder()];
  await trainTiny(config, whole);
  const controller = new AbortController();
  const events = { onStep: ({ step }: { step: number }) => step >= 5 && controller.abort() };
  const { result } = await trainTiny(config, cut, { signal: controller.signal, events });
  expect(result).toMatchObject({ stopped: "interrupted", step: 5 });
  await trainTiny(config, cut, { resume: true });
  expect(finalFiles(cut)).toEqual(finalFiles(whole));
});

test("one thread or two make no difference", async () => {
  const dir = temporaryFolder();
  await trainTiny(await tinyConfig(), dir, { threads: 1 });
  expect(finalFiles(dir)).toEqual(await undisturbed());
});

test("with WebAssembly, too: interrupted on two threads, resumed on one", async () => {
  const expected = await undisturbed("engine.backend=wasm");
  const dir = temporaryFolder();
  const config = await tinyConfig("engine.backend=wasm");
  const controller = new AbortController();
  const events = { onStep: ({ step }: { step: number }) => step >= 5 && controller.abort() };
  await trainTiny(config, dir, { signal: controller.signal, events });
  await trainTiny(config, dir, { resume: true, threads: 1 });
  expect(finalFiles(dir)).toEqual(expected);
});

test("a damaged newest checkpoint is passed over for the one before", async () => {
  const settings = ["train.checkpointEverySteps=4"];
  const expected = await undisturbed(...settings);
  const dir = temporaryFolder();
  const config = await tinyConfig(...settings);
  await trainTiny(config, dir);
  truncateSync(join(dir, "checkpoints", "step-12", "training.safetensors"), 1000);
  const warnings: string[] = [];
  await trainTiny(config, dir, { resume: true, events: { onWarning: (text) => warnings.push(text) } });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain("training.safetensors has 1000 bytes");
  expect(finalFiles(dir)).toEqual(expected);
});

test("another batch size does not fit the checkpoint", async () => {
  const dir = temporaryFolder();
  await trainTiny(await tinyConfig(), dir);
  const other = await tinyConfig("train.globalBatchSize=8");
  await expect(trainTiny(other, dir, { resume: true })).rejects.toThrow(/carry|slots|\[8, 16\] is needed/);
});

test("a folder moved elsewhere still resumes", async () => {
  const expected = await undisturbed();
  const parent = temporaryFolder();
  const [before, after] = [join(parent, "a"), join(parent, "b")];
  mkdirSync(before);
  const config = await tinyConfig();
  const controller = new AbortController();
  const events = { onStep: () => controller.abort() };
  await trainTiny(config, before, { signal: controller.signal, events });
  renameSync(before, after);
  await trainTiny(config, after, { resume: true });
  expect(finalFiles(after)).toEqual(expected);
});

test("a run that ended by its accuracy stays ended", async () => {
  const dir = temporaryFolder();
  const settings = ["train.stopAtExactAccuracy=0", "train.checkpointEverySteps=2"];
  const config = await tinyConfig(...settings);
  expect((await trainTiny(config, dir)).result).toMatchObject({ stopped: "accuracy reached", step: 5 });
  expect((await trainTiny(config, dir, { resume: true })).result).toMatchObject({
    stopped: "accuracy reached",
    step: 5,
  });
});
