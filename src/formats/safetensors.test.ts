import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findGolden } from "../base/data-folder.ts";
import { ToolError } from "../base/errors.ts";
import {
  encodeHeader,
  encodeSafetensors,
  openSafetensors,
  readSafetensors,
  type StoredTensor,
  writeSafetensors,
} from "./safetensors.ts";

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-safetensors-"));
  path = join(folder, "x.safetensors");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function sample(): Map<string, StoredTensor> {
  return new Map<string, StoredTensor>([
    ["flags", { dtype: "BOOL", shape: [3], data: Uint8Array.of(1, 0, 1) }],
    ["weight", { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, -2, 3.5, 0, NaN, Infinity) }],
    ["7", { dtype: "I64", shape: [2], data: BigInt64Array.of(-1n, 2n ** 62n) }],
    ["bytes", { dtype: "U8", shape: [1, 5], data: Uint8Array.of(0, 1, 2, 254, 255) }],
    ["ids", { dtype: "I32", shape: [], data: Int32Array.of(-100) }],
    ["double", { dtype: "F64", shape: [1], data: Float64Array.of(Math.PI) }],
    ["empty", { dtype: "F32", shape: [0, 4], data: new Float32Array() }],
    ["brain", { dtype: "BF16", shape: [2], data: Float32Array.of(1.5, -0.0078125) }],
    ['odd "name" {\\', { dtype: "U8", shape: [1], data: Uint8Array.of(9) }],
  ]);
}

/** A file of this header text and data. */
function fileOf(header: string, data: Uint8Array = new Uint8Array(8)): Uint8Array {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(Buffer.byteLength(header)));
  return Buffer.concat([length, Buffer.from(header), data]);
}

/** Reads `bytes` as a file: its content, or the ToolError; anything else thrown fails the test. */
async function readBytesAsFile(bytes: Uint8Array) {
  writeFileSync(path, bytes);
  try {
    return await readSafetensors(path);
  } catch (error) {
    if (error instanceof ToolError) return error;
    throw error;
  }
}

async function problemOf(bytes: Uint8Array): Promise<string> {
  const outcome = await readBytesAsFile(bytes);
  return outcome instanceof ToolError ? outcome.message.replaceAll(path, "<file>") : "no error";
}

test("what was written is read back, in order, with the metadata", async () => {
  await writeSafetensors(path, sample(), { format: "pt" });
  const { metadata, tensors } = await readSafetensors(path);
  expect(metadata).toEqual({ format: "pt" });
  expect(tensors).toEqual(sample());
});

test("header names keep the given order, and every tensor is aligned to its element", () => {
  const [header] = encodeSafetensors(sample());
  expect(header.length % 8).toBe(0);
  const text = new TextDecoder().decode(header.subarray(8));
  const places = [...sample().keys()].map((name) => text.indexOf(`${JSON.stringify(name)}:`));
  expect(places).toEqual([...places].sort((a, b) => a - b));
  const entries: Record<string, { dtype: string; data_offsets: number[] }> = JSON.parse(text);
  const size: Record<string, number> = { F64: 8, I64: 8, F32: 4, I32: 4, BF16: 2, U8: 1, BOOL: 1 };
  for (const { dtype, data_offsets } of Object.values(entries)) expect(data_offsets[0] % size[dtype]).toBe(0);
});

test("the bytes of a small file are as the format says", () => {
  const tensors = new Map([["a", { dtype: "F32", shape: [1], data: Float32Array.of(1) } as const]]);
  const bytes = Buffer.concat(encodeSafetensors(tensors));
  const header = '{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}  ';
  expect(bytes).toEqual(Buffer.from(fileOf(header, Buffer.from([0, 0, 0x80, 0x3f]))));
});

test("half precision is read as float32 and not written", async () => {
  const file = fileOf(
    '{"h":{"dtype":"F16","shape":[2],"data_offsets":[0,4]}}',
    Uint8Array.of(0, 0x3c, 0, 0xc0),
  );
  const content = await readBytesAsFile(file);
  const tensor = content instanceof ToolError ? undefined : content.tensors.get("h");
  expect(tensor).toEqual({ dtype: "F16", shape: [2], data: Float32Array.of(1, -2) });
  expect(() => encodeSafetensors(new Map(tensor && [["h", tensor]]))).toThrow(ToolError);
});

test("a tensor is read alone, and a missing one is named", async () => {
  await writeSafetensors(path, sample());
  const file = await openSafetensors(path);
  expect(file.entries.get("weight")?.shape).toEqual([2, 3]);
  expect((await file.read("ids")).data).toEqual(Int32Array.of(-100));
  await expect(file.read("idz")).rejects.toThrow("no tensor idz in");
  await file.close();
});

test("floats are read in pieces of any length, in the same memory", async () => {
  const numbers = Float32Array.from({ length: 10 }, (_, i) => (i - 4) / 4);
  const half = Uint16Array.of(0x3c00, 0xc000, 0x3555);
  const tensors = new Map<string, StoredTensor>([
    ["brain", { dtype: "BF16", shape: [2, 5], data: numbers }],
    ["whole", { dtype: "F32", shape: [10], data: numbers }],
    ["none", { dtype: "F32", shape: [0], data: new Float32Array() }],
    ["ints", { dtype: "I32", shape: [1], data: Int32Array.of(1) }],
  ]);
  const header = `{"half":{"dtype":"F16","shape":[3],"data_offsets":[0,6]}}`;
  const read = async (name: string, most: number) => {
    const file = await openSafetensors(path);
    const pieces: number[][] = [];
    try {
      for await (const piece of file.floats(name, most)) pieces.push([...piece]);
    } finally {
      await file.close();
    }
    return pieces;
  };
  await writeSafetensors(path, tensors);
  for (const name of ["brain", "whole"])
    for (const most of [1, 4, 10, 1000]) {
      const pieces = await read(name, most);
      expect(pieces.flat()).toEqual([...numbers]);
      expect(pieces.map((piece) => piece.length)).toEqual(
        Array.from({ length: Math.ceil(10 / most) }, (_, i) => Math.min(most, 10 - i * most)),
      );
    }
  expect(await read("none", 4)).toEqual([]);
  await expect(read("ints", 4)).rejects.toThrow("I32 in pieces");
  await expect(read("other", 4)).rejects.toThrow("no tensor other");
  writeFileSync(path, fileOf(header, new Uint8Array(half.buffer)));
  expect(await read("half", 2)).toEqual([[1, -2], [0.333251953125]]);
});

test("a header is the one of the tensors themselves", () => {
  const tensors = sample();
  const metadata = { format: "pt" };
  expect(encodeHeader(tensors, metadata)).toEqual(encodeSafetensors(tensors, metadata)[0]);
});

test("a file truncated at any byte is refused", async () => {
  const bytes = Buffer.concat(encodeSafetensors(sample()));
  for (let length = 0; length < bytes.length; length++)
    expect(await problemOf(bytes.subarray(0, length)), `cut at ${length}`).toContain("<file> is not a whole");
  expect(await readBytesAsFile(bytes)).not.toBeInstanceOf(ToolError);
});

test("flipped bits are read or refused, never worse", async () => {
  const bytes = Buffer.concat(encodeSafetensors(sample()));
  const flips = fc.array(fc.nat({ max: bytes.length * 8 - 1 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(flips, async (bits) => {
      const flipped = Buffer.from(bytes);
      for (const bit of bits) flipped[bit >> 3] ^= 1 << (bit & 7);
      await readBytesAsFile(flipped);
    }),
    { numRuns: 500, seed: 1 },
  );
});

test("what is wrong with a header is said", async () => {
  const entry = (name: string, shape: string, offsets: string, dtype = "F32") =>
    `"${name}":{"dtype":"${dtype}","shape":${shape},"data_offsets":${offsets}}`;
  const headers = {
    "not JSON": "{",
    "a list": "[]",
    "twice the same name": `{${entry("a", "[1]", "[0,4]")},${entry("\\u0061", "[1]", "[4,8]")}}`,
    "twice the same field": '{"a":{"dtype":"U8","dtype":"U8","shape":[8],"data_offsets":[0,8]}}',
    "unknown dtype": `{${entry("a", "[8]", "[0,8]", "F8_E4M3")}}`,
    "negative size": `{${entry("a", "[-2]", "[0,8]")}}`,
    "fraction as size": `{${entry("a", "[2.5]", "[0,8]")}}`,
    "size and offsets disagree": `{${entry("a", "[3]", "[0,8]")}}`,
    "overflowing size": `{${entry("a", "[9007199254740991,9007199254740991]", "[0,8]")}}`,
    "end before begin": `{${entry("a", "[2]", "[8,0]")}}`,
    "three offsets": `{${entry("a", "[2]", "[0,8,8]")}}`,
    overlap: `{${entry("a", "[2]", "[0,8]")},${entry("b", "[1]", "[4,8]")}}`,
    hole: `{${entry("a", "[1]", "[4,8]")}}`,
    "behind the end": `{${entry("a", "[3]", "[0,12]")}}`,
    "bytes left over": `{${entry("a", "[1]", "[0,4]")}}`,
    "metadata that is not text": `{"__metadata__":{"step":3},${entry("a", "[2]", "[0,8]")}}`,
    "an entry that is no object": '{"a":null}',
  };
  const problems: string[] = [];
  for (const [title, header] of Object.entries(headers))
    problems.push(`${title}: ${await problemOf(fileOf(header))}`);
  const invalidText = Buffer.concat([Buffer.from('{"'), Uint8Array.of(0xff), Buffer.from('": 1}')]);
  const invalidFile = Buffer.concat([Uint8Array.of(invalidText.length, 0, 0, 0, 0, 0, 0, 0), invalidText]);
  problems.push(`invalid UTF-8: ${await problemOf(invalidFile)}`);
  expect(problems.join("\n")).toMatchInlineSnapshot(`
    "not JSON: <file> is not a whole safetensors file: its header is not valid JSON
    a list: <file> is not a whole safetensors file: its header is not a JSON object
    twice the same name: <file> is not a whole safetensors file: its header has the key "a" twice
    twice the same field: <file> is not a whole safetensors file: its header has the key "dtype" twice
    unknown dtype: <file>: tensor "a" has the dtype "F8_E4M3"
    negative size: <file> is not a whole safetensors file: tensor "a": shape [-2] is not a list of sizes
    fraction as size: <file> is not a whole safetensors file: tensor "a": shape [2.5] is not a list of sizes
    size and offsets disagree: <file> is not a whole safetensors file: tensor "a": F32 [3] needs 12 bytes, data_offsets give 8
    overflowing size: <file> is not a whole safetensors file: tensor "a": F32 [9007199254740991, 9007199254740991] needs 3.2451855365842665e+32 bytes, data_offsets give 8
    end before begin: <file> is not a whole safetensors file: tensor "a": data_offsets [8,0] is not a begin and an end
    three offsets: <file> is not a whole safetensors file: tensor "a": data_offsets [0,8,8] is not a begin and an end
    overlap: <file> is not a whole safetensors file: tensor "b" starts at byte 4 of the data, inside the tensor before it
    hole: <file> is not a whole safetensors file: tensor "a" starts at byte 4 of the data; bytes from 0 on belong to none
    behind the end: <file> is not a whole safetensors file: tensor "a" ends at byte 12 of the data, which has 8
    bytes left over: <file> is not a whole safetensors file: 4 bytes at its end belong to no tensor
    metadata that is not text: <file> is not a whole safetensors file: __metadata__.step is not a text
    an entry that is no object: <file> is not a whole safetensors file: tensor "a": its entry is not a JSON object
    invalid UTF-8: <file> is not a whole safetensors file: its header is not valid JSON"
  `);
});

test("an absurd header length is refused without allocating it", async () => {
  const absurd = Uint8Array.of(255, 255, 255, 255, 255, 255, 255, 127, 0);
  expect(await problemOf(absurd)).toMatchInlineSnapshot(
    `"<file> is not a whole safetensors file: its header would be 9223372036854776000 bytes long, which cannot be"`,
  );
  expect(await problemOf(Uint8Array.of(0, 1, 0, 0, 0, 0, 0, 0, 0))).toMatchInlineSnapshot(
    `"<file> is not a whole safetensors file: its header needs 264 bytes, the file has 9"`,
  );
});

test("a folder or a missing file is a ToolError", async () => {
  await expect(openSafetensors(join(folder, "none"))).rejects.toBeInstanceOf(ToolError);
  await expect(readSafetensors(folder)).rejects.toBeInstanceOf(ToolError);
});

const golden = findGolden("trm-att");
test.skipIf(!golden)("recorded traces are read, and written to an equal file", async () => {
  for (const name of ["weights.safetensors", "trace.safetensors"]) {
    const content = await readSafetensors(join(golden ?? "", name));
    expect(content.tensors.size).toBeGreaterThan(10);
    for (const { shape, data } of content.tensors.values())
      expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
    await writeSafetensors(path, content.tensors, content.metadata);
    const again = await readSafetensors(path);
    expect([...again.tensors.keys()]).toEqual([...content.tensors.keys()]);
    for (const [key, { data }] of content.tensors) {
      const same = again.tensors.get(key)?.data.every((value, i) => Object.is(value, data[i]));
      expect(same, key).toBe(true);
    }
  }
  const trace = await readSafetensors(join(golden ?? "", "trace.safetensors"));
  expect(trace.tensors.get("step0.carry.halted")?.dtype).toBe("BOOL");
  expect(trace.tensors.get("step0.out.logits")).toMatchObject({ dtype: "F32", shape: [4, 16, 7] });
  const steps = trace.tensors.get("step0.carry.steps");
  expect(steps).toMatchObject({ dtype: "I32", data: Int32Array.of(1, 1, 1, 1) });
});
