import { expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import { encodeModel } from "./proto.ts";
import { isInstalled, type OnnxArray, openSession } from "./run.ts";

/** y = x + x */
const bytes = encodeModel({
  ...{ irVersion: 8, opset: 17, producer: "", description: "", metadata: new Map() },
  graph: {
    ...{ name: "twice", initializers: [], values: [] },
    inputs: [{ name: "x", type: "float32", dims: ["batch", 2] }],
    outputs: [
      { name: "y", type: "float32", dims: ["batch", 2] },
      { name: "z", type: "float32", dims: ["batch", 2] },
    ],
    nodes: [
      { op: "Add", name: "sum", inputs: ["x", "x"], outputs: ["y"] },
      { op: "Neg", name: "negative", inputs: ["y"], outputs: ["z"] },
    ],
  },
});

const isNodeThere = isInstalled("onnxruntime-node");

const feeds = new Map<string, OnnxArray>([["x", { dims: [1, 2], data: Float32Array.of(1, -3) }]]);

test("the WebAssembly runtime runs in Node and says what it is", async () => {
  const session = await openSession(bytes, { runtime: "onnxruntime-web" });
  expect(session.provider).toMatch(/^onnxruntime-web wasm \d+\.\d+/);
  expect([session.inputs, session.outputs]).toEqual([["x"], ["y", "z"]]);
  const found = await session.run(feeds, ["z"]);
  expect(Array.from(found)).toEqual([["z", { dims: [1, 2], data: Float32Array.of(-2, 6) }]]);
  await session.close();
});

test.skipIf(!isNodeThere)("the native runtime comes first where it is installed", async () => {
  const session = await openSession(bytes);
  expect(session.provider).toMatch(/^onnxruntime-node cpu/);
  expect((await session.run(feeds)).get("y")?.data).toEqual(Float32Array.of(2, -6));
  await session.close();
});

test.skipIf(isNodeThere)(
  "without the native runtime the other one is taken, and asking for it is an error",
  async () => {
    const session = await openSession(bytes);
    expect(session.provider).toMatch(/^onnxruntime-web/);
    await session.close();
    const asked = openSession(bytes, { runtime: "onnxruntime-node" });
    await expect(asked).rejects.toThrow(ToolError);
    await expect(asked).rejects.toThrow("onnxruntime-node is not installed");
  },
);
