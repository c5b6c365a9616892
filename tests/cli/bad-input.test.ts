// Bad input, as the user meets it: one message, the right exit code, nothing lost, nothing half-written.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../temporary-files.ts";
import { runWhorl } from "./run-whorl.ts";

/** Message and code of a command that must fail without touching `dir`. */
async function failure(words: string[]) {
  const { exitCode, stdout, stderr } = await runWhorl(words);
  expect(stdout).toBe("");
  expect(stderr).not.toMatch(/\n\s+at /); // no stack
  return `${exitCode}: ${stderr.trim().split("\n").at(-1)}`;
}

const tiny = [
  "train",
  "sudoku-4x4",
  "train.steps=4",
  "train.globalBatchSize=8",
  "train.quickEval.everySteps=0",
];

describe("train", () => {
  test("unknown preset, key and values", async () => {
    const dir = join(temporaryFolder(), "run");
    expect(await failure(["train", "sudoku-4x5", "--out", dir])).toMatchInlineSnapshot(
      `"2: whorl: unknown preset sudoku-4x5 — the nearest is sudoku-4x4; there are arc1-small, arc1-trm, arc2-trm, maze-10x10, maze-hard, sudoku-4x4, sudoku-6x6, sudoku-6x6-direct, sudoku-6x6-hard, sudoku-6x6-three-stream, sudoku-extreme-attention, sudoku-extreme-direct, sudoku-extreme-hrm, sudoku-extreme-mlp, sudoku-extreme-three-stream; a file is given as a path ending in .yaml"`,
    );
    expect(await failure(["train", "sudoku-4x4", "model.hidenSize=3", "--out", dir])).toMatchInlineSnapshot(
      `"2: whorl: unknown setting model.hidenSize — \`model.hidenSize=3\` on the command line — the nearest is model.hiddenSize"`,
    );
    expect(await failure(["train", "sudoku-4x4", "train.steps=many", "--out", dir])).toMatchInlineSnapshot(
      `"2: whorl: train.steps cannot be "many": expected a number, or null — \`train.steps=many\` on the command line — train.steps: optimizer steps in all; null: what epochs gives"`,
    );
    expect(await failure(["train", "sudoku-4x4", "--threads", "0", "--out", dir])).toMatchInlineSnapshot(
      `"2: whorl: --threads takes a whole number from 1, not '0' — for instance --threads 2"`,
    );
    expect(await failure(["train", "sudoku-4x4", "--backend", "gpu", "--out", dir])).toMatchInlineSnapshot(
      `"2: whorl: --backend takes auto, native, wasm or reference, not 'gpu'"`,
    );
    expect(await failure(["train", "--resume"])).toMatchInlineSnapshot(
      `"2: whorl: --resume needs to know which run: add --out DIR"`,
    );
    expect(existsSync(dir)).toBe(false);
  });

  test("an unwritable run folder", async () => {
    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    expect(
      (await failure([...tiny, "--out", join(file, "run")])).replaceAll(file, "FILE"),
    ).toMatchInlineSnapshot(
      `"1: whorl: a part of the path is a file while creating the folder FILE/run — check the path"`,
    );
  });

  test("a folder that holds something else, or a run already", async () => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, "letter.txt"), "dear");
    expect((await failure([...tiny, "--out", dir])).replaceAll(dir, "DIR")).toMatchInlineSnapshot(
      `"1: whorl: DIR is not empty and not a run — choose another folder; nothing was written"`,
    );
    expect(readdirSync(dir)).toEqual(["letter.txt"]);
    const run = temporaryFolder();
    expect((await runWhorl([...tiny, "--out", run])).exitCode).toBe(0);
    const before = readFileSync(join(run, "run.json"), "utf8");
    expect((await failure([...tiny, "--out", run])).replaceAll(run, "DIR")).toMatchInlineSnapshot(
      `"1: whorl: DIR already holds a run — add --resume to go on with it, or choose another folder"`,
    );
    expect(readFileSync(join(run, "run.json"), "utf8")).toBe(before);
  });

  test("resuming with another model", async () => {
    const run = temporaryFolder();
    await runWhorl([...tiny, "--out", run]);
    const words = ["train", "sudoku-4x4", "model.hiddenSize=64", "--resume", "--out", run];
    expect((await failure(words)).replaceAll(run, "DIR")).toMatchInlineSnapshot(
      `"2: whorl: model.hiddenSize cannot change when a run goes on — DIR/config.yaml — leave it out, or start a new run (--from takes the weights along)"`,
    );
  });

  test("a file of puzzles with a short row, or none", async () => {
    const dir = temporaryFolder();
    const file = join(dir, "puzzles.csv");
    const settings = [`data.train=${file}`, "data.generate=null", "--out", join(dir, "run")];
    writeFileSync(file, "source,question,answer,rating\nx,1.34....2.4..3..,1234341221434321\n");
    expect((await failure([...tiny, ...settings])).replaceAll(dir, "DIR")).toMatchInlineSnapshot(
      `"1: whorl: the row has 3 fields, not 4 — DIR/puzzles.csv:2 — every row has the fields source,question,answer,rating"`,
    );
    writeFileSync(file, "");
    expect((await failure([...tiny, ...settings])).replaceAll(dir, "DIR")).toMatchInlineSnapshot(
      `"1: whorl: the file is empty — DIR/puzzles.csv:1 — a puzzle file starts with the line source,question,answer,rating"`,
    );
    expect(existsSync(join(dir, "run"))).toBe(false);
  });
});

const canMount = process.getuid?.() === 0 && mountTest();

/** Whether this process may mount a small file system to fill. */
function mountTest(): boolean {
  const dir = temporaryFolder();
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", dir]).status !== 0) return false;
  return spawnSync("umount", [dir]).status === 0;
}

test.skipIf(!canMount)("a full disk keeps the last checkpoint and says so", async () => {
  const dir = temporaryFolder();
  spawnSync("mount", ["-t", "tmpfs", "-o", "size=1500k", "tmpfs", dir]);
  try {
    const run = join(dir, "run");
    const words = [
      ...tiny,
      "train.steps=3",
      "train.checkpointEverySteps=1",
      "train.keepCheckpoints=9",
      "--out",
      run,
    ];
    const { exitCode, stderr } = await runWhorl(words);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/disk is full while writing .*step-\d; nothing was replaced — free some space/);
    const kept = readdirSync(join(run, "checkpoints"));
    expect(kept.every((name) => /^step-\d$/.test(name))).toBe(true);
    expect(kept.length).toBeGreaterThanOrEqual(1);
    const evaluated = await runWhorl(["eval", run, "--limit", "5"]);
    expect(evaluated.exitCode, evaluated.stderr).toBe(0);
  } finally {
    spawnSync("umount", [dir]);
  }
});

describe("trained models", () => {
  test("a checkpoint cut at any byte, or of other shapes", { timeout: 120_000 }, async () => {
    const run = temporaryFolder();
    await runWhorl([...tiny, "--out", run]);
    const checkpoint = join(run, "checkpoints", "step-4");
    const weights = join(checkpoint, "weights.safetensors");
    const whole = readFileSync(weights);
    for (const size of [0, 7, 8, 100, 5000, whole.length - 1]) {
      writeFileSync(weights, whole);
      truncateSync(weights, size);
      const message = (await failure(["eval", run])).replaceAll(run, "RUN");
      expect(message).toBe(
        `1: whorl: damaged checkpoint: weights.safetensors has ${size} bytes, ${whole.length} were written — RUN/checkpoints/step-4 — use an earlier checkpoint of the run, or copy the folder again`,
      );
      expect(await failure(["eval", weights])).toMatch(/^1: whorl: /); // a bare file has no manifest to help
    }
    writeFileSync(weights, whole);
    const other = temporaryFolder();
    await runWhorl([...tiny, "model.hiddenSize=64", "--out", other]);
    mkdirSync(join(other, "moved"));
    writeFileSync(join(other, "moved", "w.safetensors"), whole);
    writeFileSync(join(other, "moved", "config.yaml"), readFileSync(join(other, "config.yaml")));
    const message = await failure(["eval", join(other, "moved", "w.safetensors")]);
    expect(message.replaceAll(other, "DIR")).toMatchInlineSnapshot(
      `"1: whorl: 'model.inner.H_init' is [32], this configuration needs [64] — DIR/moved/w.safetensors — use the configuration that the weights were trained with (config.yaml of their run)"`,
    );
  });

  test("no such model, no such puzzles", async () => {
    expect(await failure(["eval", "nowhere"])).toMatchInlineSnapshot(
      `"2: whorl: there is no nowhere — give a run folder, a checkpoint folder, a .safetensors or a .pt file; \`whorl train\` makes them"`,
    );
    const run = temporaryFolder();
    await runWhorl([...tiny, "--out", run]);
    const missing = await runWhorl(["eval", run, "--data", "nowhere.csv"], { env: { WHORL_DATA: run } });
    expect(missing.exitCode).toBe(1);
    expect(missing.stderr.replaceAll(run, "DIR")).toMatchInlineSnapshot(`
      "whorl: data not found: nowhere.csv — looked in DIR (WHORL_DATA) — put it at <folder>/nowhere.csv and set WHORL_DATA=<folder>
      "
    `);
    expect(await failure(["eval", run, "--limit", "-3"])).toMatchInlineSnapshot(
      `"2: whorl: --limit takes a whole number from 1, not '-3' — for instance --limit 2"`,
    );
  });
});

test("a reader that closes the pipe early", async () => {
  const { exitCode, stderr } = await runWhorl(["doctor"], { shell: (command) => `${command} | head -n 1` });
  expect(exitCode).toBe(0);
  expect(stderr).toBe("");
  const help = await runWhorl(["params", "sudoku-4x4"], {
    shell: (command) => `(${command}; echo "code $?" >&2) | true`,
  });
  expect(help.stderr.trim()).toBe("code 0");
});
