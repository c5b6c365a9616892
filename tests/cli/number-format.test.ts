// The number format as a user meets it: what is asked for, what this machine has, what was used.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { registerBench } from "../../src/cli/bench.ts";
import { registerDoctor } from "../../src/cli/doctor.ts";
import { registerEval } from "../../src/cli/eval.ts";
import { registerParams } from "../../src/cli/params.ts";
import { registerTrain } from "../../src/cli/train.ts";
import { addon, bfloat16Backends } from "../../src/engine/testing/native.ts";
import { temporaryFolder } from "../temporary-files.ts";
import { runCommand } from "./run-command.ts";

const [{ isa: shortIsa, isThere: hasBfloat16 }] = bfloat16Backends;
const tiny = ["sudoku-4x4", "train.steps=2", "train.globalBatchSize=4", "train.quickEval.everySteps=0"];
const inBfloat16 = [...tiny, "model.forwardDtype=bfloat16"];
const recordOf = (dir: string) => JSON.parse(readFileSync(join(dir, "run.json"), "utf8"));

test("a backend without bfloat16 trains in float32, says so and writes it down", async () => {
  const dir = join(temporaryFolder(), "run");
  const { stderr, error } = await runCommand(registerTrain, [
    ...["train", ...inBfloat16, "--backend", "wasm", "--out", dir],
  ]);
  expect(error).toBe("");
  expect(stderr).toContain(
    "model.forwardDtype is bfloat16, which wasm simd128 does not compute in: training in float32",
  );
  expect(stderr).toContain("engine: wasm simd128, float32, ");
  expect(recordOf(dir).engine).toMatchObject({ backend: "wasm", format: "float32" });
});

test("float32 is nothing to warn of, whatever the machine has", async () => {
  const dir = join(temporaryFolder(), "run");
  const { stderr } = await runCommand(registerTrain, ["train", ...tiny, "--out", dir]);
  expect(stderr).not.toContain("forwardDtype");
  expect(recordOf(dir).engine.format).toBe("float32");
});

test("the reference backend has bfloat16; a run stays in the format it began in", async () => {
  const dir = join(temporaryFolder(), "run");
  const words = ["train", ...inBfloat16, "--backend", "reference", "--out", dir];
  const started = await runCommand(registerTrain, words);
  expect(started.stderr).not.toContain("forwardDtype");
  expect(started.stderr).toContain("engine: reference float32, bfloat16, ");
  expect(recordOf(dir).engine.format).toBe("bfloat16");
  const resumed = await runCommand(registerTrain, ["train", "--resume", "--out", dir, "train.steps=4"]);
  expect(resumed.error).toBe("");
  expect(resumed.stderr).toContain("engine: reference float32, bfloat16, ");
  const { stdout } = await runCommand(registerEval, [
    ...["eval", dir, "--backend", "wasm", "--limit", "4", "--json"],
  ]);
  expect(JSON.parse(stdout)).toMatchObject({ backend: "wasm simd128", format: "float32" });
});

test("params says what is asked for and what this machine uses", async () => {
  const wanted = "bfloat16";
  const { stdout } = await runCommand(registerParams, ["params", ...inBfloat16, "--json"]);
  const used = hasBfloat16 ? wanted : "float32";
  const short = JSON.parse(stdout);
  expect(short.numberFormat).toEqual({ wanted, used });
  const long = JSON.parse((await runCommand(registerParams, ["params", ...tiny, "--json"])).stdout);
  expect(long.numberFormat).toEqual({ wanted: "float32", used: "float32" });
  expect(short.arenaBytesPerRow < long.arenaBytesPerRow).toBe(hasBfloat16);
  expect(short.flopsPerExampleStep).toBe(long.flopsPerExampleStep);
});

test.skipIf(addon === undefined)("doctor names the number formats of the native backend", async () => {
  const { stdout } = await runCommand(registerDoctor, ["doctor", "--json"]);
  const { native } = JSON.parse(stdout).backends;
  expect(native.formats).toEqual(addon?.cpu().formats[native.isa]);
  const text = (await runCommand(registerDoctor, ["doctor"])).stdout;
  expect(text).toContain(`native backend: ${native.isa} in ${native.formats.join(" and ")} (also `);
});

test("bench refuses formats that are none or that the instruction set lacks", async () => {
  const failure = async (...words: string[]) => {
    const { error, exitCode } = await runCommand(registerBench, ["bench", "tiny", ...words]);
    return `${exitCode}: ${error}`;
  };
  expect(await failure("--dtype", "float32,bfloat61")).toMatchInlineSnapshot(
    `"2: unknown number format bfloat61 — the nearest is bfloat16; there are float32, bfloat16"`,
  );
  if (addon === undefined) return;
  const lacking = ["--dtype", "bfloat16", "--isa", "portable"];
  for (const words of [lacking, [...lacking, "--profile"]])
    expect(await failure(...words)).toMatchInlineSnapshot(
      `"1: native portable does not compute in bfloat16 — it has float32; \`whorl doctor\` lists what this machine has"`,
    );
});

test.skipIf(!hasBfloat16)("bench measures each format against its own peak", async () => {
  const words = ["tiny", "--seconds", "0.02", "--here", "--mode", "forward", "--dtype", "bfloat16,float32"];
  const { stdout } = await runCommand(registerBench, ["bench", ...words, "--json"]);
  const results = JSON.parse(stdout);
  expect(results).toMatchObject([
    { dtype: "bfloat16", isa: shortIsa },
    { dtype: "float32", isa: shortIsa },
  ]);
  expect(results[0].peakTflops).toBeGreaterThan(2 * results[1].peakTflops);
});
