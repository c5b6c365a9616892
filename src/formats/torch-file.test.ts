import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findGolden } from "../base/data-folder.ts";
import { ToolError } from "../base/errors.ts";
import { writeFileAtomic } from "../base/files.ts";
import { readSafetensors, type SafetensorsFile, type StoredTensor } from "./safetensors.ts";
import { int64, integer, pickle, tensorPickle, text, writeArchive } from "./testing/pickles.ts";
import { isTorchFile, openTorchFile } from "./torch-file.ts";
import { encodeTorchFile, type TensorToWrite } from "./torch-file-writer.ts";

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-torch-"));
  path = join(folder, "x.pt");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Pickles that torch.save (2.15) wrote, without the storages. */
const written = {
  /** Views of arange(12): [3, 4][1:], its transpose, its columns 1 and 2, all of it, one number. */
  views:
    "gAJ9cQAoWAQAAAByb3dzcQFjdG9yY2guX3V0aWxzCl9yZWJ1aWxkX3RlbnNvcl92MgpxAigoWAcAAABzdG9yYWdlcQNjdG9yY2gKRmxvYXRTdG9yYWdlCnEEWAEAAAAwcQVYAwAAAGNwdXEGSwx0cQdRSwRLAksEhnEISwRLAYZxCYljY29sbGVjdGlvbnMKT3JkZXJlZERpY3QKcQopUnELdHEMUnENWAoAAAB0cmFuc3Bvc2VkcQ5oAigoaANoBGgFaAZLDHRxD1FLAEsESwOGcRBLAUsEhnERiWgKKVJxEnRxE1JxFFgHAAAAY29sdW1uc3EVaAIoKGgDaARoBWgGSwx0cRZRSwFLA0sChnEXSwRLAYZxGIloCilScRl0cRpScRtYBQAAAHdob2xlcRxoAigoaANoBGgFaAZLDHRxHVFLAEsMhXEeSwGFcR+JaAopUnEgdHEhUnEiWAYAAABzY2FsYXJxI2gCKChoA2gEaAVoBksMdHEkUUsFKSmJaAopUnEldHEmUnEndS4=",
  /** {"model": module.state_dict() with its _metadata, "epoch": 3, "lr": 0.5, "args": ["a", None, True, -7, 70000, 2**40]} */
  module:
    "gAJ9cQAoWAUAAABtb2RlbHEBY2NvbGxlY3Rpb25zCk9yZGVyZWREaWN0CnECKVJxA1gGAAAAd2VpZ2h0cQRjdG9yY2guX3V0aWxzCl9yZWJ1aWxkX3RlbnNvcl92MgpxBSgoWAcAAABzdG9yYWdlcQZjdG9yY2gKRmxvYXRTdG9yYWdlCnEHWAEAAAAwcQhYAwAAAGNwdXEJSwJ0cQpRSwBLAUsChnELSwJLAYZxDIloAilScQ10cQ5ScQ9zfXEQWAkAAABfbWV0YWRhdGFxEWgCKVJxElgAAAAAcRN9cRRYBwAAAHZlcnNpb25xFUsBc3NzYlgFAAAAZXBvY2hxFksDWAIAAABscnEXRz/gAAAAAAAAWAQAAABhcmdzcRhdcRkoWAEAAABhcRpOiEr5////SnARAQCKBgAAAAAAAWV1Lg==",
  /** Protocol 4: OrderedDict(w=Parameter of two bfloat16, s=torch.Size([2, 3])) */
  parameter:
    "gASV1QAAAAAAAACMC2NvbGxlY3Rpb25zlIwLT3JkZXJlZERpY3SUk5QpUpQojAF3lIwMdG9yY2guX3V0aWxzlIwSX3JlYnVpbGRfcGFyYW1ldGVylJOUaAWMEl9yZWJ1aWxkX3RlbnNvcl92MpSTlCgojAdzdG9yYWdllIwFdG9yY2iUjA9CRmxvYXQxNlN0b3JhZ2WUk5SMATCUjANjcHWUSwJ0lFFLAEsChZRLAYWUiWgCKVKUdJRSlIhoAilSlIeUUpSMAXOUaAuMBFNpemWUk5RLAksDhpSFlFKUdS4=",
};

const upToTwelve = bytesOf(Float32Array.from({ length: 12 }, (_, i) => i));

function bytesOf(array: NodeJS.TypedArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}

async function withFile<T>(from: string, use: (file: SafetensorsFile) => Promise<T>): Promise<T> {
  const file = await openTorchFile(from);
  try {
    return await use(file);
  } finally {
    await file.close();
  }
}

function readAll(from: string): Promise<Map<string, StoredTensor>> {
  return withFile(from, async (file) => {
    const tensors = new Map<string, StoredTensor>();
    for (const name of file.entries.keys()) tensors.set(name, await file.read(name));
    return tensors;
  });
}

async function problemOf(from: string): Promise<string> {
  try {
    return `read ${[...(await readAll(from)).keys()].join()}`;
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return `${error.code}: ${error.message.replaceAll(from, "<file>")}`;
  }
}

const golden = findGolden("trm-mlp/checkpoint.pt");

test.skipIf(!golden)("the golden checkpoint has the numbers of its weights.safetensors", async () => {
  const expected = await readSafetensors(join(golden ?? "", "../weights.safetensors"));
  const found = await readAll(golden ?? "");
  const named = [...found].map(([name, tensor]) => [name.replace("_orig_mod.", ""), tensor] as const);
  expect(new Map(named)).toEqual(expected.tensors);
  expect(await isTorchFile(golden ?? "")).toBe(true);
  expect(await isTorchFile(join(golden ?? "", "../weights.safetensors"))).toBe(false);
});

test("views of a shared storage come out contiguous, at once and in pieces", async () => {
  await writeArchive(path, Buffer.from(written.views, "base64"), { "0": upToTwelve });
  const expected = {
    rows: { shape: [2, 4], data: [4, 5, 6, 7, 8, 9, 10, 11] },
    transposed: { shape: [4, 3], data: [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11] },
    columns: { shape: [3, 2], data: [1, 2, 5, 6, 9, 10] },
    whole: { shape: [12], data: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11] },
    scalar: { shape: [], data: [5] },
  };
  const read = await readAll(path);
  expect([...read.keys()]).toEqual(Object.keys(expected));
  await withFile(path, async (file) => {
    for (const [name, { shape, data }] of Object.entries(expected)) {
      expect(read.get(name)).toEqual({ dtype: "F32", shape, data: Float32Array.from(data) });
      for (const most of [1, 5, 100]) {
        const pieces: number[] = [];
        for await (const piece of file.floats(name, most)) {
          expect(piece.length).toBeLessThanOrEqual(most);
          pieces.push(...piece);
        }
        expect(pieces).toEqual(data);
      }
    }
    await expect(file.read("columnx")).rejects.toMatchObject({ code: "torch/no-tensor" });
  });
});

test("a state dict inside of a checkpoint, with attributes and other values beside it", async () => {
  await writeArchive(path, Buffer.from(written.module, "base64"), { "0": bytesOf(Float32Array.of(1.5, -2)) });
  expect(await readAll(path)).toEqual(
    new Map([["weight", { dtype: "F32", shape: [1, 2], data: Float32Array.of(1.5, -2) }]]),
  );
});

test("parameters, protocol 4, bfloat16", async () => {
  const bits = Uint16Array.of(0x3f80, 0x4000);
  await writeArchive(path, Buffer.from(written.parameter, "base64"), { "0": bytesOf(bits) });
  expect(await readAll(path)).toEqual(
    new Map([["w", { dtype: "BF16", shape: [2], data: Float32Array.of(1, 2) }]]),
  );
});

test("every number format is read as it was written, larger and smaller than a piece", async () => {
  const samples: [TensorToWrite["dtype"], NodeJS.TypedArray, StoredTensor["data"]][] = [
    ["F32", Float32Array.of(1, -2.5, Number.NaN), Float32Array.of(1, -2.5, Number.NaN)],
    ["F16", Uint16Array.of(0x3c00, 0xc000, 0x7c00), Float32Array.of(1, -2, Number.POSITIVE_INFINITY)],
    ["BF16", Uint16Array.of(0x3f80, 0, 0x4000), Float32Array.of(1, 0, 2)],
    ["F64", Float64Array.of(Math.PI, 0, 1), Float64Array.of(Math.PI, 0, 1)],
    ["I64", BigInt64Array.of(-1n, 2n ** 60n, 0n), BigInt64Array.of(-1n, 2n ** 60n, 0n)],
    ["I32", Int32Array.of(-1, 7, 0), Int32Array.of(-1, 7, 0)],
    ["U8", Uint8Array.of(0, 255, 1), Uint8Array.of(0, 255, 1)],
    ["BOOL", Uint8Array.of(0, 1, 1), Uint8Array.of(0, 1, 1)],
  ];
  const tensors = new Map<string, TensorToWrite>(
    samples.map(([dtype, array]) => [dtype, { dtype, shape: [3, 1], pieces: () => [bytesOf(array)] }]),
  );
  tensors.set("none", { dtype: "F32", shape: [0, 4], pieces: () => [] });
  await writeFileAtomic(path, encodeTorchFile(tensors));
  const expected = new Map<string, StoredTensor>(
    samples.map(([dtype, , data]) => [dtype, { dtype, shape: [3, 1], data }]),
  );
  expected.set("none", { dtype: "F32", shape: [0, 4], data: new Float32Array() });
  expect(await readAll(path)).toEqual(expected);
});

test("equal weights give equal files, with all numbers at multiples of 64 bytes", async () => {
  const tensors = new Map<string, TensorToWrite>(
    ["a", "longer name"].map((name) => [name, { dtype: "F32", shape: [12], pieces: () => [upToTwelve] }]),
  );
  await writeFileAtomic(path, encodeTorchFile(tensors));
  const first = readFileSync(path);
  await writeFileAtomic(path, encodeTorchFile(tensors));
  expect(readFileSync(path).equals(first)).toBe(true);
  const starts = [first.indexOf(upToTwelve), first.lastIndexOf(upToTwelve)];
  expect(starts[1]).toBeGreaterThan(starts[0]);
  expect(starts.map((start) => start % 64)).toEqual([0, 0]);
});

test("files that are not whole, or claim more than they have", async () => {
  const one = integer(1);
  const four = { shape: [integer(4)], strides: [one] };
  const numbers = bytesOf(Float32Array.of(1, 2, 3, 4));
  const problems: string[] = [];
  const attempt = async (dataPickle: Uint8Array, storages: Record<string, Uint8Array>) => {
    problems.push(await problemOf(await writeArchive(path, dataPickle, storages)));
  };
  await attempt(tensorPickle(four), { "0": numbers });
  await attempt(tensorPickle(four), { "1": numbers });
  await attempt(tensorPickle(four), { "0": numbers.subarray(0, 12) });
  await attempt(tensorPickle({ ...four, key: "../data.pkl" }), { "0": numbers });
  const huge = pickle(0x8a, 8, int64(2n ** 44n));
  await attempt(tensorPickle({ shape: [huge], strides: [one], elements: huge }), { "0": numbers });
  await attempt(pickle(0x80, 2, "}", text("epoch"), "K", 3, "s."), {});
  await attempt(pickle(0x80, 2, "}."), {});
  await attempt(pickle(0x80, 2, "cos\nsystem\n", text("ls"), 0x85, "R."), {});
  for (const [name, files] of Object.entries({
    compressed: zipSync({ "a/data.pkl": new Uint8Array(500) }, { level: 6 }),
    none: zipSync({ "a/code.py": numbers }, { level: 0 }),
    two: zipSync({ "a/data.pkl": numbers, "b/data.pkl": numbers }, { level: 0 }),
    big: zipSync({ "a/data.pkl": tensorPickle(four), "a/byteorder": Buffer.from("big") }, { level: 0 }),
    empty: new Uint8Array(),
    text: Buffer.from("<html>"),
  })) {
    writeFileSync(path, files);
    problems.push(`${name}: ${await problemOf(path)}`);
  }
  expect(problems).toMatchInlineSnapshot(`
    [
      "read w",
      "torch/damaged: <file> is not a whole .pt file: the numbers of "w" are not in it",
      "torch/damaged: <file> is not a whole .pt file: "w" needs 16 bytes of F32, its member has 12",
      "torch/damaged: <file> is not a whole .pt file: the numbers of "w" are not in it",
      "torch/damaged: <file> is not a whole .pt file: "w" needs 70368744177664 bytes of F32, its member has 16",
      "torch/no-weights: no state dict is in <file>: its dict holds "epoch"",
      "torch/no-weights: no state dict is in <file>: its dict is empty",
      "torch/refused: <file> asks for "os.system", which no weights need; nothing of it was run",
      "compressed: torch/method: <file> cannot be read: its member a/data.pkl is compressed",
      "none: torch/no-weights: <file> is no .pt file: it has 0 members data.pkl",
      "two: torch/no-weights: <file> is no .pt file: it has 2 members data.pkl",
      "big: torch/byte-order: <file> has the byte order "big", only little can be read",
      "empty: torch/damaged: <file> is not a whole .pt file: it is empty",
      "text: torch/damaged: <file> is not a whole .pt file: no directory of a ZIP archive is at its end",
    ]
  `);
});

test("a changed bit of the numbers or of the pickle is noticed by its checksum", async () => {
  await writeArchive(path, tensorPickle({ shape: [integer(4)], strides: [integer(1)] }), {
    "0": bytesOf(Float32Array.of(1, 2, 3, 4)),
  });
  const whole = readFileSync(path);
  const numbersAt = whole.indexOf(bytesOf(Float32Array.of(1, 2, 3, 4)));
  for (const at of [numbersAt + 5, whole.indexOf("_rebuild")]) {
    const changed = Buffer.from(whole);
    changed[at] ^= 1;
    writeFileSync(path, changed);
    expect(await problemOf(path)).toMatch(/^torch\/damaged: .* is damaged: the checksum of .* is wrong$/);
  }
});

test("many views of one storage may not make a large file of a small one", async () => {
  const view = tensorPickle({ shape: [integer(1000)], strides: [integer(1)], elements: integer(1000) });
  // The same call again under other names: the parts between the braces of the dict.
  const entry = view.subarray(3, -1);
  const entries = Array.from({ length: 100 }, (_, i) =>
    Buffer.concat([text(`w${i}`), entry.subarray(text("w").length)]),
  );
  await writeArchive(path, pickle(0x80, 2, "}", ...entries, "."), { "0": new Uint8Array(4000) });
  expect(await problemOf(path)).toMatch(/^torch\/too-large: the tensors of <file> would take 400000 bytes/);
});
