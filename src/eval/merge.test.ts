// Shards written, read and laid side by side. That `whorl merge` prints what `whorl eval` prints: tests/cli/merge.test.ts.

import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import { whorlConfigSchema } from "../config/schema.ts";
import { encodeNpz, readNpz } from "../formats/npz.ts";
import { layOut } from "../nn/parameters.ts";
import type { ExampleSet } from "../tasks/dataset.ts";
import { mergeShards } from "./merge.ts";
import { type EvaluationRows, makeRows, summarize, UNKNOWN } from "./rows.ts";
import { shardRange } from "./shard.ts";
import { hashWeights, hasShard, readShard, type ShardWork, writeShard } from "./shard-file.ts";

const CELLS = 3;
const STEPS = 2;
const COUNT = 7;

const examples: ExampleSet = {
  count: COUNT,
  slice(start, most) {
    const count = Math.min(most, COUNT - start);
    const inputs = Int32Array.from({ length: count * CELLS }, (_, i) => start * CELLS + i);
    const identifiers = Int32Array.from({ length: count }, (_, i) => 1000 + start + i);
    return { count, inputs, labels: inputs, identifiers };
  },
};

const work: ShardWork = {
  checkpoint: "runs/a/checkpoints/step-4",
  weightsSha256: "a".repeat(64),
  trainedSteps: 4,
  supervisionSteps: STEPS,
  halt: false,
  format: "float32",
  examples: COUNT,
  manifest: { from: "test.csv", puzzles: COUNT, sha256: "d".repeat(64) },
  source: { data: whorlConfigSchema.parse({}).data, file: null, limit: null },
};

/** Rows with something else in every place. */
function rowsOf(start: number, end: number): EvaluationRows {
  const rows = makeRows(end - start, STEPS, CELLS);
  for (let i = 0; i < end - start; i++) {
    const place = start + i;
    rows.index[i] = place;
    rows.exact.set([place % 2, 1], i * STEPS);
    rows.correct.set([place, 100 * place], i * STEPS);
    rows.labelled[i] = 1000 + place;
    rows.steps[i] = 1 + (place % STEPS);
    rows.predictions.set([place, 2 * place, 255 - place], i * CELLS);
    rows.haltLogits[i] = place / 3;
    rows.asked[i] = place % 3;
    rows.haltRight[i] = place % 3 === 0 ? 1 : 0;
    rows.lmLoss[i] = -place / 7;
  }
  return rows;
}

const folder = () => join(mkdtempSync(join(tmpdir(), "whorl-test-")), "new");

async function writeShards(dir: string, count: number, changed: Partial<ShardWork> = {}): Promise<string[]> {
  const paths = Array.from({ length: count }, (_, index) => join(dir, `shard-${index}.npz`));
  for (const [index, path] of paths.entries()) {
    const { start, end } = shardRange(COUNT, { index, count });
    const meta = {
      work: { ...work, ...changed },
      shard: { index, count },
      backend: "native",
      seconds: 1 + index,
    };
    await writeShard(path, rowsOf(start, end), examples, meta);
  }
  return paths;
}

async function told(action: Promise<unknown>): Promise<string> {
  const error = await action.catch((reason: unknown) => reason);
  if (!(error instanceof ToolError)) throw error;
  return error.format();
}

test("any number of shards in any order are the whole", async () => {
  const whole = rowsOf(0, COUNT);
  for (const count of [1, 3, 7, 9]) {
    const paths = await writeShards(folder(), count);
    const merged = await mergeShards(paths.toReversed());
    expect(merged.rows).toEqual(whole);
    expect(merged).toMatchObject({ work, backend: "native", seconds: (count * (count + 1)) / 2 });
  }
});

test("a shard holds what the reference's evaluator reads", async () => {
  const [, path] = await writeShards(folder(), 2);
  const arrays = await readNpz(path);
  const { start, end } = shardRange(COUNT, { index: 1, count: 2 });
  const expected = examples.slice(start, end - start);
  expect(arrays.get("inputs")).toMatchObject({ dtype: "uint8", shape: [end - start, CELLS] });
  expect(arrays.get("inputs")?.data).toEqual(Uint8Array.from(expected.inputs));
  expect(arrays.get("puzzle_identifiers")?.data).toEqual(expected.identifiers);
  expect(arrays.get("preds")?.data).toEqual(rowsOf(start, end).predictions);
  expect(arrays.get("q_halt_logits")?.data).toEqual(rowsOf(start, end).haltLogits);
  expect(readdirSync(join(path, ".."))).toEqual(["shard-0.npz", "shard-1.npz"]); // no leftovers
});

test("a shard that is there is known again; other work is not overwritten", async () => {
  const [path] = await writeShards(folder(), 2);
  const shard = { index: 0, count: 2 };
  const hide = (text: string) => text.replaceAll(path, "FILE");
  expect(await hasShard(path, { ...work, checkpoint: "elsewhere/step-4" }, shard)).toBe(true);
  expect(await hasShard(`${path}.other`, work, shard)).toBe(false);
  expect(hide(await told(hasShard(path, work, { index: 1, count: 2 })))).toMatchInlineSnapshot(
    `"FILE is the result of other work: shard 0/2, not 1/2 — choose another --out, or delete the file"`,
  );
  const other = { ...work, weightsSha256: "b".repeat(64) };
  expect(hide(await told(hasShard(path, other, shard)))).toMatchInlineSnapshot(
    `"FILE is the result of other work: weights with the SHA-256 aaaaaaaaaaaa…, not bbbbbbbbbbbb… — choose another --out, or delete the file"`,
  );
  writeFileSync(path, "something else");
  expect(hide(await told(hasShard(path, work, shard)))).toMatchInlineSnapshot(
    `"FILE is not a whole .npz file: no directory of a ZIP archive is at its end — copy or make the file again"`,
  );
});

test("missing, doubled and mixed shards are named", async () => {
  const dir = folder();
  const paths = await writeShards(dir, 4);
  const message = async (...files: string[]) => (await told(mergeShards(files))).replaceAll(dir, "DIR");
  expect(await message(paths[0], paths[3])).toMatchInlineSnapshot(
    `"2 of 4 shards are missing: 1/4, 2/4 — run \`whorl eval … --shard i/n --out FILE\` for each, then merge again"`,
  );
  expect(await message(paths[0], paths[1], paths[1])).toMatchInlineSnapshot(
    `"these shards do not belong together: DIR/shard-1.npz and DIR/shard-1.npz are both shard 1/4 — name each shard of one evaluation once"`,
  );
  const [half] = await writeShards(folder(), 2);
  expect(await message(paths[0], half)).toMatch(/is shard 0\/2, .* is shard 0\/4 —/);
  for (const [changed, expected] of [
    [{ weightsSha256: "b".repeat(64) }, "weights with the SHA-256 bbbbbbbbbbbb…, not aaaaaaaaaaaa…"],
    [{ manifest: { ...work.manifest, sha256: "e".repeat(64) } }, "test data with the SHA-256 eeeeeeeeeeee…"],
    [{ source: { ...work.source, limit: 7 } }, "--limit 7, not none"],
    [{ halt: true }, "--halt true, not false"],
    [{ format: "bfloat16" }, "number format bfloat16, not float32"],
  ] as const) {
    const others = await writeShards(folder(), 4, changed);
    expect(await message(paths[0], others[1])).toContain(expected);
  }
});

test("damaged shards", async () => {
  const dir = folder();
  const [path] = await writeShards(dir, 1);
  const arrays = await readNpz(path);
  const rewritten = async (change: (copy: typeof arrays) => void) => {
    const copy = new Map(arrays);
    change(copy);
    writeFileSync(path, encodeNpz(copy));
    return (await told(readShard(path))).replaceAll(dir, "DIR");
  };
  const shifted = Int32Array.from({ length: COUNT }, (_, i) => i + 1);
  expect(await rewritten((copy) => copy.delete("meta"))).toMatchInlineSnapshot(
    `"DIR/shard-0.npz is no shard of an evaluation: it has no meta — \`whorl eval … --shard i/n --out FILE\` writes them; files of another version of whorl must be made again"`,
  );
  expect(await rewritten((copy) => copy.delete("steps"))).toMatchInlineSnapshot(
    `"DIR/shard-0.npz does not hold what its meta says: 'steps' is missing, not int32 [7] — delete it and run that shard again"`,
  );
  expect(
    await rewritten((copy) => copy.set("index", { dtype: "int32", shape: [COUNT], data: shifted })),
  ).toMatchInlineSnapshot(
    `"DIR/shard-0.npz does not hold what its meta says: its rows are not examples 0 to 6 — delete it and run that shard again"`,
  );
  const half = { dtype: "float32" as const, shape: [3], data: new Float32Array(3) };
  expect(await rewritten((copy) => copy.set("q_halt_logits", half))).toMatch(
    /'q_halt_logits' is float32 \[3\], not float32 \[7\]/,
  );
});

test("shards of earlier versions do not say when the model asked to halt, and are read all the same", async () => {
  const dir = folder();
  const paths = await writeShards(dir, 2);
  const older = new Map(await readNpz(paths[0]));
  expect(older.delete("asked_to_halt")).toBe(true);
  writeFileSync(paths[0], encodeNpz(older));
  const { rows } = await mergeShards(paths);
  expect(Array.from(rows.asked)).toEqual([UNKNOWN, UNKNOWN, UNKNOWN, 0, 1, 2, 0]);
  expect(summarize(rows, 1)).not.toHaveProperty("halting");
  expect({ ...rows, asked: 0 }).toEqual({ ...rowsOf(0, COUNT), asked: 0 });
});

test("equal shards are equal files", async () => {
  const [a] = await writeShards(folder(), 1);
  const [b] = await writeShards(folder(), 1);
  expect(readFileSync(a).equals(readFileSync(b))).toBe(true);
});

test("the hash of weights sees every number", () => {
  const weights = {
    layout: layOut([]),
    weights: Float32Array.of(1, 2),
    buffers: new Map([["H_init", Float32Array.of(3)]]),
    table: Float32Array.of(4, 5),
  };
  const hash = hashWeights(weights);
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(hashWeights({ ...weights, table: Float32Array.of(4, 6) })).not.toBe(hash);
  expect(hashWeights({ ...weights, weights: Float32Array.of(0, 2) })).not.toBe(hash);
  expect(hashWeights({ ...weights, buffers: new Map([["H_init", Float32Array.of(-3)]]) })).not.toBe(hash);
});
