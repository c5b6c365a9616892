import fc from "fast-check";
import { expect, test } from "vitest";
import { ToolError } from "../base/errors.ts";
import type { Buffer } from "../engine/executors/executor.ts";
import { makeReferenceExecutor } from "../engine/executors/reference/reference.ts";
import { elementCount, resolveShape } from "../engine/shape.ts";
import { OP_CASES, type OpCase } from "../engine/testing/op-cases.ts";
import { buildSample, drawInputs, runGraph, type Sample } from "../engine/testing/sample.ts";
import { makeGraphWriter } from "./graph-writer.ts";
import { lowerNodes, onnxTypeOf, type ValueNames } from "./lower.ts";
import { LOWERINGS } from "./lowerings.ts";
import { encodeModel, type OnnxValue } from "./proto.ts";
import { type OnnxArray, openSession } from "./run.ts";
import { makeWeightWriter, type WeightNumbers } from "./weight-writer.ts";

const cases = OP_CASES.filter(({ op }) => Object.hasOwn(LOWERINGS, op.name)).map((each): [string, OpCase] => [
  each.op.name,
  each,
]);
const size = fc.oneof(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 5, max: 12 }));

test("every lowering belongs to an op that has a case", () => {
  expect(cases.map(([name]) => name).sort()).toEqual(Object.keys(LOWERINGS).sort());
});

test.each(cases)(
  "%s computes what its evaluation does, for an open and a fixed number of rows",
  async (_, each) => {
    let compared = 0;
    for (const [i, sample] of fc.sample(each.samples(size), { numRuns: 6, seed: 11 }).entries()) {
      const built = buildSample(each.op, sample);
      const given = drawInputs(sample, "float32");
      if (each.op.name === "embedding") clampIds(given.x0, Number(built.inputs[1].shape[0]));
      if (isRefused(sample)) {
        await expect(runLowered(built, given, sample, undefined)).rejects.toThrow(ToolError);
        continue;
      }
      const found = await runLowered(built, given, sample, i % 2 === 0 ? sample.rows : undefined);
      built.graph.output("y0", built.results[0]);
      const expected = (await runGraph(makeReferenceExecutor("float32"), built.graph, given, sample.rows)).y0;
      expect(found.length).toBe(expected.length);
      const wrong = Array.from(expected).findIndex(
        (wanted, at) =>
          !(Math.abs(Number(found[at]) - wanted) <= Math.max(each.tolerance, 3e-6) * (1 + Math.abs(wanted))),
      );
      if (wrong >= 0) expect.fail(`[${wrong}] is ${found[wrong]}, expected ${expected[wrong]}`);
      compared++;
    }
    expect(compared).toBeGreaterThan(0);
  },
);

function isRefused({ attributes }: Sample): boolean {
  return attributes?.interleaved === true || attributes?.sign === -1;
}

function clampIds(ids: Buffer, lines: number): void {
  ids.forEach((id, i) => {
    ids[i] = Math.min(Math.max(id, 0), lines - 1);
  });
}

/** The first result of the op, computed by ONNX Runtime. */
async function runLowered(
  { graph, inputs, results }: ReturnType<typeof buildSample>,
  given: Readonly<Record<string, Buffer>>,
  { rows }: Sample,
  fixed: number | undefined,
) {
  const writer = makeGraphWriter(fixed);
  const names: ValueNames = new Map();
  const numbers = new Map<string, WeightNumbers>();
  const feeds = new Map<string, OnnxArray>();
  // What an open number of rows is read from, where nothing else has rows.
  const described: OnnxValue[] = [{ name: "inputs", type: "int32", dims: writer.dims(["rows", 1]) }];
  feeds.set("inputs", { dims: [rows, 1], data: new Int32Array(rows) });
  for (const input of inputs) {
    const { name } = input;
    const data = given[name];
    if (data instanceof Float64Array || data instanceof Uint16Array) throw new Error("float32 was drawn");
    if (input.storage === "whole" && data instanceof Float32Array) {
      numbers.set(name, { shape: input.shape.map(Number), data });
      continue;
    }
    names.set(input, name);
    feeds.set(name, { dims: resolveShape(input.shape, { rows, tokens: 0 }), data });
    described.push({ name, type: onnxTypeOf(input), dims: writer.dims(input.shape) });
  }
  lowerNodes(graph.nodes, writer, makeWeightWriter(writer, numbers, "float32"), names, "op/");
  const [result] = results;
  writer.node("Identity", [names.get(result) ?? ""], { name: "y0" });
  const session = await openSession(
    encodeModel({
      ...{ irVersion: 8, opset: 17, producer: "", description: "", metadata: new Map() },
      graph: {
        name: "test",
        inputs: described,
        outputs: [{ name: "y0", type: onnxTypeOf(result), dims: writer.dims(result.shape) }],
        initializers: writer.initializers,
        nodes: writer.nodes,
        values: writer.values,
      },
    }),
    { runtime: "onnxruntime-web" },
  );
  const found = (await session.run(feeds)).get("y0");
  await session.close();
  const shape = resolveShape(result.shape, { rows, tokens: 0 });
  expect(found?.dims).toEqual(shape);
  expect(found?.data.length).toBe(elementCount(shape));
  return found?.data ?? [];
}
