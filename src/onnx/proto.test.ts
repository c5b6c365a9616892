import fc from "fast-check";
import { expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import { tinyTrm } from "../models/testing/tiny-trm.ts";
import { makeWeights } from "../models/weights.ts";
import { exportOnnx } from "./export.ts";
import { decodeModel, encodeModel, type OnnxModel } from "./proto.ts";
import { openOnnxRecursion } from "./recursion.ts";
import { openSession } from "./run.ts";

const model = tinyTrm({ puzzleEmbNdim: 0, puzzleEmbLen: 0 });
const file = exportOnnx(model, makeWeights(model, 1), { form: "solve", steps: 2, loop: true });
const bytes = encodeModel(file);

test("damaged files end in a value or a message, whatever is cut off or flipped", () => {
  let refused = 0;
  const read = (damaged: Uint8Array) => {
    try {
      decodeModel(damaged, "x.onnx");
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      refused++;
    }
  };
  fc.assert(
    fc.property(fc.nat({ max: bytes.length - 1 }), fc.nat({ max: 255 }), (at, change) => {
      read(bytes.subarray(0, at));
      const flipped = bytes.slice();
      flipped[at] ^= change;
      read(flipped);
    }),
    { numRuns: 500, seed: 3 },
  );
  expect(refused).toBeGreaterThan(100);
});

test("what is no ONNX file, or not one of ours, is told so", async () => {
  const text = new TextEncoder().encode("not a model at all, but text that goes on for a while");
  expect(() => decodeModel(text, "x.onnx")).toThrow("this is no ONNX file, or a damaged one");
  const foreign = encodeModel({ ...file, metadata: new Map([["whorl", "{"]]) });
  await expect(openOnnxRecursion(foreign, { batchSize: 1, where: "x.onnx" })).rejects.toThrow(
    "this ONNX file was not exported by Whorl",
  );
});

test("ONNX Runtime's refusal is a message of ours", async () => {
  const nodes = file.graph.nodes.map((node) => (node.op === "Loop" ? { ...node, op: "NoSuchOp" } : node));
  const broken: OnnxModel = { ...file, graph: { ...file.graph, nodes } };
  await expect(openSession(encodeModel(broken), { runtime: "onnxruntime-web" })).rejects.toThrow(
    "ONNX Runtime refuses the model",
  );
});

test("weights that an ONNX file cannot hold are refused before anything is copied", () => {
  const huge = { length: 3e9 };
  const tensor = { ...file.graph.initializers[0], bytes: huge as Uint8Array }; // as large as no test could allocate
  const tooLarge: OnnxModel = { ...file, graph: { ...file.graph, initializers: [tensor] } };
  expect(() => encodeModel(tooLarge)).toThrow("the weights take 3.0 GB, an ONNX file at most 2.1 GB");
});
