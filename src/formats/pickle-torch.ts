// What torch.save puts into a pickle for tensors: calls of torch._utils, storages under persistent ids; and the state
// dict among what else a checkpoint may hold. Every view is checked against its storage here, so that reading cannot go
// out of range. Source: torch/_utils.py and torch/serialization.py.

import { ToolError } from "../base/errors.ts";
import { type PickleRules, unpickle } from "./pickle.ts";
import type { PickleMachine } from "./pickle-machine.ts";
import {
  isDict,
  isGlobal,
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
};

const torchRules: PickleRules = {
  allows: (name) => Object.hasOwn(callable, name) || Object.hasOwn(storageClasses, name),
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

/** (storage, offset, shape, strides, requires_grad, backward_hooks, [metadata]) */
function rebuildTensor(args: readonly PickleValue[], machine: PickleMachine): PickleValue | undefined {
  const [storage, offset, shape, strides] = args;
  if (args.length < 4 || args.length > 7 || !isStorage(storage) || !isSize(offset)) return undefined;
  if (!isTuple(shape) || !isTuple(strides)) return undefined;
  const sizes = shape.items.filter(isSize);
  const steps = strides.items.filter(isSize);
  if (sizes.length !== shape.items.length || steps.length !== strides.items.length) return undefined;
  if (sizes.length !== steps.length || sizes.length > mostDimensions) return undefined;
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
