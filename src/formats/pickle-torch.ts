// What torch.save puts into a pickle for tensors: calls of torch._utils, storages under persistent ids; and the state
// dict among what else a checkpoint may hold. Every view is checked against its storage here, so that reading cannot go
// out of range. Source: torch/_utils.py and torch/serialization.py.

import { ToolError } from "../base/errors.ts";
import { type PickleRules, unpickle } from "./pickle.ts";
import type { PickleMachine } from "./pickle-machine.ts";
import {
  isDict,
  isGlobal,
  isList,
  isStorage,
  isTensor,
  isTuple,
  type PickleDict,
  type PickleValue,
  type TorchStorage,
  type TorchTensor,
} from "./pickle-values.ts";
import type { SafetensorsDtype } from "./safetensors-header.ts";

/** Number formats by the class that stands for them. */
export const storageClasses: Readonly<Record<string, SafetensorsDtype>> = {
  "torch.FloatStorage": "F32",
  "torch.HalfStorage": "F16",
  "torch.BFloat16Storage": "BF16",
  "torch.DoubleStorage": "F64",
  "torch.LongStorage": "I64",
  "torch.IntStorage": "I32",
  "torch.ByteStorage": "U8",
  "torch.BoolStorage": "BOOL",
};

const callable: Readonly<
  Record<string, (args: readonly PickleValue[], machine: PickleMachine) => PickleValue | undefined>
> = {
  "collections.OrderedDict": (args, machine) => (args.length === 0 ? machine.dict() : undefined),
  "torch.Size": ([sizes]) => (isTuple(sizes) ? sizes : undefined),
  "torch._utils._rebuild_tensor_v2": rebuildTensor,
  "torch._utils._rebuild_parameter": ([tensor]) => (isTensor(tensor) ? tensor : undefined),
  // What Python set on the parameter besides is passed over.
  "torch._utils._rebuild_parameter_with_state": ([tensor]) => (isTensor(tensor) ? tensor : undefined),
  "torch._tensor._rebuild_from_type_v2": rebuildOfType,
  "torch.device": ([name]) => (typeof name === "string" ? name : undefined),
  "builtins.set": setOf,
  "__builtin__.set": setOf,
};

/** Names without a call: classes that are plain tensors, and number formats that a checkpoint notes down. */
const inert = /^torch\.(Tensor|nn\.parameter\.(Parameter|Buffer)|(bfloat|float|int|uint)\d+|bool)$/;

/** Tensors that PyTorch saves and nobody needs for weights: harmless, but not read. */
const otherTensors: Readonly<Record<string, string>> = {
  "torch._utils._rebuild_sparse_tensor": "a sparse tensor",
  "torch._utils._rebuild_qtensor": "a quantized tensor",
  "torch._utils._rebuild_tensor_v3": "a tensor of an unusual number format (float8, unsigned 16-bit, …)",
  "torch._utils._rebuild_meta_tensor_no_storage": "a tensor without numbers (of the device `meta`)",
  "torch.ComplexFloatStorage": "complex numbers",
  "torch.ComplexDoubleStorage": "complex numbers",
  "torch.CharStorage": "8-bit integers",
  "torch.ShortStorage": "16-bit integers",
  "torch.QInt8Storage": "a quantized tensor",
  "torch.QUInt8Storage": "a quantized tensor",
  "torch.QInt32Storage": "a quantized tensor",
};

const torchRules: PickleRules = {
  allows(name, machine) {
    if (Object.hasOwn(otherTensors, name)) throw unreadable(machine, otherTensors[name]);
    return Object.hasOwn(callable, name) || Object.hasOwn(storageClasses, name) || inert.test(name);
  },
  call: (name, args, machine) => (Object.hasOwn(callable, name) ? callable[name](args, machine) : undefined),
  persistent: storageOf,
};

const mostDimensions = 32;

/** The tensors of a checkpoint's pickle by name: those of a dict, or of the state dict that it holds. */
export function unpickleStateDict(bytes: Uint8Array, place: string): Map<string, TorchTensor> {
  const value = unpickle(bytes, place, torchRules);
  if (!isDict(value)) throw noWeights(place, "its pickle holds no dict");
  const tensors = new Map<string, TorchTensor>();
  for (const [name, entry] of findStateDict(value).entries)
    if (isTensor(entry) && typeof name === "string") tensors.set(name, entry);
  if (tensors.size > 0) return tensors;
  const names = [...value.entries.keys()].slice(0, 5).map((key) => JSON.stringify(key));
  throw noWeights(place, names.length === 0 ? "its dict is empty" : `its dict holds ${names.join(", ")}`);
}

/** Names under which training programs keep the state dict beside other things, the likelier first. */
const stateDictKeys = ["model", "model_state_dict", "state_dict"];

function findStateDict(value: PickleDict): PickleDict {
  for (const key of stateDictKeys) {
    const inner = value.entries.get(key);
    if (isDict(inner)) return findStateDict(inner); // ends: the pickle was found to hold no circle
  }
  return value;
}

function noWeights(place: string, what: string): ToolError {
  return new ToolError(`no state dict is in ${place}: ${what}`, {
    code: "torch/no-weights",
    hint: "save it alone: torch.save(model.state_dict(), path)",
  });
}

/** ("storage", class, key, device, elements) */
function storageOf(id: PickleValue): PickleValue | undefined {
  if (!isTuple(id) || id.items.length !== 5) return undefined;
  const [word, type, key, , elements] = id.items;
  if (word !== "storage" || !isGlobal(type) || typeof key !== "string" || !isSize(elements)) return undefined;
  if (!Object.hasOwn(storageClasses, type.name)) return undefined;
  return { kind: "storage", key, dtype: storageClasses[type.name], elements };
}

/** (function, class, its arguments, attributes that Python set) */
function rebuildOfType(args: readonly PickleValue[], machine: PickleMachine): PickleValue | undefined {
  const [rebuild, , given] = args;
  if (!isGlobal(rebuild) || !isTuple(given) || rebuild.name !== "torch._utils._rebuild_tensor_v2")
    return undefined;
  return rebuildTensor(given.items, machine);
}

function setOf([items]: readonly PickleValue[]): PickleValue | undefined {
  return isList(items) ? items : undefined;
}

function unreadable(machine: PickleMachine, what: string): ToolError {
  return new ToolError(`${machine.place} holds ${what}, which cannot be read`, {
    code: "torch/unsupported",
    hint: "save dense tensors of float32, float16 or bfloat16: torch.save(model.state_dict(), path)",
  });
}

/** (storage, offset, shape, strides, requires_grad, backward_hooks, [metadata]) */
function rebuildTensor(args: readonly PickleValue[], machine: PickleMachine): PickleValue | undefined {
  const [storage, offset, shape, strides, , , metadata] = args;
  if (args.length < 4 || args.length > 7 || !isStorage(storage) || !isSize(offset)) return undefined;
  if (!isTuple(shape) || !isTuple(strides)) return undefined;
  const sizes = shape.items.filter(isSize);
  const steps = strides.items.filter(isSize);
  if (sizes.length !== shape.items.length || steps.length !== strides.items.length) return undefined;
  if (sizes.length !== steps.length || sizes.length > mostDimensions) return undefined;
  // Metadata tells of numbers that are to be negated or conjugated when they are read.
  if (isDict(metadata) && metadata.entries.size > 0) throw unreadable(machine, "a tensor of marked numbers");
  checkView(machine, storage, offset, sizes, steps);
  return { kind: "tensor", storage, offset, shape: sizes, strides: steps };
}

function checkView(
  machine: PickleMachine,
  storage: TorchStorage,
  offset: number,
  shape: readonly number[],
  strides: readonly number[],
): void {
  if (shape.includes(0)) return;
  const elements = shape.reduce((product, size) => product * size, 1);
  const last = shape.reduce((sum, size, axis) => sum + (size - 1) * strides[axis], offset);
  const what = `a tensor [${shape.join(", ")}] of it`;
  if (!(last < storage.elements))
    throw machine.damaged(`${what} ends outside of its storage of ${storage.elements} numbers`);
  // torch.expand makes such views: a few bytes that claim terabytes.
  if (!(elements <= storage.elements))
    throw machine.tooLarge(`${what} has more numbers than its storage`, storage.elements);
}

function isSize(value: PickleValue | undefined): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}
