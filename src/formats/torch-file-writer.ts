// Writer of PyTorch's .pt files: an OrderedDict of contiguous tensors, each with a storage of its own, as torch.save
// writes a state dict in protocol 2; `torch.load(path, weights_only=True)` reads it. Tensors may be larger than memory.

import { storageClasses } from "./pickle-torch.ts";
import { elementBytes, type SafetensorsDtype } from "./safetensors-header.ts";
import { encodeStoredZip, type StoredMember } from "./torch-file-zip.ts";

export interface TensorToWrite {
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  /** The numbers' bytes, the same each time they are asked for. */
  pieces(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/** The bytes of a file, for `writeFileAtomic`. */
export function encodeTorchFile(tensors: ReadonlyMap<string, TensorToWrite>): AsyncGenerator<Uint8Array> {
  const storages = [...tensors.values()].map((tensor, i): StoredMember => {
    const bytes = elementCount(tensor.shape) * elementBytes[tensor.dtype];
    return { name: `archive/data/${i}`, bytes, pieces: () => tensor.pieces() };
  });
  return encodeStoredZip([
    member("archive/data.pkl", encodePickle(tensors)),
    member("archive/byteorder", Buffer.from("little")),
    ...storages,
    member("archive/version", Buffer.from("3\n")),
  ]);
}

function member(name: string, content: Uint8Array): StoredMember {
  return { name, bytes: content.length, pieces: () => [content] };
}

/** Instructions by their names in pickletools. */
const op = {
  ...{ PROTO: 0x80, STOP: 0x2e, MARK: 0x28, TUPLE: 0x74, EMPTY_TUPLE: 0x29, SETITEMS: 0x75 },
  ...{ GLOBAL: 0x63, REDUCE: 0x52, BINPERSID: 0x51, NEWFALSE: 0x89 },
  ...{ BINUNICODE: 0x58, BININT: 0x4a, LONG1: 0x8a },
};

function encodePickle(tensors: ReadonlyMap<string, TensorToWrite>): Buffer {
  const entries = [...tensors].flatMap(([name, tensor], i) => [text(name), tensorCall(tensor, String(i))]);
  return Buffer.concat([
    Buffer.from([op.PROTO, 2]),
    emptyOrderedDict(),
    Buffer.from([op.MARK]),
    ...entries,
    Buffer.from([op.SETITEMS, op.STOP]),
  ]);
}

/** _rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, hooks) */
function tensorCall({ dtype, shape }: TensorToWrite, key: string): Buffer {
  const elements = elementCount(shape);
  const storageClass = Object.keys(storageClasses).find((name) => storageClasses[name] === dtype) ?? "";
  const storage = tuple(text("storage"), global(storageClass), text(key), text("cpu"), integer(elements));
  return Buffer.concat([
    global("torch._utils._rebuild_tensor_v2"),
    tuple(
      ...[storage, Buffer.from([op.BINPERSID]), integer(0)],
      ...[tuple(...shape.map(integer)), tuple(...stridesOf(shape).map(integer))],
      ...[Buffer.from([op.NEWFALSE]), emptyOrderedDict()],
    ),
    Buffer.from([op.REDUCE]),
  ]);
}

function emptyOrderedDict(): Buffer {
  return Buffer.concat([global("collections.OrderedDict"), Buffer.from([op.EMPTY_TUPLE, op.REDUCE])]);
}

function tuple(...items: Buffer[]): Buffer {
  return Buffer.concat([Buffer.from([op.MARK]), ...items, Buffer.from([op.TUPLE])]);
}

function global(name: string): Buffer {
  const dot = name.lastIndexOf(".");
  return Buffer.from(`${String.fromCharCode(op.GLOBAL)}${name.slice(0, dot)}\n${name.slice(dot + 1)}\n`);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  const head = Buffer.alloc(5);
  head[0] = op.BINUNICODE;
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

function integer(value: number): Buffer {
  const isSmall = value < 2 ** 31;
  const bytes = Buffer.alloc(isSmall ? 5 : 10);
  bytes[0] = isSmall ? op.BININT : op.LONG1;
  if (isSmall) bytes.writeInt32LE(value, 1);
  else {
    bytes[1] = 8;
    bytes.writeBigInt64LE(BigInt(value), 2);
  }
  return bytes;
}

function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
