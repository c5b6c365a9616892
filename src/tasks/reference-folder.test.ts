import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import { encodeNpy, type NpyArray, readNpy } from "../formats/npy.ts";
import type { GroupedExamples } from "./dataset.ts";
import {
  groupedSource,
  openReferenceFolder,
  type ReferencePartSource,
  writeReferenceFolder,
} from "./reference-folder.ts";
import { GROUPED_CELLS, GROUPED_VOCABULARY, groupedOf } from "./testing/grouped.ts";

const about = { seqLen: GROUPED_CELLS, vocabSize: GROUPED_VOCABULARY };
const trainGroups = groupedOf([[3, 2], [1], [2, 2, 4]]);
const testGroups = groupedOf([[1, 1], [2]]);
const identifiers = ["<blank>", "a", "a|||t1", "b", "é", "e", "f"];
const testPuzzles = new Map([["b", { train: [], test: [{ input: [[1]] }] }]]);

let root: string;
let good: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "whorl-reference-"));
  good = join(root, "good");
  const parts = { train: groupedSource(trainGroups, about), test: groupedSource(testGroups, about) };
  await writeReferenceFolder(good, { identifiers, testPuzzles, parts });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** Every example in order: group, puzzle, example, identifier, tokens. */
function everything(grouped: GroupedExamples): number[][] {
  const examples: number[][] = [];
  const row = { inputs: new Int32Array(about.seqLen), labels: new Int32Array(about.seqLen) };
  for (let group = 0; group < grouped.groups; group++)
    for (let puzzle = 0; puzzle < grouped.puzzlesIn(group); puzzle++)
      for (let example = 0; example < grouped.examplesIn(group, puzzle); example++) {
        const identifier = grouped.read({ group, puzzle, example }, row);
        examples.push([group, puzzle, example, identifier, ...row.inputs, ...row.labels]);
      }
  return examples;
}

function opened<T>(dir: string, use: (folder: ReturnType<typeof openReferenceFolder>) => T): T {
  const folder = openReferenceFolder(dir);
  try {
    return use(folder);
  } finally {
    folder.close();
  }
}

test("what was written is read back: groups, puzzles, examples, identifiers, names", () => {
  opened(good, (folder) => {
    expect(everything(folder.train ?? groupedOf([[]]))).toEqual(everything(trainGroups));
    expect(everything(folder.test ?? groupedOf([[]]))).toEqual(everything(testGroups));
    expect(folder.identifiers).toEqual(identifiers);
    expect(folder.testPuzzles).toEqual({ b: { train: [], test: [{ input: [[1]] }] } });
    expect(folder.testPuzzlesText).toBe('{"b": {"train": [], "test": [{"input": [[1]]}]}}');
    const { train } = folder;
    expect([train?.groups, train?.puzzles, train?.examples]).toEqual([3, 6, 14]);
    expect(train?.meanPuzzleExamples).toBe(14 / 6);
    expect([0, 5].map((puzzle) => train?.identifierOf(puzzle))).toEqual([1, 6]);
  });
});

test("the example set is sequential, in pieces of any size", () => {
  opened(good, ({ train }) => {
    const set = train?.exampleSet();
    if (!set) throw new Error("no train part");
    const rows: number[][] = [];
    for (let start = 0; start < set.count; start += 4) {
      const { count, inputs, labels, identifiers } = set.slice(start, 4);
      expect(count).toBe(Math.min(4, set.count - start));
      for (let i = 0; i < count; i++)
        rows.push([identifiers[i], ...inputs.slice(4 * i, 4 * i + 4), ...labels.slice(4 * i, 4 * i + 4)]);
    }
    expect(rows).toEqual(everything(trainGroups).map((example) => example.slice(3)));
    expect([set.slice(14, 5).count, set.slice(99, 5).count, set.slice(0, 0).count]).toEqual([0, 0, 0]);
  });
});

test("the files are those of the reference's builders, to the byte", () => {
  expect(readdirSync(good).sort()).toEqual(["identifiers.json", "test", "test_puzzles.json", "train"]);
  expect(readdirSync(join(good, "train")).sort()).toEqual([
    "all__group_indices.npy",
    "all__inputs.npy",
    "all__labels.npy",
    "all__puzzle_identifiers.npy",
    "all__puzzle_indices.npy",
    "dataset.json",
  ]);
  expect(readFileSync(join(good, "identifiers.json"), "utf8")).toBe(
    '["<blank>", "a", "a|||t1", "b", "\\u00e9", "e", "f"]',
  );
  expect(readFileSync(join(good, "train/dataset.json"), "utf8")).toBe(
    '{"pad_id": 0, "ignore_label_id": 0, "blank_identifier_id": 0, "vocab_size": 12, "seq_len": 4, ' +
      '"num_puzzle_identifiers": 7, "total_groups": 3, "mean_puzzle_examples": 2.3333333333333335, ' +
      '"total_puzzles": 6, "sets": ["all"]}',
  );
  expect(readNpy(join(good, "train/all__labels.npy"))).toMatchObject({ dtype: "uint8", shape: [14, 4] });
  expect(readNpy(join(good, "test/all__group_indices.npy"))).toEqual({
    dtype: "int32",
    shape: [3],
    data: Int32Array.of(0, 2, 3),
  });
});

test("tokens may be wide, a mean may be whole, and dataset.json may count puzzles as the Sudoku builder does", async () => {
  for (const dtype of ["int32", "int64"] as const) {
    const dir = join(root, dtype);
    const train = groupedSource(groupedOf([[2, 2], [2]]), { ...about, dtype, totalPuzzles: 2 });
    await writeReferenceFolder(dir, { identifiers, parts: { train } });
    const text = readFileSync(join(dir, "train/dataset.json"), "utf8");
    expect(text).toContain('"mean_puzzle_examples": 2.0, "total_puzzles": 2');
    expect(readNpy(join(dir, "train/all__inputs.npy")).dtype).toBe(dtype);
    opened(dir, (folder) => {
      expect(everything(folder.train ?? groupedOf([[]]))).toEqual(everything(groupedOf([[2, 2], [2]])));
      expect([folder.test, folder.testPuzzles, folder.testPuzzlesText]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    });
  }
});

test("a folder read and written again is the same", async () => {
  const folder = openReferenceFolder(good);
  const { train, test: heldOut } = folder;
  if (!train || !heldOut) throw new Error("parts missing");
  const parts = { train: groupedSource(train, about), test: groupedSource(heldOut, about) };
  await writeReferenceFolder(join(root, "again"), { identifiers, testPuzzles: folder.testPuzzles, parts });
  folder.close();
  for (const file of readdirSync(good, { recursive: true, withFileTypes: true })) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    const again = path.replace(good, join(root, "again"));
    expect(readFileSync(again).equals(readFileSync(path)), path).toBe(true);
  }
});

test("more rows and names than fit one piece are written", async () => {
  const dir = join(root, "large");
  const names = ["<blank>", ...Array.from({ length: 10_000 }, (_, i) => `task ${i}`)];
  const rows = 3000; // of 1,000 cells: three blocks
  const train: ReferencePartSource = {
    ...{ seqLen: 1000, vocabSize: 256, examples: rows },
    groupIndices: () => Int32Array.of(0, rows),
    puzzleIndices: () => Int32Array.from({ length: rows + 1 }, (_, i) => i),
    puzzleIdentifiers: () => Int32Array.from({ length: rows }, (_, i) => i + 1),
    writeTokens(row, inputs, labels) {
      inputs.fill(row % 251);
      labels.fill(row % 241);
    },
  };
  await writeReferenceFolder(dir, { identifiers: names, parts: { train } });
  opened(dir, (folder) => {
    expect(folder.identifiers).toEqual(names);
    const { inputs, labels } = folder.train?.exampleSet().slice(2999, 1) ?? {};
    expect([inputs?.[999], labels?.[0]]).toEqual([2999 % 251, 2999 % 241]);
  });
});

test("a writer that fails leaves the old folder and no other", async () => {
  const broken: ReferencePartSource = {
    ...groupedSource(trainGroups, about),
    writeTokens: () => {
      throw new RangeError("no rows");
    },
  };
  const before = readFileSync(join(good, "train/all__inputs.npy"));
  await expect(writeReferenceFolder(good, { identifiers, parts: { train: broken } })).rejects.toThrow(
    "no rows",
  );
  expect(readFileSync(join(good, "train/all__inputs.npy")).equals(before)).toBe(true);
  expect(readdirSync(root).filter((name) => name.includes("."))).toEqual([]);
  const small = { ...groupedSource(trainGroups, about), vocabSize: 11 };
  const beyond = writeReferenceFolder(join(root, "small"), { identifiers, parts: { train: small } });
  await expect(beyond).rejects.toThrow("token 11 in labels, vocabulary 11");
  const few = { identifiers: ["<blank>", "a"], parts: { train: groupedSource(trainGroups, about) } };
  await expect(writeReferenceFolder(join(root, "few"), few)).rejects.toThrow("identifier 6 of 2");
});

test("hashes are those of the data without the header", async () => {
  const folder = openReferenceFolder(good);
  const hashes = await folder.test?.hashes();
  folder.close();
  expect(Object.keys(hashes ?? {}).sort()[1]).toBe("test/all__inputs.npy");
  const data = readFileSync(join(good, "test/all__inputs.npy")).subarray(128);
  expect(hashes?.["test/all__inputs.npy"]).toBe(createHash("sha256").update(data).digest("hex"));
});

/** What opening (and reading) a copy of the good folder says after a change to one of its files. */
function problemAfter(change: (dir: string) => void): string {
  const dir = join(root, "bad");
  rmSync(dir, { recursive: true, force: true });
  cpSync(good, dir, { recursive: true });
  change(dir);
  try {
    opened(dir, ({ train, test }) => [train, test].map((part) => part?.exampleSet().slice(0, 99)));
    return "no error";
  } catch (error) {
    if (error instanceof ToolError) return `${error.code}: ${error.message.replaceAll(dir, "<dir>")}`;
    throw error;
  }
}

function setArray(name: string, array: NpyArray): (dir: string) => void {
  return (dir) => writeFileSync(join(dir, name), Buffer.concat(encodeNpy(array)));
}

function setIntegers(name: string, ...values: number[]): (dir: string) => void {
  return setArray(name, { dtype: "int32", shape: [values.length], data: Int32Array.from(values) });
}

function setKey(key: string, value: unknown): (dir: string) => void {
  return (dir) => {
    const path = join(dir, "train/dataset.json");
    const fields: Record<string, unknown> = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...fields, [key]: value }));
  };
}

test("folders that do not hold together are refused with the place", () => {
  const tokens = (shape: number[], token = 1): NpyArray => {
    const count = shape.reduce((product, size) => product * size, 1);
    return { dtype: "uint8", shape, data: new Uint8Array(count).fill(token) };
  };
  const negative: NpyArray = { dtype: "int64", shape: [14, 4], data: new BigInt64Array(56).fill(-2n) };
  const remove = (name: string) => (dir: string) => rmSync(join(dir, name), { recursive: true });
  const write = (name: string, text: string) => (dir: string) => writeFileSync(join(dir, name), text);
  const cases: Record<string, (dir: string) => void> = {
    unchanged: () => undefined,
    "no folder": (dir) => rmSync(dir, { recursive: true }),
    "no parts": (dir) => {
      for (const name of ["train", "test"]) remove(name)(dir);
    },
    "no identifiers": remove("identifiers.json"),
    "no description": remove("train/dataset.json"),
    "no labels": remove("test/all__labels.npy"),
    "names not a list": write("identifiers.json", '{"a": 1}'),
    "names broken": write("identifiers.json", '["<blank>", '),
    "description broken": write("train/dataset.json", "{"),
    "names too few": write("identifiers.json", '["<blank>", "a"]'),
    "key missing": setKey("seq_len", undefined),
    "other padding": setKey("pad_id", 1),
    "other blank": setKey("blank_identifier_id", 3),
    "two sets": setKey("sets", ["all", "more"]),
    "set outside": setKey("sets", ["../../x"]),
    "other length": setKey("seq_len", 9),
    "other groups": setKey("total_groups", 4),
    "other mean": setKey("mean_puzzle_examples", 1.5),
    "parts differ": setKey("vocab_size", 13),
    "small vocabulary": setKey("vocab_size", 5),
    "index not from 0": setIntegers("train/all__puzzle_indices.npy", 1, 3, 5, 6, 8, 10, 14),
    "index not rising": setIntegers("train/all__puzzle_indices.npy", 0, 3, 5, 4, 8, 10, 14),
    "empty puzzle": setIntegers("train/all__puzzle_indices.npy", 0, 3, 5, 5, 8, 10, 14),
    "index too short": setIntegers("train/all__puzzle_indices.npy", 0, 3, 5, 6, 8, 10, 13),
    "index empty": setIntegers("train/all__group_indices.npy"),
    "groups beyond": setIntegers("train/all__group_indices.npy", 0, 2, 3, 7),
    "index of two axes": setArray("train/all__group_indices.npy", tokens([2, 2])),
    "identifiers missing": setIntegers("train/all__puzzle_identifiers.npy", 1, 2, 3),
    "identifier too large": setIntegers("train/all__puzzle_identifiers.npy", 1, 2, 3, 4, 5, 7),
    "rows of 5 cells": setArray("train/all__inputs.npy", tokens([14, 5])),
    "labels missing": setArray("train/all__labels.npy", tokens([13, 4])),
    "tokens of one axis": setArray("train/all__labels.npy", tokens([14])),
    "real numbers": setArray("train/all__inputs.npy", {
      ...{ dtype: "float32", shape: [14, 4], data: new Float32Array(56) },
    }),
    "token too large": setArray("train/all__inputs.npy", tokens([14, 4], 12)),
    "negative label": setArray("train/all__labels.npy", negative),
  };
  const told = Object.entries(cases).map(([name, change]) => `${name}: ${problemAfter(change)}`);
  expect(`\n${told.join("\n")}\n`).toMatchInlineSnapshot(`
    "
    unchanged: no error
    no folder: reference/no-data: the data folder <dir> does not exist
    no parts: reference/no-data: the data folder <dir> has neither train nor test
    no identifiers: file/not-found: no such file or folder while reading <dir>/identifiers.json
    no description: file/not-found: no such file or folder while reading <dir>/train/dataset.json
    no labels: file/not-found: no such file or folder while reading <dir>/test/all__labels.npy
    names not a list: reference/broken: <dir>/identifiers.json cannot be used: it is not a list of names
    names broken: reference/broken: <dir>/identifiers.json cannot be used: it is not valid JSON (Unexpected end of JSON input)
    description broken: reference/metadata: <dir>/train/dataset.json is not valid JSON
    names too few: reference/broken: <dir>/train/dataset.json cannot be used: num_puzzle_identifiers is 7, but the files have 2
    key missing: reference/metadata: <dir>/train/dataset.json is not the description of a data set: seq_len: missing
    other padding: reference/metadata: <dir>/train/dataset.json is not the description of a data set: pad_id: only 0 is known
    other blank: reference/metadata: <dir>/train/dataset.json is not the description of a data set: blank_identifier_id: only 0 is known
    two sets: reference/metadata: <dir>/train/dataset.json is not the description of a data set: sets: only one set can be read
    set outside: reference/metadata: <dir>/train/dataset.json is not the description of a data set: sets.0: Invalid string: must match pattern /^[\\w-]+$/
    other length: reference/broken: <dir>/train/all__inputs.npy cannot be used: its shape is [14, 4], and seq_len of dataset.json is 9
    other groups: reference/broken: <dir>/train/dataset.json cannot be used: total_groups is 4, but the files have 3
    other mean: reference/broken: <dir>/train/dataset.json cannot be used: mean_puzzle_examples is 1.5, but the files have 2.3333333333333335
    parts differ: reference/broken: <dir> cannot be used: train has 4 cells and 13 tokens, test 4 cells and 12 tokens: they are not one data set
    small vocabulary: reference/broken: <dir> cannot be used: train has 4 cells and 5 tokens, test 4 cells and 12 tokens: they are not one data set
    index not from 0: reference/broken: <dir>/train/all__puzzle_indices.npy cannot be used: it begins with 1, not with 0
    index not rising: reference/broken: <dir>/train/all__puzzle_indices.npy cannot be used: entry 3 is 4, not above the 5 before it
    empty puzzle: reference/broken: <dir>/train/all__puzzle_indices.npy cannot be used: entry 3 is 5, not above the 5 before it
    index too short: reference/broken: <dir>/train/all__puzzle_indices.npy cannot be used: it ends with 13, and there are 14 examples
    index empty: reference/broken: <dir>/train/all__group_indices.npy cannot be used: it is empty
    groups beyond: reference/broken: <dir>/train/all__group_indices.npy cannot be used: it ends with 7, and there are 6 puzzles
    index of two axes: reference/broken: <dir>/train/all__group_indices.npy cannot be used: its shape is [2, 2], not one axis
    identifiers missing: reference/broken: <dir>/train/all__puzzle_identifiers.npy cannot be used: it has 3 entries, and there are 6 puzzles
    identifier too large: reference/broken: <dir>/train/all__puzzle_identifiers.npy cannot be used: puzzle 5 has the identifier 7, and there are 7 identifiers
    rows of 5 cells: reference/broken: <dir>/train/all__inputs.npy cannot be used: its shape is [14, 5], and seq_len of dataset.json is 4
    labels missing: reference/broken: <dir>/train/all__labels.npy cannot be used: its shape is [13, 4], and there are 14 inputs
    tokens of one axis: reference/broken: <dir>/train/all__labels.npy cannot be used: its shape is [14], and seq_len of dataset.json is 4
    real numbers: reference/broken: <dir>/train/all__inputs.npy cannot be used: it holds float32 values, not tokens
    token too large: reference/broken: <dir>/train/all__inputs.npy cannot be used: row 0, cell 0 holds the token 12, and vocab_size is 12
    negative label: reference/broken: <dir>/train/all__labels.npy cannot be used: row 0, cell 0 holds the token -2, and vocab_size is 12
    "
  `);
});

test("all labels count where no label is to be ignored, and those of HRM's builders are read", () => {
  const dir = join(root, "all-labels");
  cpSync(good, dir, { recursive: true });
  const path = join(dir, "train/dataset.json");
  const fields: Record<string, unknown> = JSON.parse(readFileSync(path, "utf8"));
  const { total_puzzles: _, ...rest } = fields;
  writeFileSync(path, JSON.stringify({ ...rest, ignore_label_id: null }));
  opened(dir, ({ train }) => {
    expect([...(train?.exampleSet().slice(0, 1).labels ?? [])]).toEqual([1, 11, 2, 0]);
  });
});
