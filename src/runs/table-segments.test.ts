import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { failingFileSystem } from "../../tests/failing-file-system.ts";
import { ToolError } from "../base/errors.ts";
import { recoverInterrupted, type WriteOptions } from "../base/files.ts";
import { stream } from "../base/random/threefry.ts";
import { readSafetensors } from "../formats/safetensors.ts";
import { pruneCheckpoints, readCheckpoint, writeCheckpoint } from "./checkpoints.ts";
import type { Run } from "./run.ts";
import { readTable, readTableIndex, TABLE_FILE, TrackedTable } from "./table-segments.ts";

let run: Run;
beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), "whorl-segments-"));
  run = { dir } as Run; // checkpoints need no more of it
});
afterEach(() => rmSync(run.dir, { recursive: true }));

const makeTable = (rows: number, size: number) => new TrackedTable(new Float32Array(rows * size), size);

/** Writes rows of a table as a step does. */
function change(table: TrackedTable, ids: readonly number[], value: (id: number, i: number) => number): void {
  for (const id of ids)
    for (let i = 0; i < table.size; i++) table.numbers[id * table.size + i] = value(id, i);
  table.mark(ids);
}

function save(table: TrackedTable, step: number, options?: WriteOptions): Promise<string> {
  return writeCheckpoint(run, step, { [TABLE_FILE]: table }, options);
}

/** Reads a checkpoint into a table that holds something else. */
async function load(dir: string): Promise<Float32Array> {
  const checkpoint = await readCheckpoint(dir);
  const index = await readTableIndex(checkpoint);
  if (!index) throw new Error("no index");
  const table = new Float32Array(index.rows * index.size);
  table.set([3, 1], index.size);
  await readTable(dir, index, table);
  return table;
}

const segmentsOf = (dir: string) =>
  readdirSync(dir)
    .filter((name) => name.endsWith(".safetensors"))
    .sort((a, b) => Number(a.match(/\d+/)) - Number(b.match(/\d+/)));

const steps = (...numbers: number[]) => numbers.map((n) => `puzzle-table.step-${n}.safetensors`);

/** To the bit: equality of numbers would let -0 pass for 0. */
const bits = (numbers: Float32Array) => Buffer.from(numbers.buffer).toString("base64");

async function told(action: Promise<unknown>): Promise<string> {
  const error = await action.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ToolError)) throw new Error(`expected a ToolError, got ${String(error)}`);
  expect(error.code).toBe("checkpoint/damaged");
  return error.message;
}

test("only changed rows are written, earlier segments are links, and the file is plain safetensors", async () => {
  const table = makeTable(1000, 4);
  change(table, [1, 7, 500, 999], (id, i) => id + i / 4);
  const first = await save(table, 10);
  change(table, [7, 999, 7], (id) => -id);
  const second = await save(table, 20);
  expect(segmentsOf(second)).toEqual(steps(10, 20));
  expect(statSync(join(second, steps(10)[0])).nlink).toBe(2);
  const { tensors } = await readSafetensors(join(second, steps(20)[0]));
  expect([...tensors]).toEqual([
    ["ids", { dtype: "I32", shape: [2], data: Int32Array.of(7, 999) }],
    ["rows", { dtype: "F32", shape: [2, 4], data: Float32Array.of(-7, -7, -7, -7, -999, -999, -999, -999) }],
  ]);
  expect(JSON.parse(readFileSync(join(second, TABLE_FILE), "utf8"))).toMatchObject({
    ...{ format: 1, rows: 1000, size: 4 },
    segments: [
      { file: steps(10)[0], rows: 4 },
      { file: steps(20)[0], rows: 2 },
    ],
  });
  // A step that changed nothing adds nothing, and any folder may go.
  const third = await save(table, 30);
  expect(segmentsOf(third)).toEqual(steps(10, 20));
  await pruneCheckpoints(run, { keep: 1, writtenStep: 30 });
  expect(readdirSync(dirname(first))).toEqual([basename(third)]);
  expect(bits(await load(third))).toBe(bits(table.numbers));
});

test("whatever rows change and whenever it is saved, what is read is what was saved", async () => {
  const random = stream(5, "segments");
  const table = makeTable(300, 3);
  const kinds = new Set<number>();
  for (let step = 1; step <= 40; step++) {
    const ids = Array.from({ length: random.below(step < 6 ? 40 : 9) }, () => random.below(300));
    change(table, ids, () => [random.uniform(), -0, 0][random.below(3)]);
    const dir = await save(table, step);
    kinds.add(segmentsOf(dir).length);
    expect(bits(await load(dir)), `step ${step}`).toBe(bits(table.numbers));
    await pruneCheckpoints(run, { keep: 2, writtenStep: step });
    const bytes = segmentsOf(dir).reduce((sum, name) => sum + statSync(join(dir, name)).size, 0);
    expect(bytes, `step ${step}`).toBeLessThan(2 * 300 * 16 + kinds.size * 300);
  }
  // Deltas were gathered, and a base was written anew.
  expect(Math.max(...kinds)).toBeGreaterThan(4);
  expect(kinds).toContain(1);
});

test("a base is written anew when deltas outweigh it, and before there are too many of them", async () => {
  const table = makeTable(100, 2);
  change(table, [0, 1, 2], () => 1);
  await save(table, 1);
  change(table, [0, 1], () => 2);
  await save(table, 2);
  change(table, [2], () => 3);
  expect(segmentsOf(await save(table, 3))).toEqual(steps(1, 2, 3));
  change(table, [50], () => 4);
  expect(segmentsOf(await save(table, 4))).toEqual(steps(4));

  change(
    table,
    Array.from({ length: 100 }, (_, id) => id),
    () => 5,
  );
  let dir = await save(table, 5);
  for (let step = 6; segmentsOf(dir).length > 1 || step === 6; step++) {
    change(table, [step], () => step);
    dir = await save(table, step);
    expect(segmentsOf(dir).length).toBeLessThanOrEqual(32);
  }
  expect(segmentsOf(dir)).toEqual(steps(37));
  expect(bits(await load(dir))).toBe(bits(table.numbers));
});

test("an unused table has no segments, and a table continued from a checkpoint adds to it", async () => {
  const table = makeTable(50, 2);
  const empty = await save(table, 1);
  expect(segmentsOf(empty)).toEqual([]);
  expect((await load(empty)).every((x) => x === 0)).toBe(true);
  change(table, [3, 4, 5], () => 1);
  const dir = await save(table, 2);
  const index = await readTableIndex(await readCheckpoint(dir));
  const resumed = makeTable(50, 2);
  await readTable(dir, index!, resumed.numbers);
  resumed.noteSaved(dir, index!.segments);
  change(resumed, [4], () => 9);
  const next = await save(resumed, 3);
  expect(segmentsOf(next)).toEqual(steps(2, 3));
  expect(bits(await load(next))).toBe(bits(resumed.numbers));
});

test("segments that are gone or were cut are not built upon", async () => {
  const table = makeTable(50, 2);
  change(table, [1, 2, 3, 4, 5, 6], (id) => id);
  rmSync(await save(table, 1), { recursive: true });
  change(table, [2], () => 7);
  const second = await save(table, 2);
  expect(segmentsOf(second)).toEqual(steps(2));
  expect(bits(await load(second))).toBe(bits(table.numbers));
  truncateSync(join(second, steps(2)[0]), 100);
  const third = await save(table, 3);
  expect(segmentsOf(third)).toEqual(steps(3));
  expect(bits(await load(third))).toBe(bits(table.numbers));
});

test("a step saved once more replaces its folder, whether rows changed or not", async () => {
  const table = makeTable(50, 2);
  change(table, [1, 2, 3], (id) => id);
  await save(table, 1);
  expect(bits(await load(await save(table, 1)))).toBe(bits(table.numbers));
  change(table, [2], () => 7);
  const dir = await save(table, 1);
  expect(segmentsOf(dir)).toEqual(steps(1));
  expect(bits(await load(dir))).toBe(bits(table.numbers));
});

test("a write that breaks off at any moment loses no change: the next one makes up for it", async () => {
  let moments = 0;
  for (let written = false; !written; ) {
    rmSync(join(run.dir, "checkpoints"), { recursive: true, force: true });
    const table = makeTable(50, 2);
    change(table, [1, 2, 3, 4], (id) => id);
    const first = await save(table, 1);
    const before = bits(table.numbers);
    change(table, [2, 40], () => 8);
    const fileSystem = failingFileSystem("ENOSPC", ++moments);
    written = await save(table, 2, { fileSystem }).then(
      () => true,
      () => false,
    );
    await recoverInterrupted(dirname(first));
    expect(bits(await load(first))).toBe(before);
    change(table, [3], () => 9);
    const next = await save(table, 3);
    expect(bits(await load(next))).toBe(bits(table.numbers));
    expect(segmentsOf(next)).toEqual(written ? steps(1, 2, 3) : steps(1, 3));
  }
  expect(moments).toBeGreaterThan(8);
});

test("damage is noticed in every folder that shares the segment, and contents that cannot be are refused", async () => {
  const table = makeTable(50, 2);
  change(table, [1, 2, 3], (id) => id);
  const first = await save(table, 1);
  change(table, [2], () => 7);
  const second = await save(table, 2);
  const path = join(second, steps(1)[0]);
  const good = readFileSync(path);
  const flipped = Buffer.from(good);
  flipped[flipped.length - 1] ^= 1;
  writeFileSync(path, flipped);
  for (const dir of [first, second])
    expect(await told(readCheckpoint(dir))).toBe(
      `damaged checkpoint: ${steps(1)[0]} is not what was written (SHA-256 differs)`,
    );
  writeFileSync(path, good);

  const checkpoint = await readCheckpoint(second);
  const index = (await readTableIndex(checkpoint))!;
  const listing = (content: unknown, files = checkpoint.files) =>
    readTableIndex({ dir: second, files, readJson: async () => content });
  expect(await listing(index)).toEqual(index);
  expect(await listing(index, ["weights.safetensors"])).toBeUndefined();
  expect(await told(listing({ ...index, rows: 2 ** 31 + 1 }))).toContain("rows: Too big");
  expect(await told(listing({ ...index, segments: [{ ...index.segments[0], file: "../x" }] }))).toContain(
    "segments.0.file",
  );
  expect(await told(listing(index, [TABLE_FILE, ...steps(2)]))).toContain(`${steps(1)[0]} is not in it`);
  const reading = (changed: Partial<typeof index>) => {
    const other = { ...index, ...changed };
    return readTable(second, other, new Float32Array(other.rows * other.size));
  };
  const what = `damaged checkpoint: ${steps(1)[0]} does not hold`;
  expect(await told(reading({ rows: 3 }))).toBe(`${what} 3 of 3 rows of 2`);
  expect(await told(reading({ size: 3 }))).toBe(`${what} 3 of 50 rows of 3`);
  expect(await told(reading({ segments: [{ ...index.segments[0], rows: 2 }] }))).toBe(
    `${what} 2 of 50 rows of 2`,
  );
});

test("identifiers outside of the table are noticed before they are lost", () => {
  const table = makeTable(10, 2);
  for (const id of [-1, 10]) expect(() => table.mark([id])).toThrow(`puzzle ${id} in a table of 10`);
  table.mark([9, 0, 8, 9, 7]);
  expect([...table.changedRows()]).toEqual([0, 7, 8, 9]);
});

test("a table that is mostly unused costs neither memory nor disk", async () => {
  const before = process.memoryUsage().rss;
  const table = makeTable(150_000, 512); // 307 MB
  change(
    table,
    Array.from({ length: 300 }, (_, i) => 500 * i),
    (id, i) => id + i,
  );
  await save(table, 1);
  change(table, [149_999], () => 1);
  const second = await save(table, 2);
  const sizes = segmentsOf(second).map((name) => statSync(join(second, name)).size);
  expect(sizes[0]).toBeLessThan(300 * (512 * 4 + 4) + 300);
  expect(sizes[1]).toBeLessThan(512 * 4 + 4 + 300);
  const index = (await readTableIndex(await readCheckpoint(second)))!;
  const read = new Float32Array(150_000 * 512);
  await readTable(second, index, read);
  for (const id of [0, 1, 500, 149_500, 149_999])
    expect(read.subarray(512 * id, 512 * (id + 1))).toEqual(table.numbers.subarray(512 * id, 512 * (id + 1)));
  expect(process.memoryUsage().rss - before).toBeLessThan(200e6);
});
