import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import { configKeys } from "./keys.ts";
import { formatConfig, listPresets, loadConfig, parseConfig } from "./load.ts";
import { whorlConfigSchema } from "./schema.ts";

/** The message that a wrong configuration gives; always wrong usage. */
function complaint(text: string, overrides: string[] = []): string {
  try {
    parseConfig(text, "x.yaml", overrides);
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    expect(error.exitCode).toBe(2);
    return error.format();
  }
  return "accepted";
}

test.each(listPresets())("preset %s loads, and its resolved form reads back exactly", async (name) => {
  const { config, ignored } = await loadConfig(name);
  expect(ignored).toEqual([]);
  expect(parseConfig(formatConfig(config), "config.yaml")).toEqual({ config, ignored: [] });
});

test("the presets of the paper have its values", async () => {
  const mlp = (await loadConfig("sudoku-extreme-mlp")).config;
  const attention = (await loadConfig("sudoku-extreme-attention")).config;
  const fromReference = parseConfig(
    "{lr: 1e-4, puzzle_emb_lr: 1e-4, weight_decay: 1.0, puzzle_emb_weight_decay: 1.0, epochs: 50000, eval_interval: 5000, ema: True}",
    "x.yaml",
    ["data.train=sudoku/sudoku-extreme-1k-train.csv", "data.test=sudoku/sudoku-extreme-1k-test_hard.csv"],
  ).config;
  expect(attention).toEqual(fromReference);
  expect(mlp).toEqual({
    ...fromReference,
    model: { ...fromReference.model, mlpT: true, posEncodings: "none" },
  });
});

test("overrides replace the preset's values, the last one wins, and a section may come as a whole", async () => {
  const words = ["train.steps=500", "train.steps=7", "data.augmentations=3", "engine={threads: 2, lanes: 4}"];
  const { config } = await loadConfig("sudoku-4x4", [
    ...words,
    "data.generate.clues=8",
    "train.stopAtExactAccuracy=.9",
  ]);
  expect(config.train).toMatchObject({ steps: 7, lr: 5e-3, stopAtExactAccuracy: 0.9 });
  expect(config.data).toMatchObject({ augmentations: 3, generate: { clues: 8, train: 150 } });
  expect(config.engine).toMatchObject({ threads: 2, lanes: 4, backend: "auto" });
  const { config: read } = await loadConfig("sudoku-4x4", ["data.generate=null", "data.train=a.csv"]);
  expect(read.data).toMatchObject({ generate: null, train: "a.csv" });
});

test("an empty file gives the defaults, as do sections without content", () => {
  const defaults = whorlConfigSchema.parse({});
  expect(defaults.train).toMatchObject({ epochs: 100000, evalInterval: 10000 });
  for (const text of ["", "# nothing", "train:\nmodel:\n  # hiddenSize: 1\n", "train:\n  quickEval:\n"])
    expect(parseConfig(text, "x.yaml").config).toEqual(defaults);
});

test("a reference all_config.yaml loads", () => {
  const text = `
arch:
  H_cycles: 3
  H_layers: 0
  L_cycles: 4
  L_layers: 2
  expansion: 4
  forward_dtype: bfloat16
  halt_exploration_prob: 0.1
  halt_max_steps: 16
  hidden_size: 256
  loss:
    loss_type: softmax_cross_entropy
    name: losses@ACTLossHead
  mlp_t: false
  name: recursive_reasoning.trm@TinyRecursiveReasoningModel_ACTV1
  no_ACT_continue: true
  num_heads: 8
  pos_encodings: rope
  puzzle_emb_len: 16
  puzzle_emb_ndim: 256
beta1: 0.9
beta2: 0.95
checkpoint_every_eval: true
checkpoint_path: checkpoints/x
data_paths:
- data/arc1concept-aug-1000
data_paths_test: []
ema: true
ema_rate: 0.999
epochs: 100000
eval_interval: 10000
eval_save_outputs: []
evaluators:
- name: arc@ARC
freeze_weights: false
global_batch_size: 768
load_checkpoint: null
lr: 0.0001
lr_min_ratio: 1.0
lr_warmup_steps: 2000
min_eval_interval: 0
project_name: Arc1concept-aug-1000-ACT-torch
puzzle_emb_lr: 0.01
puzzle_emb_weight_decay: 0.1
run_name: pretrain_att_arc1concept_4
seed: 0
weight_decay: 0.1
`;
  const { config, ignored } = parseConfig(text, "all_config.yaml");
  const defaults = whorlConfigSchema.parse({});
  expect(config).toEqual({
    model: {
      ...defaults.model,
      hiddenSize: 256,
      puzzleEmbNdim: 256,
      lCycles: 4,
      loss: "softmax_cross_entropy",
    },
    data: { ...defaults.data, train: "data/arc1concept-aug-1000" },
    train: { ...defaults.train, ema: true },
    engine: defaults.engine,
  });
  expect(ignored).toEqual([
    ...["arch.loss.name", "arch.name", "checkpoint_every_eval", "checkpoint_path", "eval_save_outputs"],
    ...["evaluators", "load_checkpoint", "min_eval_interval", "project_name", "run_name"],
  ]);
});

test("words of a reference command line are understood", () => {
  const words = `arch=trm arch.L_cycles=4 arch.mlp_t=True arch.pos_encodings=sinus ema=True evaluators=[]
    +run_name=mine lr=2e-4 arch.puzzle_emb_ndim=\${.hidden_size} data_paths=[data/sudoku]`;
  const { config, ignored } = parseConfig("", "x.yaml", words.split(/\s+/));
  expect(config.model).toMatchObject({ lCycles: 4, mlpT: true, posEncodings: "none", puzzleEmbNdim: 512 });
  expect(config.train).toMatchObject({ ema: true, lr: 2e-4 });
  expect(config.data).toMatchObject({ task: "sudoku", train: "data/sudoku" });
  expect(ignored).toEqual(["evaluators", "run_name"]);
});

test("a wrong word on the command line is explained", () => {
  const words = `train.stpes=5 model.hidden_size=5 hiddenSize=5 train.lr=fast train.steps=1.5 train.steps=0
    model.posEncodings=sin data.size=5 data.augmentations=many train.beta1=1 train.ema=yes model=3 train.quickEval=3
    data.train=5 train.lr= train.lr data.train="a model.hiddenSize=4 train.evalInterval=3 train.epochs=null
    data.generate.clues=5 model.latents=9 arch.name=recursive_reasoning.gpt@GPT data_paths=[a,b] arch=hmr data.task=go
    engine.threads=0 lr=[1] model.reasoningPasses=2 train.clipNorm=1`.split(/\s+/);
  const complaints = words.map((word) => complaint("", [word]));
  expect(complaints.join("\n")).toMatchInlineSnapshot(`
    "unknown setting train.stpes — \`train.stpes=5\` on the command line — the nearest is train.steps
    unknown setting model.hidden_size — \`model.hidden_size=5\` on the command line — the nearest is model.hiddenSize
    unknown setting hiddenSize — \`hiddenSize=5\` on the command line — the nearest is model.hiddenSize
    train.lr cannot be "fast": expected a number — \`train.lr=fast\` on the command line — train.lr: learning rate of the network
    train.steps cannot be 1.5: expected a whole number, or null — \`train.steps=1.5\` on the command line — train.steps: optimizer steps in all; null: what epochs gives
    train.steps cannot be 0: expected at least 1, or null — \`train.steps=0\` on the command line — train.steps: optimizer steps in all; null: what epochs gives
    model.posEncodings cannot be "sin": expected rope or learned or none — \`model.posEncodings=sin\` on the command line — model.posEncodings: how positions are told apart
    data.size cannot be 5: expected 4, 6 or 9 — \`data.size=5\` on the command line — data.size: rows of a board
    data.augmentations cannot be "many": expected a whole number from 0, or "fresh" — \`data.augmentations=many\` on the command line — data.augmentations: symmetric copies of each training puzzle; fresh: a new one at every draw
    train.beta1 cannot be 1: expected less than 1 — \`train.beta1=1\` on the command line — train.beta1: memory of the gradient's mean
    train.ema cannot be "yes": expected true or false — \`train.ema=yes\` on the command line — train.ema: evaluate a running average of the weights
    model cannot be 3: expected a section with settings below it — \`model=3\` on the command line — model: the network
    train.quickEval cannot be 3: expected a section with settings below it — \`train.quickEval=3\` on the command line — train.quickEval: accuracy on a few held-out puzzles during training
    data.train cannot be 5: expected a text, or null — \`data.train=5\` on the command line — data.train: file to train on, in the data folder or any path
    no value for train.lr — \`train.lr=\` on the command line — write a value, or null for none
    not a setting — \`train.lr\` on the command line — write key=value, for instance train.steps=500
    the value of data.train is not valid YAML — \`data.train="a\` on the command line — put it in quotes: 'data.train="…"'
    model.numHeads cannot be 8: expected at most hiddenSize, which is 4 — \`model.hiddenSize=4\` on the command line — model.numHeads: attention heads, each of hiddenSize / numHeads rounded down
    train.evalInterval cannot be 3: expected a divisor of train.epochs, which is 100000 — \`train.evalInterval=3\` on the command line — train.evalInterval: epochs in one sweep of the loader; must divide epochs; null: a tenth of them
    train.epochs cannot be null: expected a number when neither train.steps nor train.maxMinutes ends the training — \`train.epochs=null\` on the command line — train.epochs: passes over the training groups; null: until steps
    data.generate.train is missing: expected a number — \`data.generate.clues=5\` on the command line — data.generate.train: puzzles to train on
    model.latents cannot be 9: expected at most lCycles, which is 6: each call updates one latent — \`model.latents=9\` on the command line — model.latents: latents z beside the answer y; 0: one state is both, 6: the paper's multi-scale z
    arch.name is "recursive_reasoning.gpt@GPT", which is no model that Whorl has — \`arch.name=recursive_reasoning.gpt@GPT\` on the command line — there are trm, trm_singlez, trm_hier6, hrm and transformers_baseline, each followed by @ and its class
    data_paths lists 2 data sets — \`data_paths=[a,b]\` on the command line — one data set can be used at a time: keep one
    model.arch cannot be "hmr": expected trm or hrm or direct or three-stream — \`arch=hmr\` on the command line — model.arch: architecture: trm, hrm, direct or three-stream
    data.task cannot be "go": expected sudoku or maze or arc or module — \`data.task=go\` on the command line — data.task: family of puzzles: sudoku, maze, arc or module
    engine.threads cannot be 0: expected at least 1, or null — \`engine.threads=0\` on the command line — engine.threads: threads; null: all cores
    train.lr cannot be [1]: expected a number — \`lr=[1]\` on the command line — train.lr: learning rate of the network
    model.reasoningPasses means nothing for model.arch "trm" — \`model.reasoningPasses=2\` on the command line — leave it out, or set model.arch to the model that has it
    train.clipNorm cannot be 1: expected null unless train.optimizer is adamw: AdamATan2 does not see the scale — \`train.clipNorm=1\` on the command line — train.clipNorm: largest norm of the gradient, for adamw; null: unlimited"
  `);
});

test("a wrong file is explained with its line", () => {
  const files = [
    "train:\n  lr: 1\n  lrr: 2\n",
    "train:\n  lr: a lot\n",
    "train: {\n",
    "- a\n- b\n",
    "a: 1\na: 2\n",
    "model: &m\n  a: *m\n",
    "? [a]\n: 1\n",
    "data:\n  train: a.csv\n  generate: {train: 5, test: 5, clues: 5}\n",
    "just words",
    "data_paths: [*b]\n",
  ];
  expect(files.map((text) => complaint(text)).join("\n")).toMatchInlineSnapshot(`
    "unknown setting train.lrr — x.yaml:3 — the nearest is train.lr
    train.lr cannot be "a lot": expected a number — x.yaml:2 — train.lr: learning rate of the network
    not valid YAML: Flow map in block collection must be sufficiently indented and end with a } — x.yaml:2 — correct the line
    not a mapping of settings — x.yaml:1 — a configuration looks like \`train:\` and below it, indented, \`steps: 500\`
    not valid YAML: Map keys must be unique — x.yaml:2 — correct the line
    too many settings inside one another — x.yaml:2 — a configuration looks like \`train:\` and below it, indented, \`steps: 500\`
    a key that is not a plain word — x.yaml:1 — a configuration looks like \`train:\` and below it, indented, \`steps: 500\`
    data.generate cannot be {"train":5,"test":5,"clues":5}: expected null when data.train is a file: puzzles are either read or generated — x.yaml:3 — data.generate: puzzles made up on the spot instead of read from files
    not a mapping of settings — x.yaml:1 — a configuration looks like \`train:\` and below it, indented, \`steps: 500\`
    aliases that cannot be resolved — x.yaml:1 — a configuration looks like \`train:\` and below it, indented, \`steps: 500\`"
  `);
});

test("an unknown preset or a missing file is explained", async () => {
  const failures = ["sudoku-4by4", "./none.yaml"].map((name) =>
    loadConfig(name).catch((error) =>
      error instanceof ToolError ? `${error.exitCode} ${error.format()}` : error,
    ),
  );
  expect((await Promise.all(failures)).join("\n")).toMatchInlineSnapshot(`
    "2 unknown preset sudoku-4by4 — the nearest is sudoku-4x4; there are arc1-small, arc1-trm, arc2-trm, maze-10x10, maze-hard, sudoku-4x4, sudoku-6x6, sudoku-6x6-direct, sudoku-6x6-hard, sudoku-6x6-three-stream, sudoku-extreme-attention, sudoku-extreme-direct, sudoku-extreme-hrm, sudoku-extreme-mlp, sudoku-extreme-three-stream; a file is given as a path ending in .yaml
    2 no such file or folder while reading ./none.yaml — check the path"
  `);
});

test("a file is read by its path", async () => {
  const folder = mkdtempSync(join(tmpdir(), "whorl-config-"));
  const path = join(folder, "mine.yaml");
  writeFileSync(path, "train: {steps: 5}\n");
  const loaded = await loadConfig(path, ["train.seed=3"]);
  expect(loaded).toMatchObject({ path, config: { train: { steps: 5, seed: 3 } } });
  rmSync(folder, { recursive: true });
});

test("resolved configurations read back exactly, whatever the numbers", () => {
  const settings = fc.record({
    lr: fc.double({ min: 0, max: 1e9, noNaN: true, noDefaultInfinity: true }),
    emaRate: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    steps: fc.option(fc.integer({ min: 1 })),
    path: fc.option(fc.string({ minLength: 1, unit: "binary" })),
  });
  fc.assert(
    fc.property(settings, ({ lr, emaRate, steps, path }) => {
      const config = whorlConfigSchema.parse({ data: { train: path }, train: { lr, emaRate, steps } });
      expect(parseConfig(formatConfig(config), "x.yaml").config).toEqual(config);
    }),
  );
});

test("every setting has a description", () => {
  const without = [...configKeys().values()].filter(
    (key) => key.description === "" && key.path !== "data.generate",
  );
  expect(without).toEqual([]);
  expect(configKeys().get("data.generate.clues")?.isSection).toBe(false);
});
