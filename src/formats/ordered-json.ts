// JSON whose objects become Maps in the order of the file. JSON.parse does not do: it moves keys that look like array
// indices ("40853293", a name of an ARC task) to the front, lets the last of two equal keys win, and does not always
// say where a text is broken. Only for files whose order means something; JSON.parse is faster.

import { ToolError } from "../base/errors.ts";

export type OrderedJson = null | boolean | number | string | OrderedJson[] | Map<string, OrderedJson>;

/** Deeper than any file we read, shallow enough for the stack. */
const MAX_DEPTH = 100;

/**
 * `name` stands for the file in errors.
 * @example
 * [...(parseOrderedJson('{"b": 1, "7": 2}', "x.json") as Map<string, number>).keys()]; // ["b", "7"]
 */
export function parseOrderedJson(text: string, name: string): OrderedJson {
  const source = { text, name, at: text.charCodeAt(0) === 0xfeff ? 1 : 0 };
  const value = readValue(source, 0);
  skipSpace(source);
  if (source.at < text.length) throw broken(source, "more text after the end of the value");
  return value;
}

interface Source {
  readonly text: string;
  readonly name: string;
  at: number;
}

function readValue(source: Source, depth: number): OrderedJson {
  skipSpace(source);
  if (depth > MAX_DEPTH) throw broken(source, `more than ${MAX_DEPTH} brackets inside each other`);
  const character = source.text[source.at];
  if (character === "[") return readArray(source, depth);
  if (character === "{") return readObject(source, depth);
  if (character === '"') return readString(source);
  return readNumber(source) ?? readWord(source);
}

function readArray(source: Source, depth: number): OrderedJson[] {
  const items: OrderedJson[] = [];
  source.at++;
  if (take(source, "]")) return items;
  do items.push(readValue(source, depth + 1));
  while (take(source, ","));
  expect(source, "]", "',' or ']'");
  return items;
}

function readObject(source: Source, depth: number): Map<string, OrderedJson> {
  const entries = new Map<string, OrderedJson>();
  source.at++;
  if (take(source, "}")) return entries;
  do {
    skipSpace(source);
    if (source.text[source.at] !== '"') throw broken(source, "expected a key in double quotes");
    const place = source.at;
    const key = readString(source);
    if (entries.has(key)) throw broken({ ...source, at: place }, `the key "${key}" occurs twice`);
    expect(source, ":", "':'");
    entries.set(key, readValue(source, depth + 1));
  } while (take(source, ","));
  expect(source, "}", "',' or '}'");
  return entries;
}

/** Finds the closing quote; what stands between is JSON.parse's business. */
function readString(source: Source): string {
  const { text, at } = source;
  let end = at + 1;
  while (end < text.length && text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  if (end >= text.length) throw broken(source, "a string without its closing quote");
  try {
    const value: unknown = JSON.parse(text.slice(at, end + 1));
    source.at = end + 1;
    return String(value);
  } catch {
    throw broken(source, "a string with a line break or an unknown escape in it");
  }
}

function readNumber(source: Source): number | undefined {
  const { text, at } = source;
  const code = text.charCodeAt(at);
  const next = text.charCodeAt(at + 1);
  // Nearly every number of a grid is one digit.
  if (code >= 48 && code <= 57 && (next === 44 || next === 93)) {
    source.at++;
    return code - 48;
  }
  const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
  number.lastIndex = at;
  const found = number.exec(text)?.[0];
  if (found === undefined) return undefined;
  source.at += found.length;
  return Number(found);
}

function readWord(source: Source): boolean | null {
  const { text, at } = source;
  const words: readonly [string, boolean | null][] = [
    ["null", null],
    ["true", true],
    ["false", false],
  ];
  for (const [word, value] of words) {
    if (!text.startsWith(word, at)) continue;
    source.at += word.length;
    return value;
  }
  throw broken(
    source,
    at < text.length ? `unexpected ${JSON.stringify(text[at])}` : "the text ends too early",
  );
}

function take(source: Source, character: string): boolean {
  skipSpace(source);
  if (source.text[source.at] !== character) return false;
  source.at++;
  return true;
}

function expect(source: Source, character: string, said: string) {
  if (take(source, character)) return;
  const found = source.text[source.at];
  throw broken(source, `expected ${said}, found ${found === undefined ? "the end" : JSON.stringify(found)}`);
}

function skipSpace(source: Source) {
  for (;;) {
    const code = source.text.charCodeAt(source.at);
    if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return;
    source.at++;
  }
}

function broken({ text, name, at }: Source, problem: string): ToolError {
  const before = text.slice(0, at);
  const line = before.split("\n").length;
  const column = at - before.lastIndexOf("\n");
  return new ToolError(`not valid JSON: ${problem}`, {
    code: "json/syntax",
    where: `${name}:${line}:${column}`,
    hint: "get the file again, or correct it at that place",
  });
}
