// The header of a .npy file: magic, version, and a Python dict literal with element type, memory order and shape. Read
// strictly (NumPy's lib/format.py is the source of the layout) and written byte for byte as np.save does; anything that
// is not a plain C-order array of the element types below is a ToolError before a byte of data is touched.

import { ToolError } from "../base/errors.ts";

export const npyElementBytes = { uint8: 1, bool: 1, int32: 4, int64: 8, float32: 4, float64: 8 } as const;

export type NpyDtype = keyof typeof npyElementBytes;

export interface NpyHeader {
  dtype: NpyDtype;
  shape: number[];
  /** Where the data begins in the file. */
  dataStart: number;
  /** Bytes of the data. */
  dataBytes: number;
}

/** Enough bytes to know the length of any header. */
export const npyPrefixBytes = 12;

const magic = "\x93NUMPY";
/** np.load refuses longer ones too, unless told otherwise. */
const maximumHeaderBytes = 10_000;
/** np.save leaves room for this many digits of the first axis, so that an array can grow in place. */
const growthDigits = 21;
const alignment = 64;

const descriptions: Record<NpyDtype, string> = {
  ...{ uint8: "|u1", bool: "|b1", int32: "<i4", int64: "<i8", float32: "<f4", float64: "<f8" },
};

/** Length of everything before the data, from the first `npyPrefixBytes` bytes (fewer where the file is shorter). */
export function npyHeaderLength(prefix: Uint8Array, name: string): number {
  const start = latin1(prefix.subarray(0, magic.length));
  if (start !== magic) {
    throw new ToolError(`${name} is not a .npy file: it does not begin with \\x93NUMPY`, {
      code: "npy/not-npy",
      hint: "write it with np.save",
    });
  }
  if (prefix.length < npyPrefixBytes) throw damaged(name, "truncated", "it ends inside the header");
  const view = new DataView(prefix.buffer, prefix.byteOffset);
  const major = prefix[6];
  if (major < 1 || major > 3) throw damaged(name, "header", `version ${major}.${prefix[7]} is not known`);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > maximumHeaderBytes)
    throw damaged(name, "header", `its header would be ${length} bytes long, which cannot be`);
  return (major === 1 ? 10 : 12) + length;
}

/** Reads a whole header; `bytes` may go on with data. */
export function parseNpyHeader(bytes: Uint8Array, name: string): NpyHeader {
  const dataStart = npyHeaderLength(bytes.subarray(0, npyPrefixBytes), name);
  if (bytes.length < dataStart) throw damaged(name, "truncated", "it ends inside the header");
  const text = latin1(bytes.subarray(bytes[6] === 1 ? 10 : 12, dataStart));
  const fields = parseDict(text, name);
  const dtype = parseDescription(fields.descr, name);
  if (fields.fortran_order === "True") {
    throw new ToolError(`${name} is in Fortran order (columns first)`, {
      code: "npy/order",
      hint: "write it with np.save(path, np.ascontiguousarray(array))",
    });
  }
  if (fields.fortran_order !== "False")
    throw damaged(name, "header", `fortran_order is ${fields.fortran_order}`);
  const shape = parseShape(fields.shape, name);
  const dataBytes = shape.reduce((product, size) => product * size, Number(npyElementBytes[dtype]));
  if (!Number.isSafeInteger(dataBytes))
    throw damaged(name, "header", `no file can hold the shape ${fields.shape}`);
  return { dtype, shape, dataStart, dataBytes };
}

/** The bytes that np.save writes before the data. */
export function formatNpyHeader(dtype: NpyDtype, shape: readonly number[]): Uint8Array<ArrayBuffer> {
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dict = `{'descr': '${descriptions[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const spare = shape.length === 0 ? "" : " ".repeat(growthDigits - String(shape[0]).length);
  const used = magic.length + 4 + dict.length + spare.length + 1;
  // At least one byte of padding, even where the length fits: as NumPy.
  const text = `${dict}${spare}${" ".repeat(alignment - (used % alignment))}\n`;
  const bytes = Buffer.from(`${magic}\x01\x00\x00\x00${text}`, "latin1");
  bytes.writeUInt16LE(text.length, 8);
  return Uint8Array.from(bytes);
}

/** Shape that the header promises against the bytes that are there. */
export function checkNpySize(header: NpyHeader, totalBytes: number, name: string): void {
  const { dtype, shape, dataStart, dataBytes } = header;
  const present = totalBytes - dataStart;
  if (present === dataBytes) return;
  const what = `${dtype} [${shape.join(", ")}] needs ${dataBytes} bytes of data, ${present} are there`;
  throw damaged(name, present < dataBytes ? "truncated" : "size", what);
}

/** The entries of a Python dict literal as unread text. */
function parseDict(text: string, name: string): Record<"descr" | "fortran_order" | "shape", string> {
  const body = /^\{(?<body>.*)\}\s*$/s.exec(text)?.groups?.body;
  if (body === undefined) throw damaged(name, "header", "its header is not a Python dict");
  const fields = new Map<string, string>();
  const entry =
    /\s*'(?<key>\w+)'\s*:\s*(?<value>'[^']*'|True|False|\([\d\s,L]*\)|\[.*\]|\(.*\))\s*(?:,\s*|$)/sy;
  while (entry.lastIndex < body.length) {
    const groups = entry.exec(body)?.groups;
    if (!groups || fields.has(groups.key)) {
      throw damaged(name, "header", `its header cannot be read: ${text.trim().slice(0, 120)}`);
    }
    fields.set(groups.key, groups.value);
  }
  const [descr, order, shape] = ["descr", "fortran_order", "shape"].map((key) => fields.get(key));
  if (descr === undefined || order === undefined || shape === undefined || fields.size !== 3) {
    const keys = [...fields.keys()].join(", ");
    throw damaged(name, "header", `its header has the keys ${keys}, not descr, fortran_order, shape`);
  }
  return { descr, fortran_order: order, shape };
}

function parseDescription(text: string, name: string): NpyDtype {
  const description = text.startsWith("'") ? text.slice(1, -1) : text;
  for (const [dtype, known] of Object.entries(descriptions))
    if (known === description && isDtype(dtype)) return dtype;
  const readable = Object.keys(descriptions).join(", ");
  const [what, hint] = explainDescription(description);
  throw new ToolError(`${name} holds ${what}`, {
    code: "npy/dtype",
    hint: `${hint}; readable are ${readable}`,
  });
}

function explainDescription(description: string): [what: string, hint: string] {
  const object = "Python objects, which are never unpickled: reading them could run any program";
  if (description.includes("O")) return [object, "write an array of numbers"];
  const big = `big-endian values ('${description}')`;
  if (description.startsWith(">"))
    return [big, `write it with np.save(path, array.astype("<${description.slice(1)}"))`];
  return [`values of the type '${description.slice(0, 60)}'`, "convert it with array.astype(…)"];
}

function parseShape(text: string, name: string): number[] {
  const match = /^\((?<sizes>\d+(?:, ?\d+)*,?)?\)$/.exec(text);
  const single = match?.groups?.sizes && !match.groups.sizes.includes(",");
  if (!match || single)
    throw damaged(name, "header", `its shape ${text.slice(0, 120)} is not a tuple of sizes`);
  const sizes = match.groups?.sizes?.split(",").filter((size) => size !== "") ?? [];
  const shape = sizes.map(Number);
  if (!shape.every(Number.isSafeInteger)) throw damaged(name, "header", `its shape ${text} is out of range`);
  return shape;
}

function isDtype(text: string): text is NpyDtype {
  return Object.hasOwn(npyElementBytes, text);
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
}

function damaged(name: string, kind: "truncated" | "header" | "size", what: string) {
  return new ToolError(`${name} is not a whole .npy file: ${what}`, {
    code: `npy/${kind}`,
    hint: "copy or make the file again",
  });
}
