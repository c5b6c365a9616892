// The header of a safetensors file, checked completely: everything that is not exactly a legal file is a ToolError
// naming the file and what is wrong, so that no later read can go out of range.

import { ToolError } from "../base/errors.ts";

export const elementBytes = { F64: 8, I64: 8, F32: 4, I32: 4, F16: 2, BF16: 2, U8: 1, BOOL: 1 } as const;

export type SafetensorsDtype = keyof typeof elementBytes;

/** `begin` and `end` count bytes from the end of the header. */
export interface HeaderEntry {
  dtype: SafetensorsDtype;
  shape: readonly number[];
  begin: number;
  end: number;
}

export interface Header {
  metadata: Record<string, string>;
  entries: Map<string, HeaderEntry>;
  dataStart: number;
}

/** The limit of the reference implementation. */
const maximumHeaderBytes = 100_000_000;

/** Reads the header through `readRange`, which is only asked for bytes inside the file. */
export async function parseHeader(
  path: string,
  fileBytes: number,
  readRange: (offset: number, length: number) => Promise<Uint8Array>,
): Promise<Header> {
  if (fileBytes < 8)
    throw damaged(path, "truncated", `the file ends inside the header length: ${fileBytes} bytes`);
  const lengthField = await readRange(0, 8);
  const headerBytes = Number(new DataView(lengthField.buffer, lengthField.byteOffset).getBigUint64(0, true));
  if (headerBytes > maximumHeaderBytes)
    throw damaged(path, "header", `its header would be ${headerBytes} bytes long, which cannot be`);
  if (8 + headerBytes > fileBytes)
    throw damaged(path, "truncated", `its header needs ${8 + headerBytes} bytes, the file has ${fileBytes}`);
  const json = parseJson(path, await readRange(8, headerBytes));
  const metadata = parseMetadata(path, json.__metadata__);
  const entries = new Map<string, HeaderEntry>();
  for (const [name, value] of Object.entries(json))
    if (name !== "__metadata__") entries.set(name, parseEntry(path, name, value));
  checkCoverage(path, entries, fileBytes - 8 - headerBytes);
  return { metadata, entries, dataStart: 8 + headerBytes };
}

function parseJson(path: string, bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  let twice: string | undefined;
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
    twice = findDuplicateKey(text);
  } catch (cause) {
    throw damaged(path, "header", "its header is not valid JSON", cause);
  }
  if (!isObject(value)) throw damaged(path, "header", "its header is not a JSON object");
  if (twice !== undefined)
    throw damaged(path, "header", `its header has the key ${JSON.stringify(twice)} twice`);
  return value;
}

/** Walks through valid JSON, which JSON.parse would read keeping the last of equal keys without a word. */
function findDuplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?|[{}]/g;
  for (const [token, colon] of json.matchAll(tokens)) {
    if (token === "{") open.push(new Set());
    else if (token === "}") open.pop();
    else if (colon !== undefined) {
      const key: unknown = JSON.parse(token.slice(0, -colon.length));
      const keys = open.at(-1);
      if (typeof key !== "string" || keys?.has(key)) return String(key);
      keys?.add(key);
    }
  }
  return undefined;
}

function parseMetadata(path: string, value: unknown): Record<string, string> {
  if (value === undefined) return {};
  if (!isObject(value)) throw damaged(path, "header", "__metadata__ is not a JSON object");
  const metadata: Record<string, string> = {};
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw damaged(path, "header", `__metadata__.${key} is not a text`);
    metadata[key] = text;
  }
  return metadata;
}

function parseEntry(path: string, name: string, value: unknown): HeaderEntry {
  const fail = (what: string) => damaged(path, "tensor", `tensor ${JSON.stringify(name)}: ${what}`);
  if (!isObject(value)) throw fail("its entry is not a JSON object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) {
    const message = `${path}: tensor ${JSON.stringify(name)} has the dtype ${JSON.stringify(dtype)}`;
    const hint = `only ${Object.keys(elementBytes).join(", ")} can be read`;
    throw new ToolError(message, { code: "safetensors/dtype", hint });
  }
  if (!isSizeList(shape)) throw fail(`shape ${JSON.stringify(shape)} is not a list of sizes`);
  if (!isSizeList(offsets) || offsets.length !== 2 || offsets[0] > offsets[1])
    throw fail(`data_offsets ${JSON.stringify(offsets)} is not a begin and an end`);
  const [begin, end] = offsets;
  const sizeBytes = shape.reduce((product, size) => product * size, Number(elementBytes[dtype]));
  if (sizeBytes !== end - begin)
    throw fail(`${dtype} [${shape.join(", ")}] needs ${sizeBytes} bytes, data_offsets give ${end - begin}`);
  return { dtype, shape, begin, end };
}

/** The tensors must cover the data exactly: no overlap, no hole, nothing behind the end. */
function checkCoverage(path: string, entries: ReadonlyMap<string, HeaderEntry>, dataBytes: number) {
  let covered = 0;
  const inFile = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, { begin, end }] of inFile) {
    const fail = (what: string) => damaged(path, "offsets", `tensor ${JSON.stringify(name)} ${what}`);
    if (end > dataBytes) {
      const message = `tensor ${JSON.stringify(name)} ends at byte ${end} of the data, which has ${dataBytes}`;
      throw damaged(path, "truncated", message);
    }
    if (begin < covered) throw fail(`starts at byte ${begin} of the data, inside the tensor before it`);
    if (begin > covered)
      throw fail(`starts at byte ${begin} of the data; bytes from ${covered} on belong to none`);
    covered = end;
  }
  if (covered < dataBytes)
    throw damaged(path, "offsets", `${dataBytes - covered} bytes at its end belong to no tensor`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isDtype(value: unknown): value is SafetensorsDtype {
  return typeof value === "string" && Object.hasOwn(elementBytes, value);
}

function isSizeList(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function damaged(
  path: string,
  kind: "truncated" | "header" | "tensor" | "offsets",
  what: string,
  cause?: unknown,
) {
  return new ToolError(`${path} is not a whole safetensors file: ${what}`, {
    code: `safetensors/${kind}`,
    hint: "copy or make the file again",
    cause,
  });
}
