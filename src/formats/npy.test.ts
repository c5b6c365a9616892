import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import { encodeNpy, encodeNpyBlocks, int32Values, type NpyArray, openNpy, parseNpy, readNpy } from "./npy.ts";

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-npy-"));
  path = join(folder, "x.npy");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const samples: NpyArray[] = [
  { dtype: "uint8", shape: [2, 3], data: Uint8Array.of(0, 1, 2, 3, 4, 255) },
  { dtype: "bool", shape: [3], data: Uint8Array.of(1, 0, 1) },
  { dtype: "int32", shape: [], data: Int32Array.of(-100) },
  { dtype: "int64", shape: [2, 1, 1], data: BigInt64Array.of(-1n, 2n ** 62n) },
  { dtype: "float32", shape: [0, 4], data: new Float32Array() },
  { dtype: "float64", shape: [2], data: Float64Array.of(Math.PI, NaN) },
];

function bytesOf(array: NpyArray): Buffer {
  return Buffer.concat(encodeNpy(array));
}

/** A file of version 1.0 with this header text and `dataBytes` bytes of data. */
function fileOf(header: string, dataBytes = 0): Buffer {
  const start = Buffer.from("\x93NUMPY\x01\x00\x00\x00", "latin1");
  start.writeUInt16LE(header.length, 8);
  return Buffer.concat([start, Buffer.from(header, "latin1"), Buffer.alloc(dataBytes)]);
}

/** What parsing and opening say, which must be the same; anything but a ToolError fails the test. */
function problemOf(bytes: Uint8Array): string {
  const told = (read: () => unknown) => {
    try {
      read();
      return "no error";
    } catch (error) {
      if (error instanceof ToolError) return `${error.code}: ${error.message}`.replaceAll(path, "x.npy");
      throw error;
    }
  };
  writeFileSync(path, bytes);
  const opened = told(() => openNpy(path).close());
  expect(told(() => parseNpy(bytes, "x.npy"))).toBe(opened);
  return opened;
}

test("arrays of every type are read back, from bytes at any alignment and from a file", () => {
  for (const array of samples) {
    const bytes = bytesOf(array);
    expect(parseNpy(Buffer.concat([Buffer.alloc(3), bytes]).subarray(3), "x")).toEqual(array);
    writeFileSync(path, bytes);
    expect(readNpy(path)).toEqual(array);
  }
});

test("the bytes are those of np.save", () => {
  // np.save(f, np.array([[1, 2, 3]], dtype=np.int32)) and np.save(f, np.uint8(7)) of NumPy 2.4.
  const plane = bytesOf({ dtype: "int32", shape: [1, 3], data: Int32Array.of(1, 2, 3) });
  const text = "{'descr': '<i4', 'fortran_order': False, 'shape': (1, 3), }";
  expect(plane.toString("latin1")).toBe(
    `\x93NUMPY\x01\x00\x76\x00${text.padEnd(117)}\n\x01\0\0\0\x02\0\0\0\x03\0\0\0`,
  );
  const value = bytesOf({ dtype: "uint8", shape: [], data: Uint8Array.of(7) });
  const short = "{'descr': '|u1', 'fortran_order': False, 'shape': (), }";
  expect(value.toString("latin1")).toBe(`\x93NUMPY\x01\x00\x76\x00${short.padEnd(117)}\n\x07`);
});

test("the data begins at a multiple of 64 bytes, whatever the shape", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 10 ** 12 }), { maxLength: 8 });
  fc.assert(
    fc.property(sizes, (shape) => {
      const [header] = encodeNpyBlocks("uint8", shape, []);
      expect(header.length % 64).toBe(0);
      expect(header.at(-1)).toBe(0x0a);
    }),
  );
});

test("versions 2 and 3, other key orders and spacings are read", () => {
  const header = "{ 'shape':(2,) , 'fortran_order':False,'descr':'|u1'}\n";
  for (const version of [2, 3]) {
    const start = Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\x00\x00\x00\x00\x00`, "latin1");
    start.writeUInt32LE(header.length, 8);
    const bytes = Buffer.concat([start, Buffer.from(header), Buffer.of(8, 9)]);
    expect(parseNpy(bytes, "x")).toEqual({ dtype: "uint8", shape: [2], data: Uint8Array.of(8, 9) });
  }
});

test("rows are read where they are", () => {
  const data = Int32Array.from({ length: 60 }, (_, i) => i);
  writeFileSync(path, bytesOf({ dtype: "int32", shape: [10, 2, 3], data }));
  const file = openNpy(path);
  expect([file.dtype, file.shape, file.rows, file.rowSize]).toEqual(["int32", [10, 2, 3], 10, 6]);
  expect(file.readRows(3, 2)).toEqual({ dtype: "int32", shape: [2, 2, 3], data: data.slice(18, 30) });
  expect(file.readRows(10, 0).data.length).toBe(0);
  expect(() => file.readRows(9, 2)).toThrow("rows 9 to 11 of 10");
  truncateSync(path, 200);
  expect(() => file.readRows(8, 2)).toThrow("became shorter");
  file.close();
});

test("blocks make the same file as the whole array; a wrong number of values is noticed", () => {
  const data = Float32Array.from({ length: 12 }, (_, i) => i / 8);
  const blocks = [data.subarray(0, 5), data.subarray(5, 5), data.subarray(5)];
  const whole = bytesOf({ dtype: "float32", shape: [4, 3], data });
  expect(Buffer.concat([...encodeNpyBlocks("float32", [4, 3], blocks)]).equals(whole)).toBe(true);
  expect(() => [...encodeNpyBlocks("float32", [4, 4], blocks)]).toThrow("12 values for shape [4, 4]");
  expect(() => [...encodeNpyBlocks("float32", [3, 3], blocks)]).toThrow("more than the 9 values");
  expect(() => encodeNpy({ dtype: "float32", shape: [5], data })).toThrow("12 values for shape [5]");
});

test("what cannot be read is told, before anything large is allocated", () => {
  const dict = (descr: string, order: string, shape: string) =>
    `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`;
  const cases: Record<string, Uint8Array> = {
    "empty file": Buffer.alloc(0),
    "other file": Buffer.from("PK\x03\x04 is a zip"),
    "ends in the prefix": fileOf("").subarray(0, 9),
    "ends in the header": fileOf(dict("'|u1'", "False", "(1,)")).subarray(0, 40),
    "version 9": Buffer.from("\x93NUMPY\x09\x00\x00\x00\x00\x00\x00\x00", "latin1"),
    "huge header": Buffer.from("\x93NUMPY\x02\x00\xff\xff\xff\xff", "latin1"),
    "not a dict": fileOf("import os           \n"),
    "text around": fileOf(`{'descr': '|u1', 'fortran_order': False, 'shape': (1,)} + f()\n`),
    "key missing": fileOf("{'descr': '|u1', 'shape': (1,)}\n"),
    "key twice": fileOf("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': ()}\n"),
    "Fortran order": fileOf(dict("'<i4'", "True", "(2, 2)"), 16),
    "big endian": fileOf(dict("'>i4'", "False", "(2,)"), 8),
    objects: fileOf(dict("'|O'", "False", "(2,)"), 8),
    structured: fileOf(dict("[('a', '<i4'), ('b', '<f8')]", "False", "(2,)"), 24),
    "half precision": fileOf(dict("'<f2'", "False", "(2,)"), 4),
    "a number as shape": fileOf(dict("'|u1'", "False", "(4)"), 4),
    "negative shape": fileOf(dict("'|u1'", "False", "(-4,)"), 4),
    "shape beyond all files": fileOf(dict("'<i8'", "False", "(9007199254740991, 2)")),
    "shape beyond the file": fileOf(dict("'<f8'", "False", "(1000000000, 900)"), 64),
    "bytes left over": fileOf(dict("'|u1'", "False", "(4,)"), 5),
  };
  const told = Object.entries(cases).map(([name, bytes]) => `${name}: ${problemOf(bytes)}`);
  expect(`\n${told.join("\n")}\n`).toMatchInlineSnapshot(`
    "
    empty file: npy/not-npy: x.npy is not a .npy file: it does not begin with \\x93NUMPY
    other file: npy/not-npy: x.npy is not a .npy file: it does not begin with \\x93NUMPY
    ends in the prefix: npy/truncated: x.npy is not a whole .npy file: it ends inside the header
    ends in the header: npy/truncated: x.npy is not a whole .npy file: it ends inside the header
    version 9: npy/header: x.npy is not a whole .npy file: version 9.0 is not known
    huge header: npy/header: x.npy is not a whole .npy file: its header would be 4294967295 bytes long, which cannot be
    not a dict: npy/header: x.npy is not a whole .npy file: its header is not a Python dict
    text around: npy/header: x.npy is not a whole .npy file: its header is not a Python dict
    key missing: npy/header: x.npy is not a whole .npy file: its header has the keys descr, shape, not descr, fortran_order, shape
    key twice: npy/header: x.npy is not a whole .npy file: its header cannot be read: {'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': ()}
    Fortran order: npy/order: x.npy is in Fortran order (columns first)
    big endian: npy/dtype: x.npy holds big-endian values ('>i4')
    objects: npy/dtype: x.npy holds Python objects, which are never unpickled: reading them could run any program
    structured: npy/dtype: x.npy holds values of the type '[('a', '<i4'), ('b', '<f8')]'
    half precision: npy/dtype: x.npy holds values of the type '<f2'
    a number as shape: npy/header: x.npy is not a whole .npy file: its shape (4) is not a tuple of sizes
    negative shape: npy/header: x.npy is not a whole .npy file: its shape (-4,) is not a tuple of sizes
    shape beyond all files: npy/header: x.npy is not a whole .npy file: no file can hold the shape (9007199254740991, 2)
    shape beyond the file: npy/truncated: x.npy is not a whole .npy file: float64 [1000000000, 900] needs 7200000000000 bytes of data, 64 are there
    bytes left over: npy/size: x.npy is not a whole .npy file: uint8 [4] needs 4 bytes of data, 5 are there
    "
  `);
});

test("a file cut anywhere is an error, never another array", () => {
  const bytes = bytesOf(samples[0]);
  for (let length = 0; length < bytes.length; length++)
    expect(problemOf(bytes.subarray(0, length))).toMatch(/^npy\/(truncated|not-npy)/);
});

test("integers of any width become int32, others are refused", () => {
  expect(int32Values(samples[0], "x")).toEqual(Int32Array.of(0, 1, 2, 3, 4, 255));
  const values = [-100, 0, 2 ** 31 - 1, -(2 ** 31)];
  const wide: NpyArray = { dtype: "int64", shape: [4], data: BigInt64Array.from(values.map(BigInt)) };
  expect([...int32Values(wide, "x")]).toEqual(values);
  for (const value of [2n ** 31n, -(2n ** 31n) - 1n, 2n ** 32n]) {
    const array: NpyArray = { dtype: "int64", shape: [1], data: BigInt64Array.of(value) };
    expect(() => int32Values(array, "labels.npy")).toThrow(`labels.npy holds ${value}, which is too large`);
  }
  expect(() => int32Values(samples[5], "labels.npy")).toThrow(
    "labels.npy holds float64 values, not integers",
  );
});

test("a missing file is told", () => {
  expect(() => openNpy(join(folder, "none.npy"))).toThrow("no such file or folder");
  expect(readFileSync(path).length).toBeGreaterThan(0);
});
