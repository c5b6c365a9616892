import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { whorlConfigSchema } from "../config/schema.ts";
import { writeSafetensors } from "../formats/safetensors.ts";
import { makeModel } from "../models/index.ts";
import { makeWeights, toStateDict } from "../models/weights.ts";
import { openModel } from "./open-model.ts";

const attention = whorlConfigSchema.parse({
  model: { hiddenSize: 8, numHeads: 2, expansion: 1, layers: 1, hCycles: 2, lCycles: 4, puzzleEmbNdim: 12 },
  data: { size: 4 },
});
const mixing = whorlConfigSchema.parse({
  ...{ ...attention, model: { ...attention.model, mlpT: true, layers: 3, puzzleEmbLen: 2 } },
});

const sizes = { hiddenSize: 8, numHeads: 2, expansion: 1 };
const cycled = { ...sizes, hCycles: 2, lCycles: 2 };
const others = Object.fromEntries(
  [
    { arch: "hrm", ...cycled, layers: 1, hLayers: 3, posEncodings: "learned" },
    { arch: "direct", ...sizes, layers: 3 },
    { arch: "trm", ...cycled, latents: 0, tiedHead: true, puzzleEmbNdim: 0, puzzleEmbLen: 0 },
    { arch: "trm", ...cycled, latents: 2, mlpT: true },
  ].map((model, i) => [`other${i}`, whorlConfigSchema.parse({ model, data: { size: 4 } })]),
);

let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "whorl-infer-"));
  for (const [name, { model: settings }] of Object.entries({ attention, mixing, ...others })) {
    const model = makeModel(settings, { seqLen: 16, vocabSize: 6, numPuzzleIdentifiers: 3 });
    await writeSafetensors(join(dir, name), toStateDict(model, makeWeights(model, 1)));
  }
});
afterAll(() => rmSync(dir, { recursive: true }));

async function open(name: string, config: string, fileName = "config.yaml") {
  for (const other of ["config.yaml", "all_config.yaml"]) rmSync(join(dir, other), { force: true });
  writeFileSync(join(dir, fileName), config);
  return (await openModel(join(dir, name))).config.model;
}

test("sizes come from the shapes, the rest from what is said", async () => {
  const cycles = "model: {hCycles: 2, lCycles: 4, numHeads: 2, expansion: 1}\ndata: {size: 4}";
  expect(await open("attention", cycles)).toEqual(attention.model);
  expect(await open("mixing", cycles)).toEqual({ ...mixing.model, mlpT: true });
  const reference = "arch: {H_cycles: 2, L_cycles: 4, num_heads: 2, expansion: 1}\ndata: {size: 4}";
  expect(await open("mixing", reference, "all_config.yaml")).toEqual(mixing.model);
});

test("cycles must be said, and a size that is said wrong is not put right", async () => {
  await expect(open("attention", "model: {lCycles: 4}\ndata: {size: 4}")).rejects.toThrow(
    "the configuration does not say model.hCycles, model.numHeads, and weights do not tell",
  );
  const wrong = "model: {hCycles: 2, lCycles: 4, numHeads: 2, hiddenSize: 16}\ndata: {size: 4}";
  await expect(open("attention", wrong)).rejects.toThrow("this configuration needs [16]");
  rmSync(join(dir, "config.yaml"));
  await expect(openModel(join(dir, "attention"))).rejects.toMatchObject({
    hint: expect.stringContaining("data.task, model.hCycles, model.lCycles, model.numHeads"),
  });
});

test.each(Object.entries(others))("%s: the architecture is told by names, too", async (name, { model }) => {
  const cycles = model.arch === "direct" ? "" : "hCycles: 2, lCycles: 2, ";
  expect(await open(name, `model: {${cycles}numHeads: 2, expansion: 1}\ndata: {size: 4}`)).toEqual(model);
});
