// ONNX files as plain values, and their bytes: the only file that knows the protobuf library. Covers what we write and
// need to read back: standard ops, dense tensors stored in the file, nested graphs of `Loop`. Not here: what a model's
// graph means (lower.ts). Source: onnx.proto of ONNX 1.20.

import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  type AttributeProto,
  AttributeProtoSchema,
  AttributeProto_AttributeType as AttributeType,
  TensorProto_DataType as DataType,
  type GraphProto,
  GraphProtoSchema,
  ModelProtoSchema,
  type NodeProto,
  NodeProtoSchema,
  type TensorProto,
  TensorProtoSchema,
  type ValueInfoProto,
  ValueInfoProtoSchema,
} from "onnx-buf";
import { ToolError } from "../base/errors.ts";

const DATA_TYPES = {
  float32: DataType.FLOAT,
  float16: DataType.FLOAT16,
  int32: DataType.INT32,
  int64: DataType.INT64,
  bool: DataType.BOOL,
} as const;

export type OnnxType = keyof typeof DATA_TYPES;

const BYTES: Readonly<Record<OnnxType, number>> = { float32: 4, float16: 2, int32: 4, int64: 8, bool: 1 };

/** The number by which `Cast` names a type. */
export function onnxTypeCode(type: OnnxType): number {
  return DATA_TYPES[type];
}

export interface OnnxTensor {
  readonly name: string;
  readonly type: OnnxType;
  readonly dims: readonly number[];
  /** Little endian, row-major. */
  readonly bytes: Uint8Array;
}

/** A named dimension is symbolic. */
export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly dims: readonly (number | string)[];
}

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly ints: readonly number[] }
  | { readonly graph: OnnxGraph };

export interface OnnxNode {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxGraph {
  readonly name: string;
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly initializers: readonly OnnxTensor[];
  readonly nodes: readonly OnnxNode[];
  /** Types of values in between: no need, but viewers show them and checkers compare them. */
  readonly values: readonly OnnxValue[];
}

export interface OnnxModel {
  readonly irVersion: number;
  readonly opset: number;
  readonly producer: string;
  readonly description: string;
  readonly metadata: ReadonlyMap<string, string>;
  readonly graph: OnnxGraph;
}

/** Protobuf counts bytes in 31 bits. */
const LARGEST_FILE_BYTES = 2 ** 31 - 2 ** 20;

export function encodeModel(model: OnnxModel): Uint8Array {
  const bytes = model.graph.initializers.reduce((sum, tensor) => sum + tensor.bytes.length, 0);
  if (bytes > LARGEST_FILE_BYTES)
    throw new ToolError(`the weights take ${(bytes / 1e9).toFixed(1)} GB, an ONNX file at most 2.1 GB`, {
      code: "onnx/too-large",
      hint: "export with float16 weights, or with puzzle vectors as an input instead of their table",
    });
  return toBinary(
    ModelProtoSchema,
    create(ModelProtoSchema, {
      irVersion: BigInt(model.irVersion),
      opsetImport: [{ domain: "", version: BigInt(model.opset) }],
      producerName: model.producer,
      docString: model.description,
      metadataProps: Array.from(model.metadata, ([key, value]) => ({ key, value })),
      graph: makeGraph(model.graph),
    }),
  );
}

/** @param where stands in errors, for instance the path */
export function decodeModel(bytes: Uint8Array, where: string): OnnxModel {
  try {
    const proto = fromBinary(ModelProtoSchema, bytes);
    if (!proto.graph) throw notOnnx("it holds no graph", where);
    return {
      irVersion: Number(proto.irVersion),
      opset: Number(proto.opsetImport.find(({ domain }) => domain === "")?.version ?? 0),
      producer: proto.producerName,
      description: proto.docString,
      metadata: new Map(proto.metadataProps.map(({ key, value }) => [key, value])),
      graph: readGraph(proto.graph, where),
    };
  } catch (cause) {
    if (cause instanceof ToolError) throw cause;
    throw notOnnx(cause instanceof Error ? cause.message : String(cause), where, cause);
  }
}

function notOnnx(problem: string, where: string, cause?: unknown): ToolError {
  return new ToolError(`this is no ONNX file, or a damaged one: ${problem}`, {
    code: "onnx/damaged",
    where,
    hint: "export the model again",
    cause,
  });
}

function makeGraph(graph: OnnxGraph): GraphProto {
  return create(GraphProtoSchema, {
    name: graph.name,
    input: graph.inputs.map(makeValue),
    output: graph.outputs.map(makeValue),
    valueInfo: graph.values.map(makeValue),
    initializer: graph.initializers.map(makeTensor),
    node: graph.nodes.map(makeNode),
  });
}

function makeValue({ name, type, dims }: OnnxValue): ValueInfoProto {
  const dim = dims.map((size) => ({
    value:
      typeof size === "number"
        ? { case: "dimValue" as const, value: BigInt(size) }
        : { case: "dimParam" as const, value: size },
  }));
  const tensor = { elemType: DATA_TYPES[type], shape: { dim } };
  return create(ValueInfoProtoSchema, { name, type: { value: { case: "tensorType", value: tensor } } });
}

function makeTensor({ name, type, dims, bytes }: OnnxTensor): TensorProto {
  return create(TensorProtoSchema, {
    name,
    dataType: DATA_TYPES[type],
    dims: dims.map(BigInt),
    rawData: ownBytes(bytes),
  });
}

function makeNode({ op, name, inputs, outputs, attributes = {} }: OnnxNode): NodeProto {
  const attribute = Object.entries(attributes).map(([key, value]) => makeAttribute(key, value));
  return create(NodeProtoSchema, { opType: op, name, input: [...inputs], output: [...outputs], attribute });
}

function makeAttribute(name: string, attribute: OnnxAttribute): AttributeProto {
  const base = { name };
  if ("int" in attribute)
    return create(AttributeProtoSchema, { ...base, type: AttributeType.INT, i: BigInt(attribute.int) });
  if ("float" in attribute)
    return create(AttributeProtoSchema, { ...base, type: AttributeType.FLOAT, f: attribute.float });
  if ("ints" in attribute)
    return create(AttributeProtoSchema, {
      ...base,
      type: AttributeType.INTS,
      ints: attribute.ints.map(BigInt),
    });
  return create(AttributeProtoSchema, { ...base, type: AttributeType.GRAPH, g: makeGraph(attribute.graph) });
}

/** The library's types want bytes that are not shared between threads; ours never are, yet only a copy can tell. */
function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    : Uint8Array.from(bytes);
}

function readGraph(graph: GraphProto, where: string): OnnxGraph {
  return {
    name: graph.name,
    inputs: graph.input.map((value) => readValue(value, where)),
    outputs: graph.output.map((value) => readValue(value, where)),
    values: graph.valueInfo.map((value) => readValue(value, where)),
    initializers: graph.initializer.map((tensor) => readTensor(tensor, where)),
    nodes: graph.node.map((node) => readNode(node, where)),
  };
}

function readValue({ name, type }: ValueInfoProto, where: string): OnnxValue {
  if (type?.value.case !== "tensorType") throw notOnnx(`'${name}' is no tensor`, where);
  const { elemType, shape } = type.value.value;
  const dims = (shape?.dim ?? []).map(({ value }) =>
    value.case === "dimValue" ? sizeOf(value.value, name, where) : (value.value ?? "?"),
  );
  return { name, type: typeOf(elemType, name, where), dims };
}

function readTensor(tensor: TensorProto, where: string): OnnxTensor {
  const { name, rawData, externalData } = tensor;
  if (externalData.length > 0) throw notOnnx(`'${name}' lies in another file`, where);
  const type = typeOf(tensor.dataType, name, where);
  const dims = tensor.dims.map((dim) => sizeOf(dim, name, where));
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (rawData.length !== BYTES[type] * count)
    throw notOnnx(`'${name}' has ${rawData.length} bytes for the shape [${dims.join(", ")}]`, where);
  return { name, type, dims, bytes: rawData };
}

function sizeOf(dim: bigint, name: string, where: string): number {
  if (dim >= 0n && dim <= Number.MAX_SAFE_INTEGER) return Number(dim);
  throw notOnnx(`'${name}' has the size ${dim}`, where);
}

function readNode(node: NodeProto, where: string): OnnxNode {
  const attributes = Object.fromEntries(
    node.attribute.map((attribute) => [attribute.name, readAttribute(attribute, where)]),
  );
  return { op: node.opType, name: node.name, inputs: node.input, outputs: node.output, attributes };
}

function readAttribute(attribute: AttributeProto, where: string): OnnxAttribute {
  switch (attribute.type) {
    case AttributeType.INT:
      return { int: Number(attribute.i) };
    case AttributeType.FLOAT:
      return { float: attribute.f };
    case AttributeType.INTS:
      return { ints: attribute.ints.map(Number) };
    case AttributeType.GRAPH:
      if (attribute.g) return { graph: readGraph(attribute.g, where) };
  }
  throw notOnnx(`the attribute '${attribute.name}' is of a kind that Whorl does not write`, where);
}

function typeOf(code: number, name: string, where: string): OnnxType {
  for (const type of ["float32", "float16", "int32", "int64", "bool"] as const)
    if (DATA_TYPES[type] === code) return type;
  throw notOnnx(`'${name}' is of a number type (${code}) that Whorl does not write`, where);
}
