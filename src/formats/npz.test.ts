import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { zipSync } from "fflate";
import { afterAll, beforeAll, expect, test } from "vitest";
import { findGolden } from "../base/data-folder.ts";
import { ToolError } from "../base/errors.ts";
import { encodeNpy, type NpyArray } from "./npy.ts";
import { encodeNpz, readNpz } from "./npz.ts";

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-npz-"));
  path = join(folder, "x.npz");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function sample(): Map<string, NpyArray> {
  const tokens = Uint8Array.from({ length: 1_500_000 }, (_, i) => (i * i) % 12);
  return new Map<string, NpyArray>([
    ["preds", { dtype: "uint8", shape: [1500, 1000], data: tokens }],
    ["q_halt_logits", { dtype: "float32", shape: [2], data: Float32Array.of(-1.5, NaN) }],
    ["index", { dtype: "int64", shape: [1], data: BigInt64Array.of(-7n) }],
    ["none", { dtype: "int32", shape: [0, 900], data: new Int32Array() }],
    ["single", { dtype: "bool", shape: [], data: Uint8Array.of(1) }],
  ]);
}

async function problemOf(bytes: Uint8Array, limitBytes?: number): Promise<string> {
  writeFileSync(path, bytes);
  try {
    await readNpz(path, limitBytes);
    return "no error";
  } catch (error) {
    if (error instanceof ToolError) return `${error.code}: ${error.message}`.replaceAll(path, "x.npz");
    throw error;
  }
}

function joined(array: NpyArray): Uint8Array {
  return Buffer.concat(encodeNpy(array));
}

test("what was written is read back, in order, and smaller", async () => {
  const bytes = encodeNpz(sample());
  writeFileSync(path, bytes);
  const read = await readNpz(path);
  expect([...read.keys()]).toEqual([...sample().keys()]);
  for (const [name, { dtype, shape, data }] of sample()) {
    expect([read.get(name)?.dtype, read.get(name)?.shape]).toEqual([dtype, shape]);
    // By bytes: comparing millions of elements one by one takes the test runner seconds.
    const { buffer, byteOffset, byteLength } = read.get(name)?.data ?? new Uint8Array();
    expect(Buffer.from(buffer, byteOffset, byteLength).equals(Buffer.from(data.buffer)), name).toBe(true);
  }
  expect(bytes.length).toBeLessThan(300_000);
});

test("equal arrays give equal bytes, at any time", () => {
  const small = new Map([...sample()].slice(1));
  expect(Buffer.from(encodeNpz(small)).toString("hex")).toBe(Buffer.from(encodeNpz(small)).toString("hex"));
  // The date of the first member: 1 January 1980, 0:00, as NumPy writes it.
  expect([...encodeNpz(small).subarray(10, 14)]).toEqual([0, 0, 0x21, 0]);
});

test("stored members are read, members that are no arrays passed over", async () => {
  const array: NpyArray = { dtype: "uint8", shape: [2], data: Uint8Array.of(3, 4) };
  const files = { "a.npy": joined(array), "readme.txt": Buffer.from("no array") };
  writeFileSync(path, zipSync(files, { level: 0, comment: "at the end" }));
  expect(await readNpz(path)).toEqual(new Map([["a", array]]));
});

test("sizes larger than 32 bits are found in the ZIP64 fields", async () => {
  // A member as Python writes it when sizes are unknown beforehand: its directory entry made ZIP64 by hand.
  const array: NpyArray = { dtype: "uint8", shape: [5], data: Uint8Array.of(1, 2, 3, 4, 5) };
  const plain = Buffer.from(zipSync({ "a.npy": [joined(array), { level: 0 }] }));
  const end = plain.length - 22;
  const start = plain.readUInt32LE(end + 16);
  const entry = Buffer.from(plain.subarray(start, end));
  const extra = Buffer.alloc(20);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(16, 2);
  extra.writeBigUInt64LE(BigInt(entry.readUInt32LE(24)), 4);
  extra.writeBigUInt64LE(BigInt(entry.readUInt32LE(20)), 12);
  entry.writeUInt32LE(0xffffffff, 20);
  entry.writeUInt32LE(0xffffffff, 24);
  entry.writeUInt16LE(extra.length, 30);
  const end64 = Buffer.alloc(56 + 20);
  end64.writeUInt32LE(0x06064b50, 0);
  end64.writeBigUInt64LE(1n, 32);
  end64.writeBigUInt64LE(BigInt(entry.length + extra.length), 40);
  end64.writeBigUInt64LE(BigInt(start), 48);
  end64.writeUInt32LE(0x07064b50, 56);
  end64.writeBigUInt64LE(BigInt(start + entry.length + extra.length), 64);
  const last = Buffer.from(plain.subarray(end)).fill(0xff, 8, 20);
  const wide = Buffer.concat([plain.subarray(0, start), entry, extra, end64, last]);
  writeFileSync(path, wide);
  expect(await readNpz(path)).toEqual(new Map([["a", array]]));
});

test("damaged and dishonest archives are told", async () => {
  const array: NpyArray = { dtype: "uint8", shape: [5000], data: new Uint8Array(5000).fill(7) };
  const good = Buffer.from(zipSync({ "a.npy": joined(array) }));
  const stored = Buffer.from(zipSync({ "a.npy": [joined(array), { level: 0 }] }));
  const directory = good.readUInt32LE(good.length - 6);
  const edited = (source: Buffer, edit: (bytes: Buffer) => void) => {
    const bytes = Buffer.from(source);
    edit(bytes);
    return bytes;
  };
  const objects = Buffer.from(joined(array));
  objects.write("{'descr': '|O', ", 10);
  const cases: Record<string, Uint8Array> = {
    "empty file": Buffer.alloc(0),
    "no archive": Buffer.from("\x93NUMPY is an array, no archive of arrays"),
    "end cut off": good.subarray(0, good.length - 5),
    "directory outside": edited(good, (bytes) => bytes.writeUInt32LE(2 ** 30, bytes.length - 6)),
    "directory too short": edited(good, (bytes) => bytes.writeUInt16LE(9, bytes.length - 12)),
    encrypted: edited(good, (bytes) => bytes.writeUInt16LE(1, directory + 8)),
    "unknown method": edited(good, (bytes) => bytes.writeUInt16LE(14, directory + 10)),
    "larger than claimed": edited(good, (bytes) => bytes.writeUInt32LE(4000, directory + 24)),
    "smaller than claimed": edited(good, (bytes) => bytes.writeUInt32LE(6000, directory + 24)),
    "claims 3 GiB": edited(good, (bytes) => bytes.writeUInt32LE(3 * 2 ** 30, directory + 24)),
    "broken stream": edited(good, (bytes) => bytes.fill(0xff, 40, 60)),
    "stream cut off": edited(good, (bytes) => bytes.writeUInt32LE(20, directory + 20)),
    "data outside": edited(good, (bytes) => bytes.writeUInt32LE(good.length - 10, directory + 42)),
    "wrong place": edited(good, (bytes) => bytes.writeUInt32LE(4, directory + 42)),
    "changed byte": edited(stored, (bytes) => bytes.fill(8, 1000, 1001)),
    objects: zipSync({ "a.npy": objects }),
    "half a header": zipSync({ "a.npy": joined(array).subarray(0, 11) }),
  };
  const told: string[] = [];
  for (const [name, bytes] of Object.entries(cases)) told.push(`${name}: ${await problemOf(bytes)}`);
  expect(`\n${told.join("\n")}\n`).toMatchInlineSnapshot(`
    "
    empty file: npz/damaged: x.npz is not a whole .npz file: it is empty
    no archive: npz/damaged: x.npz is not a whole .npz file: no directory of a ZIP archive is at its end
    end cut off: npz/damaged: x.npz is not a whole .npz file: no directory of a ZIP archive is at its end
    directory outside: npz/damaged: x.npz is not a whole .npz file: a directory of 51 bytes at 1073741824 is not inside its 212 bytes
    directory too short: npz/damaged: x.npz is not a whole .npz file: its directory breaks off after 1 of 9 members
    encrypted: npz/method: x.npz cannot be read: its member a.npy is encrypted
    unknown method: npz/method: x.npz cannot be read: its member a.npy is compressed by method 14
    larger than claimed: npz/damaged: x.npz is not a whole .npz file: its member a.npy is larger than the 4000 bytes it claims
    smaller than claimed: npy/size: x.npz: a.npy is not a whole .npy file: uint8 [5000] needs 5000 bytes of data, 5872 are there
    claims 3 GiB: npy/size: x.npz: a.npy is not a whole .npy file: uint8 [5000] needs 5000 bytes of data, 3221225344 are there
    broken stream: npz/damaged: x.npz is not a whole .npz file: its member a.npy cannot be inflated
    stream cut off: npz/damaged: x.npz is not a whole .npz file: its member a.npy cannot be inflated
    data outside: npz/damaged: x.npz is not a whole .npz file: its member a.npy is not where the directory says
    wrong place: npz/damaged: x.npz is not a whole .npz file: its member a.npy is not where the directory says
    changed byte: npz/damaged: x.npz is not a whole .npz file: the checksum of its member a.npy is wrong
    objects: npy/dtype: x.npz: a.npy holds Python objects, which are never unpickled: reading them could run any program
    half a header: npy/truncated: x.npz: a.npy is not a whole .npy file: it ends inside the header
    "
  `);
});

test("arrays beyond the limit are refused before they are inflated", async () => {
  const bytes = encodeNpz(new Map([["a", { dtype: "uint8", shape: [1000], data: new Uint8Array(1000) }]]));
  expect(await problemOf(bytes, 1127)).toMatchInlineSnapshot(
    `"npz/too-large: x.npz would take 1128 bytes of memory, the limit is 1127"`,
  );
  expect(await problemOf(bytes, 1128)).toBe("no error");
});

const golden = findGolden("arc/voting-arc1-aug4/predictions.npz");

test.skipIf(!golden)("an archive of np.savez_compressed is read", async () => {
  const arrays = await readNpz(golden ?? "");
  const described = [...arrays].map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape.join(", ")}]`);
  expect(described).toEqual([
    "puzzle_identifiers int32 [2095]",
    "inputs uint8 [2095, 900]",
    "preds uint8 [2095, 900]",
    "q_halt_logits float32 [2095]",
  ]);
});
