// What a module exports as a task: checked for what is missing at once, and for wrong tokens whenever it encodes, since
// the engine trusts its inputs. Errors of its functions say which of them failed.

import { ToolError } from "../../base/errors.ts";
import type { DifficultyScale, Task } from "../task.ts";

/** What a puzzle is, only the module knows. */
export type AnyTask = Task<unknown>;

const REQUIRED = ["encode", "augment", "score", "draw"] as const;
const OPTIONAL = [
  "identifier",
  "generate",
  "read",
  "key",
  "roughKey",
  "parse",
  "format",
  "decode",
  "image",
] as const;
const UNSUPERVISED = -100;

/** The exported value as a task, or an error that says what it lacks. */
export function checkedTask(exported: unknown, path: string): AnyTask {
  checkShape(exported, path);
  return guarded(exported, path);
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function checkShape(task: unknown, path: string): asserts task is AnyTask {
  if (task === undefined) throw incomplete(path, "there is no default export");
  if (typeof task !== "object" || task === null) throw incomplete(path, "the default export is not a task");
  // Not by its own keys: methods of a class are as good.
  const fieldOf = (name: string): unknown => Reflect.get(task, name);
  for (const name of ["family", "title"]) {
    const value = fieldOf(name);
    if (typeof value !== "string" || value === "")
      throw incomplete(path, `${name} is not a text with anything in it`);
  }
  for (const [name, least, most] of [
    ["seqLen", 1, 65536],
    ["vocabSize", 2, 256],
  ] as const) {
    const value = fieldOf(name);
    if (!(Number.isInteger(value) && Number(value) >= least && Number(value) <= most))
      throw incomplete(path, `${name} is ${value}, not a whole number from ${least} to ${most}`);
  }
  for (const name of REQUIRED)
    if (typeof fieldOf(name) !== "function") throw incomplete(path, `${name}() is missing`);
  for (const name of OPTIONAL)
    if (fieldOf(name) !== undefined && typeof fieldOf(name) !== "function")
      throw incomplete(path, `${name} is not a function`);
  checkScales(fieldOf("difficulty"), path);
}

function checkScales(scales: unknown, path: string): void {
  if (scales === undefined) return;
  if (!Array.isArray(scales)) throw incomplete(path, "difficulty is not a list");
  for (const { unit, of, groups } of scales.map((scale: unknown) => Object(scale))) {
    if (typeof unit !== "string" || unit === "") throw incomplete(path, "a difficulty has no unit");
    if (typeof of !== "function") throw incomplete(path, `the difficulty '${unit}' has no function of()`);
    if (groups !== undefined && !isAscending(groups))
      throw incomplete(path, `the groups of the difficulty '${unit}' are not ascending numbers`);
  }
}

function isAscending(groups: unknown): boolean {
  if (!Array.isArray(groups) || groups.length === 0) return false;
  return groups.every((least, i) => Number.isFinite(least) && (i === 0 || least > groups[i - 1]));
}

function guarded(task: AnyTask, path: string): AnyTask {
  const { seqLen, vocabSize } = task;
  const guard = <Args extends unknown[], Result>(name: string, call: (...args: Args) => Result) => {
    return (...args: Args): Result => guardedCall(path, `${name}()`, () => call.apply(task, args));
  };
  const encode = guard("encode", task.encode);
  return {
    family: task.family,
    title: task.title,
    seqLen,
    vocabSize,
    encode(puzzle, inputs, labels) {
      encode(puzzle, inputs, labels);
      for (let cell = 0; cell < seqLen; cell++) {
        if (!isToken(inputs[cell], vocabSize)) throw badToken(path, "inputs", cell, inputs[cell], vocabSize);
        if (!isToken(labels[cell], vocabSize) && labels[cell] !== UNSUPERVISED)
          throw badToken(path, "labels", cell, labels[cell], vocabSize);
      }
    },
    augment: guard("augment", task.augment),
    score: guard("score", task.score),
    draw: guard("draw", task.draw),
    identifier: task.identifier && guard("identifier", task.identifier),
    generate: task.generate && guard("generate", task.generate),
    read: task.read && guard("read", task.read),
    key: task.key && guard("key", task.key),
    roughKey: task.roughKey && guard("roughKey", task.roughKey),
    // What it throws is meant for the one who typed the text.
    parse: task.parse?.bind(task),
    format: task.format && guard("format", task.format),
    decode: task.decode && guard("decode", task.decode),
    image: task.image && guard("image", task.image),
    difficulty: task.difficulty?.map((scale) => guardedScale(scale, path)),
  };
}

function guardedScale<Puzzle>(scale: DifficultyScale<Puzzle>, path: string): DifficultyScale<Puzzle> {
  return {
    ...scale,
    of(puzzle) {
      const value = guardedCall(path, `of() of the difficulty '${scale.unit}'`, () => scale.of(puzzle));
      if (value === undefined || Number.isFinite(value)) return value;
      throw failed(path, `the difficulty '${scale.unit}' of a puzzle is ${value}, not a number`, undefined);
    },
  };
}

function guardedCall<Result>(path: string, name: string, call: () => Result): Result {
  try {
    return call();
  } catch (cause) {
    if (cause instanceof ToolError) throw cause;
    throw failed(path, `${name} failed: ${messageOf(cause)}`, cause);
  }
}

function isToken(value: number, vocabSize: number): boolean {
  return value >= 0 && value < vocabSize;
}

function badToken(path: string, array: string, cell: number, value: number, vocabSize: number): ToolError {
  return new ToolError(`${path}: encode() wrote ${value} into ${array}[${cell}]`, {
    code: "module/bad-token",
    hint: `tokens go from 0 to vocabSize - 1, which is ${vocabSize - 1}${array === "labels" ? `, or ${UNSUPERVISED} for a cell that is not supervised` : ""}`,
  });
}

function failed(path: string, what: string, cause: unknown): ToolError {
  return new ToolError(`${path}: ${what}`, {
    code: "module/failed",
    hint: "DEBUG=1 shows where",
    cause,
  });
}

function incomplete(path: string, what: string): ToolError {
  return new ToolError(`${path}: ${what}`, {
    code: "module/incomplete",
    hint: "the default export must be a Task, or a function that makes one: see src/tasks/task.ts and examples/",
  });
}
