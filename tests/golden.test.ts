// The golden traces of the reference implementation on all executors, within the tolerances of golden/README.md.

import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { findGolden } from "../src/base/data-folder.ts";
import { type BackendChoice, chooseExecutor, describeNative } from "../src/engine/executors/choose.ts";
import { readSafetensors, type StoredTensor } from "../src/formats/safetensors.ts";
import { replayTrace } from "../src/train/replay.ts";

const golden = findGolden("trm-att");
const { native } = await describeNative();
const backends: { backend: BackendChoice; isa?: string }[] = [
  { backend: "reference" },
  ...(native.available ? native.isas.map((isa) => ({ backend: "native" as const, isa })) : []),
  { backend: "wasm" },
];

describe.skipIf(!golden)("golden traces", () => {
  for (const { backend, isa } of backends)
    for (const model of ["trm-att", "trm-mlp", "hrm"])
      for (const resync of [false, true])
        test(`${model} on ${backend} ${isa ?? ""}${resync ? ", step by step" : ", running freely"}`, async () => {
          const folder = join(golden ?? "", "..", model);
          const { executor } = await chooseExecutor(backend, { isa, threads: 2 });
          const { report, computed } = await replayTrace(folder, executor, { resync });
          const { tensors: trace } = await readSafetensors(join(folder, "trace.safetensors"));
          const uncompared = [...trace.keys()].filter(
            (name) => !name.includes(".batch.") && !computed.has(name),
          );
          expect(uncompared).toEqual([]);
          for (const [name, expected] of trace) {
            const actual = computed.get(name);
            if (!actual) continue;
            expect(actual.dtype, name).toBe(expected.dtype);
            expect(actual.shape, name).toEqual(expected.shape);
            const limit = tolerance(name, model, resync);
            if (limit !== undefined) expect(relative(actual, expected), name).toBeLessThanOrEqual(limit);
          }
          expect(report.maxRel.loss).toBeLessThanOrEqual(model === "trm-mlp" && !resync ? 1e-3 : 1e-4);
          expect(report.haltedEqual).toBe(true);
          expect(report.paramsOff).toBeLessThanOrEqual(0.002);
          expect(report.paramsMaxAbs).toBeLessThanOrEqual(2.1e-3 * (resync ? 1 : 6));
          expect(report.puzzleEmbSignFlips).toBeLessThanOrEqual(0.005);
        });
});

test.skipIf(!native.available)("there is a native backend to judge", () => {
  expect(backends.length).toBeGreaterThan(2);
});

/** The table "Expected agreement in float32"; undefined for what is judged as a share of entries. */
function tolerance(name: string, model: string, resync: boolean): number | undefined {
  const evalStep = /^eval(\d+)\./.exec(name);
  if (evalStep) {
    if (resync) return 1e-4 * 10 ** (Number(evalStep[1]) - 1);
    return model === "trm-mlp" && evalStep[1] === "4" ? 1e-2 : 1e-3;
  }
  if (/\.(param|ema)\./.test(name) || name.startsWith("final.")) return undefined;
  if (/\.(current\.|batch\.|carry\.(steps|halted)|out\.preds)/.test(name)) return 0;
  if (name.includes(".grad.")) return 1e-3;
  return model === "trm-mlp" && !resync && name.startsWith("step5.") ? 1e-3 : 1e-4;
}

function relative(actual: StoredTensor, expected: StoredTensor): number {
  const [a, b] = [actual, expected].map(({ data }) => Array.from(data as ArrayLike<number | bigint>, Number));
  const worst = Math.max(...a.map((value, i) => Math.abs(value - b[i])));
  return worst === 0 ? 0 : worst / Math.max(...b.map(Math.abs));
}
