import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { failingFileSystem } from "../../tests/failing-file-system.ts";
import { ToolError } from "../base/errors.ts";
import { recoverInterrupted } from "../base/files.ts";
import { whorlConfigSchema } from "../config/schema.ts";
import type { StoredTensor } from "../formats/safetensors.ts";
import { latestCheckpoint, pruneCheckpoints, readCheckpoint, writeCheckpoint } from "./checkpoints.ts";
import { openMetrics, readMetrics } from "./metrics.ts";
import {
  checkpointsDir,
  createRun,
  describeMachine,
  metricsPath,
  openRun,
  type RunRecord,
  recordResume,
} from "./run.ts";

const config = whorlConfigSchema.parse({ train: { lr: 3e-4, steps: 12 } });
const record: RunRecord = {
  format: 1,
  kind: "train",
  createdAt: "2026-01-02T03:04:05.000Z",
  versions: { whorl: "0.1.0", node: "20.20.2" },
  machine: describeMachine(),
  engine: { backend: "reference", isa: null, threads: 1, lanes: 8, microBatch: 8, format: "float32" },
  seeds: { train: 0 },
  data: { manifestSha256: "ab" },
  resumes: [],
};

let folder: string;
let dir: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-runs-"));
  dir = join(folder, "run");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function caught(action: Promise<unknown>): Promise<string> {
  const error = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ToolError)) throw new Error(`expected a ToolError, got ${String(error)}`);
  return error.format().replaceAll(folder, "<folder>");
}

function parts(value: number): Record<string, Uint8Array | Map<string, StoredTensor> | { value: number }> {
  const weight: StoredTensor = { dtype: "F32", shape: [2], data: Float32Array.of(value, -value) };
  return {
    "weights.safetensors": new Map([["w", weight]]),
    "state.json": { value },
    "raw.bin": Uint8Array.of(value, 0, 7),
  };
}

// --- run folder ---

test("a run is created and opened again, and unknown fields of its record are kept", async () => {
  await createRun(dir, { config, record: { ...record, note: "mine" } });
  expect(readdirSync(dir).sort()).toEqual(["config.yaml", "run.json"]);
  const run = await openRun(dir);
  expect(run).toEqual({ dir, config, record: { ...record, note: "mine" } });
  await recordResume(run, { at: "2026-01-03T00:00:00.000Z", step: 7 });
  const again = await openRun(dir);
  expect(again.record).toEqual({
    ...record,
    note: "mine",
    resumes: [{ at: "2026-01-03T00:00:00.000Z", step: 7 }],
  });
});

test("a folder that holds anything is never written into", async () => {
  mkdirSync(dir);
  await createRun(dir, { config, record });
  expect(await caught(createRun(dir, { config, record }))).toMatchInlineSnapshot(
    `"<folder>/run already holds a run — add --resume to go on with it, or choose another folder"`,
  );
  const other = join(folder, "other");
  mkdirSync(other);
  writeFileSync(join(other, "thesis.txt"), "mine");
  expect(await caught(createRun(other, { config, record }))).toMatchInlineSnapshot(
    `"<folder>/other is not empty and not a run — choose another folder; nothing was written"`,
  );
  expect(readdirSync(other)).toEqual(["thesis.txt"]);
  expect(await caught(createRun(join(other, "thesis.txt", "run"), { config, record }))).toMatchInlineSnapshot(
    `"a part of the path is a file while creating the folder <folder>/other/thesis.txt/run — check the path"`,
  );
});

test("what is no run, or a damaged one, is said", async () => {
  expect(await caught(openRun(dir))).toMatchInlineSnapshot(
    `"<folder>/run is not a run folder: no such file or folder while reading <folder>/run/run.json — give the folder that \`whorl train\` wrote, the one with run.json in it"`,
  );
  await createRun(dir, { config, record });
  writeFileSync(join(dir, "run.json"), JSON.stringify({ ...record, engine: undefined }));
  expect(await caught(openRun(dir))).toMatchInlineSnapshot(
    `"run.json cannot be read: engine: Invalid input: expected object, received undefined — <folder>/run/run.json — it was changed, or written by a newer version"`,
  );
  writeFileSync(join(dir, "run.json"), "{");
  expect(await caught(openRun(dir))).toContain("run.json cannot be read");
});

test("a disk that is full at the start leaves no run", async () => {
  const fileSystem = failingFileSystem("ENOSPC", 2);
  expect(await caught(createRun(dir, { config, record }, { fileSystem }))).toMatchInlineSnapshot(
    `"disk is full while writing <folder>/run/config.yaml; nothing was replaced — free some space and try again"`,
  );
  expect(readdirSync(dir)).toEqual([]);
});

// --- metrics ---

test("metrics are appended, and read back while the file is open", async () => {
  const run = await createRun(dir, { config, record });
  expect(await readMetrics(run)).toEqual([]);
  const writer = await openMetrics(run);
  writer.append({ step: 1, "train/lm_loss": 0.5 });
  writer.append({ step: 2, "train/lm_loss": Number.NaN });
  writer.sync();
  appendFileSync(metricsPath(dir), '{"step": 3, "tr');
  expect(await readMetrics(run)).toEqual([
    { step: 1, "train/lm_loss": 0.5 },
    { step: 2, "train/lm_loss": null },
  ]);
  writer.close();
});

test("on resume, later steps and a torn last line go; everything else stays as it was", async () => {
  const run = await createRun(dir, { config, record });
  const kept = '{"step":1,"a":1}\nnot ours\n{"step":3,  "a":3}\n{"step":2,"eval":1}\n';
  writeFileSync(
    metricsPath(dir),
    `${kept.replace("not", '{"step":9,"a":9}\nnot')}{"step":5,"a":5}\n{"step":2,"to`,
  );
  const writer = await openMetrics(run, { resumeStep: 3 });
  writer.append({ step: 4 });
  writer.close();
  expect(readFileSync(metricsPath(dir), "utf8")).toBe(`${kept}{"step":4}\n`);
});

test("a last line that only lost its line end is whole", async () => {
  const run = await createRun(dir, { config, record });
  writeFileSync(metricsPath(dir), '{"step":1}\n{"step":2}');
  (await openMetrics(run, { resumeStep: 2 })).close();
  expect(readFileSync(metricsPath(dir), "utf8")).toBe('{"step":1}\n{"step":2}\n');
});

// --- checkpoints ---

test("a checkpoint is read back as it was written", async () => {
  const run = await createRun(dir, { config, record });
  const checkpoint = await readCheckpoint(await writeCheckpoint(run, 5, parts(3)));
  expect(checkpoint.step).toBe(5);
  expect(checkpoint.files).toEqual(["weights.safetensors", "state.json", "raw.bin"]);
  expect((await checkpoint.readTensors("weights.safetensors")).get("w")?.data).toEqual(
    Float32Array.of(3, -3),
  );
  expect(await checkpoint.readJson("state.json")).toEqual({ value: 3 });
  expect([...(await checkpoint.readBytes("raw.bin"))]).toEqual([3, 0, 7]);
  expect(await caught(checkpoint.readBytes("none.bin"))).toContain("none.bin is not in it");
});

test("every kind of damage is noticed, the file is named, and the newest intact checkpoint is used", async () => {
  const run = await createRun(dir, { config, record });
  await writeCheckpoint(run, 9, parts(1));
  const damages: ((dir: string) => void)[] = [
    (at) => writeFileSync(join(at, "raw.bin"), Uint8Array.of(1, 0, 6)),
    (at) => writeFileSync(join(at, "raw.bin"), Uint8Array.of(1, 0)),
    (at) => rmSync(join(at, "weights.safetensors")),
    (at) => rmSync(join(at, "manifest.json")),
    (at) => writeFileSync(join(at, "manifest.json"), "{"),
    (at) => writeFileSync(join(at, "manifest.json"), '{"format":1,"step":10,"files":{"../../run.json":{}}}'),
    (at) => writeFileSync(join(at, "manifest.json"), '{"format":1,"step":11,"files":{}}'),
  ];
  const messages: string[] = [];
  for (const damage of damages) {
    const at = await writeCheckpoint(run, 10, parts(2));
    damage(at);
    messages.push(await caught(readCheckpoint(at)));
    const latest = await latestCheckpoint(run);
    expect(latest.checkpoint?.step).toBe(9);
    expect(latest.damaged).toHaveLength(1);
  }
  expect(messages.join("\n")).toMatchInlineSnapshot(`
    "damaged checkpoint: raw.bin is not what was written (SHA-256 differs) — <folder>/run/checkpoints/step-10 — use an earlier checkpoint of the run, or copy the folder again
    damaged checkpoint: raw.bin has 2 bytes, 3 were written — <folder>/run/checkpoints/step-10 — use an earlier checkpoint of the run, or copy the folder again
    damaged checkpoint: weights.safetensors: no such file or folder while reading <folder>/run/checkpoints/step-10/weights.safetensors — <folder>/run/checkpoints/step-10 — use an earlier checkpoint of the run, or copy the folder again
    damaged checkpoint: manifest.json: no such file or folder while reading <folder>/run/checkpoints/step-10/manifest.json — <folder>/run/checkpoints/step-10 — use an earlier checkpoint of the run, or copy the folder again
    damaged checkpoint: manifest.json is not valid JSON — <folder>/run/checkpoints/step-10 — use an earlier checkpoint of the run, or copy the folder again
    damaged checkpoint: manifest.json: files.../../run.json: Invalid key in record — <folder>/run/checkpoints/step-10 — use an earlier checkpoint of the run, or copy the folder again
    damaged checkpoint: manifest.json says step 11 — <folder>/run/checkpoints/step-10 — use an earlier checkpoint of the run, or copy the folder again"
  `);
});

test("a write that breaks off at any moment leaves the old checkpoint or the new one", async () => {
  const run = await createRun(dir, { config, record });
  let moments = 0;
  for (let written = false; !written; ) {
    rmSync(checkpointsDir(dir), { recursive: true, force: true });
    await writeCheckpoint(run, 1, parts(1));
    const fileSystem = failingFileSystem("ENOSPC", ++moments);
    try {
      await writeCheckpoint(run, 1, parts(2), { fileSystem });
      written = true;
    } catch (error) {
      expect(error).toBeInstanceOf(ToolError);
    }
    await recoverInterrupted(checkpointsDir(dir));
    const { checkpoint, damaged } = await latestCheckpoint(run);
    expect(damaged).toEqual([]);
    expect((await checkpoint?.readBytes("raw.bin"))?.[0]).toBe(written ? 2 : 1);
  }
  expect(moments).toBeGreaterThan(8);
});

test("leftovers of a crash are cleared when the run is opened for writing, not when it is read", async () => {
  const run = await createRun(dir, { config, record });
  await writeCheckpoint(run, 1, parts(1));
  const leftover = join(checkpointsDir(dir), "step-2.tmp-99999999");
  mkdirSync(leftover);
  await openRun(dir);
  expect(readdirSync(checkpointsDir(dir))).toContain("step-2.tmp-99999999");
  await openRun(dir, { forWriting: true });
  expect(readdirSync(checkpointsDir(dir))).toEqual(["step-1"]);
});

test("old checkpoints are deleted, the one just written and later ones never", async () => {
  const run = await createRun(dir, { config, record });
  for (const step of [1, 2, 10, 20, 30]) await writeCheckpoint(run, step, parts(step));
  await pruneCheckpoints(run, { keep: 2, writtenStep: 20 });
  expect(readdirSync(checkpointsDir(dir)).sort()).toEqual(["step-10", "step-20", "step-30"]);
  await pruneCheckpoints(run, { keep: 1, writtenStep: 20 });
  expect(readdirSync(checkpointsDir(dir)).sort()).toEqual(["step-20", "step-30"]);
});

test("a run without checkpoints has no latest one", async () => {
  expect(await latestCheckpoint(await createRun(dir, { config, record }))).toEqual({ damaged: [] });
});
