// Damaged and hostile .onnx files end in an answer or a ToolError, in our reader and in the runtime behind it: never in
// another error, a hang or memory beyond the file's.

import { afterAll, expect, test } from "vitest";
import { ToolError } from "../../src/base/errors.ts";
import { whorlConfigSchema } from "../../src/config/schema.ts";
import { makeModel } from "../../src/models/index.ts";
import { makeWeights } from "../../src/models/weights.ts";
import { exportOnnx, type OnnxExportOptions } from "../../src/onnx/export.ts";
import { modelFromOnnx } from "../../src/onnx/open-onnx.ts";
import { encodeModel, type OnnxGraph, type OnnxModel } from "../../src/onnx/proto.ts";
import { openOnnxRecursion } from "../../src/onnx/recursion.ts";
import { makeDraw, mutate } from "./mutations.ts";

const config = whorlConfigSchema.parse({
  model: {
    ...{ hiddenSize: 8, numHeads: 2, expansion: 1, layers: 1, hCycles: 1, lCycles: 1, haltMaxSteps: 2 },
    ...{ puzzleEmbNdim: 8, puzzleEmbLen: 1 },
  },
  data: { task: "sudoku", size: 4 },
});
const model = makeModel(config.model, { seqLen: 16, vocabSize: 6, numPuzzleIdentifiers: 2 });
const weights = makeWeights(model, 1);

function fileOf(options: OnnxExportOptions): OnnxModel {
  return exportOnnx(model, weights, { ...options, config });
}

const step = fileOf({ form: "step", batch: 2 });
const loop = fileOf({ form: "solve", steps: 2, loop: true });

/** The runtime with the graph of the file. */
function runFile(bytes: Uint8Array): Promise<string> {
  return outcomeOf(async () => {
    const recursion = await openOnnxRecursion(bytes, {
      ...{ runtime: "onnxruntime-web", batchSize: 2, where: "x.onnx" },
    });
    try {
      const batch = { rows: 1, inputs: new Int32Array(16), identifiers: new Int32Array(1) };
      for await (const { results } of recursion.run(batch, 2)) expect(results.qLogits.length).toBe(2);
    } finally {
      await recursion.close();
    }
  });
}

async function outcomeOf(action: () => Promise<unknown>): Promise<string> {
  try {
    await action();
    return "good";
  } catch (error) {
    if (error instanceof ToolError) return error.code;
    throw error;
  }
}

const before = process.memoryUsage.rss();
afterAll(() => {
  expect(process.memoryUsage.rss() - before).toBeLessThan(600 * 2 ** 20); // the runtime alone takes some hundred
});

/** Where the nodes are, the weights, and what the file says of itself. */
function hotPlaces(sample: Buffer): [number, number][] {
  const [weightsStart, aboutStart] = [sample.indexOf("puzzle_emb.weights"), sample.indexOf("whorl.config")];
  return [
    [0, weightsStart],
    [weightsStart, aboutStart],
    [aboutStart, sample.length],
  ];
}

async function tally(count: number, file: OnnxModel, use: (bytes: Uint8Array) => Promise<string>) {
  const sample = Buffer.from(encodeModel(file));
  const hot = hotPlaces(sample);
  const outcomes = new Map<string, number>();
  for (let seed = 0; seed < count; seed++) {
    const outcome = await use(mutate(sample, hot, makeDraw(seed))).catch((error: unknown) => {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.stack : error}`);
    });
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  return outcomes;
}

const FORMS: [string, OnnxModel][] = [
  ["step", step],
  ["loop", loop],
];

test.each(FORMS)("400 files of the %s form are read or refused", async (_, file) => {
  const outcomes = await tally(400, file, (bytes) => outcomeOf(() => modelFromOnnx(bytes, "x.onnx")));
  expect(outcomes.get("onnx/damaged")).toBeGreaterThan(100);
  expect(outcomes.get("config/yaml")).toBeGreaterThan(20);
  expect(outcomes.get("good")).toBeGreaterThan(100);
});

test.each(FORMS)("50 files of the %s form reach the runtime or are refused", async (_, file) => {
  const outcomes = await tally(50, file, runFile);
  expect(outcomes.get("onnx/damaged")).toBeGreaterThan(10);
  expect(outcomes.get("onnx/refused")).toBeGreaterThan(2); // by the runtime
  expect(outcomes.get("good")).toBeGreaterThan(20);
});

const int64 = (...values: bigint[]) => new Uint8Array(BigInt64Array.from(values).buffer);

/** The file with another graph. */
function withGraph(file: OnnxModel, change: (graph: OnnxGraph) => Partial<OnnxGraph>): Uint8Array {
  return encodeModel({ ...file, graph: { ...file.graph, ...change(file.graph) } });
}

function withConstant(file: OnnxModel, name: RegExp, bytes: Uint8Array): Uint8Array {
  return withGraph(file, ({ initializers }) => {
    const changed = initializers.map((each) => (name.test(each.name) ? { ...each, bytes } : each));
    expect(changed).not.toEqual(initializers);
    return { initializers: changed };
  });
}

test("what asks for years or gigabytes is refused before a runtime sees it", async () => {
  const { nodes } = loop.graph;
  const solve = nodes.find(({ op }) => op === "Loop");
  const body = solve?.attributes?.body;
  if (!solve || !body || !("graph" in body)) throw new Error("the loop has no body");
  const inLoop = { ...solve, attributes: { body: { graph: { ...body.graph, nodes: [solve] } } } };
  const [table] = step.graph.initializers;
  const outcomes = [
    withConstant(loop, /^steps$/, int64(2n ** 40n)),
    withConstant(loop, /^constant\/\[17,8\]$/, int64(17n, 2n ** 40n)),
    withConstant(loop, /^constant\/\[17,8\]$/, int64(-(2n ** 62n), 8n)),
    withGraph(loop, () => ({ nodes: nodes.map((node) => (node === solve ? inLoop : node)) })),
    withGraph(loop, () => ({ nodes: nodes.map((node) => ({ ...node, op: "ConstantOfShape" })) })),
    withGraph(step, ({ initializers }) => ({ initializers: [...initializers, table] })),
    withGraph(step, ({ initializers: [first, ...rest] }) => ({
      initializers: [{ ...first, dims: [-1, -first.bytes.length / 4] }, ...rest],
    })),
    ...[-1, 0, 2 ** 40, 2 ** 60].map((rows) =>
      withGraph(step, ({ inputs }) => ({
        inputs: inputs.map((value) => ({ ...value, dims: [rows, ...value.dims.slice(1)] })),
      })),
    ),
    nested(20_000),
  ].map((bytes) => runFile(bytes));
  expect(await Promise.all(outcomes)).toMatchInlineSnapshot(`
    [
      "onnx/not-runnable",
      "onnx/not-runnable",
      "onnx/not-runnable",
      "onnx/not-runnable",
      "onnx/not-runnable",
      "onnx/not-runnable",
      "onnx/damaged",
      "onnx/damaged",
      "onnx/not-runnable",
      "onnx/not-runnable",
      "onnx/damaged",
      "onnx/damaged",
    ]
  `);
});

test("a table that the file announces but does not have takes no memory", async () => {
  const rows = 2 ** 31;
  const empty = withGraph(step, ({ initializers }) => ({
    initializers: initializers.map((each) =>
      each.name === "puzzle_emb.weights" ? { ...each, dims: [rows, 0], bytes: new Uint8Array() } : each,
    ),
  }));
  await expect(modelFromOnnx(empty, "x.onnx")).rejects.toThrow("the ONNX file has no 'puzzle_emb.weights'");
});

/** A node in an attribute's graph in a node in an attribute's graph … */
function nested(depth: number): Uint8Array {
  const pieces: Buffer[] = [];
  let length = 0;
  const wrap = (field: number) => {
    const head = Buffer.from([(field << 3) | 2, ...varint(length)]);
    pieces.push(head);
    length += head.length;
  };
  for (let i = 0; i < depth; i++) for (const field of [6, 5, 1]) wrap(field); // g of attribute of node
  wrap(7); // the graph of the model
  return Buffer.concat(pieces.reverse());
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}
