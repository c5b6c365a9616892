// JSON text as Python's json.dump writes it, byte for byte: ", " and ": " between, everything beyond ASCII escaped, floats
// with a point. For files of the reference's layout; numbers as data sets have them, not 1e300.

import { invariant } from "../base/errors.ts";

/** A number that Python holds as a float: 4 is written `4.0`. */
export interface PythonFloat {
  readonly float: number;
}

/** Maps keep the order of their keys; objects move keys that look like array indices to the front. */
export type PythonJson =
  | null
  | boolean
  | number
  | string
  | PythonFloat
  | readonly PythonJson[]
  | ReadonlyMap<string, PythonJson>;

export function formatPythonJson(value: PythonJson): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") return formatInteger(value);
  if (typeof value === "string") return formatPythonString(value);
  if (isList(value)) return `[${value.map(formatPythonJson).join(", ")}]`;
  if ("float" in value) return formatFloat(value.float);
  const fields = Array.from(value, ([key, item]) => `${formatPythonString(key)}: ${formatPythonJson(item)}`);
  return `{${fields.join(", ")}}`;
}

export function formatPythonString(text: string): string {
  const escaped = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return JSON.stringify(text).replace(/[\u0080-\uffff]/g, escaped);
}

/** Parsed JSON as it can be written; objects in the order of their keys. */
export function pythonJsonOf(value: unknown): PythonJson {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number") return Number.isInteger(value) ? value : { float: value };
  if (Array.isArray(value)) return value.map(pythonJsonOf);
  invariant(typeof value === "object", `${typeof value} cannot be written as JSON`);
  const entries: Iterable<[unknown, unknown]> = value instanceof Map ? value : Object.entries(value);
  return new Map(Array.from(entries, ([key, item]) => [String(key), pythonJsonOf(item)]));
}

function formatInteger(value: number): string {
  invariant(Number.isSafeInteger(value), `${value} is not an integer`);
  return String(value);
}

/** The shortest digits in both languages; only Python says `4.0`, and writes exponents from other sizes on. */
function formatFloat(value: number): string {
  const size = Math.abs(value);
  invariant(size === 0 || (size >= 1e-4 && size < 1e16), `${value} is not of the size of a mean`);
  return Number.isInteger(value) ? `${value}.0` : String(value);
}

function isList(value: PythonJson): value is readonly PythonJson[] {
  return Array.isArray(value);
}
