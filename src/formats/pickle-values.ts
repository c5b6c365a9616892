// What may come out of a pickle here: plain containers and descriptions of tensors, nothing that runs. Python's lists,
// tuples and dicts stay apart because torch's functions ask for the right one.

import type { SafetensorsDtype } from "./safetensors-header.ts";

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | PickleSequence
  | PickleDict
  | PickleGlobal
  | TorchStorage
  | TorchTensor;

export interface PickleSequence {
  readonly kind: "list" | "tuple";
  readonly items: PickleValue[];
}

/** dict and OrderedDict. */
export interface PickleDict {
  readonly kind: "dict";
  readonly entries: Map<string | number, PickleValue>;
}

/** A class or function, by its name alone. */
export interface PickleGlobal {
  readonly kind: "global";
  readonly name: string;
}

/** Numbers in a member of their own; several tensors may be views of one. */
export interface TorchStorage {
  readonly kind: "storage";
  readonly key: string;
  readonly dtype: SafetensorsDtype;
  readonly elements: number;
}

/** A view: `offset` and `strides` count elements of the storage, and every element lies in it. */
export interface TorchTensor {
  readonly kind: "tensor";
  readonly storage: TorchStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

export type KindOfValue = "list" | "tuple" | "dict" | "global" | "storage" | "tensor" | "plain";

export function kindOf(value: PickleValue): KindOfValue {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return "plain";
  return value.kind;
}

export function isDict(value: PickleValue | undefined): value is PickleDict {
  return value !== undefined && kindOf(value) === "dict";
}

export function isTuple(value: PickleValue | undefined): value is PickleSequence {
  return value !== undefined && kindOf(value) === "tuple";
}

export function isList(value: PickleValue | undefined): value is PickleSequence {
  return value !== undefined && kindOf(value) === "list";
}

export function isGlobal(value: PickleValue | undefined): value is PickleGlobal {
  return value !== undefined && kindOf(value) === "global";
}

export function isStorage(value: PickleValue | undefined): value is TorchStorage {
  return value !== undefined && kindOf(value) === "storage";
}

export function isTensor(value: PickleValue | undefined): value is TorchTensor {
  return value !== undefined && kindOf(value) === "tensor";
}

/** For messages: what a value is, never what it holds. */
export function nameOf(value: PickleValue | undefined): string {
  if (value === undefined) return "nothing";
  if (isGlobal(value)) return value.name;
  if (value === null) return "None";
  const kind = kindOf(value);
  return kind === "plain" ? `a ${value instanceof Uint8Array ? "bytes" : typeof value}` : `a ${kind}`;
}
