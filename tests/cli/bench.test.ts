// `whorl bench` from the outside: the JSON that checks read, the file, the messages.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { registerBench } from "../../src/cli/bench.ts";
import { addon } from "../../src/engine/testing/native.ts";
import { temporaryFolder } from "../temporary-files.ts";
import { runCommand } from "./run-command.ts";
import { runWhorl } from "./run-whorl.ts";

const nativeTest = test.skipIf(addon === undefined);
const quick = ["tiny", "--seconds", "0.02"];

nativeTest("--json gives one line with an element a case and mode, each from its own process", async () => {
  const file = join(temporaryFolder(), "bench.json");
  const words = [...quick, "--mode", "train,latency", "--threads", "1", "--isa", "portable", "--batch", "4"];
  const { exitCode, stdout } = await runWhorl(["bench", ...words, "--json", "--out", file]);
  expect(exitCode).toBe(0);
  expect(stdout.trim().split("\n")).toHaveLength(1);
  const results = JSON.parse(stdout);
  expect(results).toMatchObject([
    { case: "tiny", mode: "train", dtype: "float32", isa: "portable", threads: 1, batch: 4 },
    { case: "tiny", mode: "latency", dtype: "float32", isa: "portable", threads: 1, batch: 1 },
  ]);
  for (const result of results)
    for (const field of ["exStepsPerSecond", "tflops", "peakTflops", "fractionOfPeak", "peakRssMiB"])
      expect(result[field], field).toBeGreaterThan(0);
  const record = JSON.parse(readFileSync(file, "utf8"));
  expect(record.results).toEqual(results);
  expect(Object.keys(record)).toEqual(["createdAt", "versions", "machine", "results"]);
});

nativeTest("tables for people, of measurements and of a profile", async () => {
  const withoutNumbers = (text: string) => text.replaceAll(/[\d.,]+/g, "0").replaceAll(/ +/g, " ");
  const measured = await runCommand(registerBench, ["bench", ...quick, "--here", "--mode", "forward"]);
  expect(withoutNumbers(measured.stdout)).toContain(
    "case mode batch examples/s TFLOP/s of peak a step spread memory\ntiny forward 0 (0) 0",
  );
  const profiled = await runCommand(registerBench, ["bench", ...quick, "--profile"]);
  expect(withoutNumbers(profiled.stdout)).toContain(
    "tiny one training step of 0 examples (0 at once):".replace(" ", "0 "),
  );
  expect(profiled.stdout).toContain("linearGradWeight");
  expect(profiled.stdout).toContain("* optimizer");
});

nativeTest("--profile --json", async () => {
  const { stdout } = await runCommand(registerBench, [
    "bench",
    ...quick,
    "--profile",
    "--json",
    "--by",
    "scope",
  ]);
  const [profile] = JSON.parse(stdout);
  expect(profile).toMatchObject({ case: "tiny", mode: "train", batch: 8 });
  expect(profile.rows.map(({ name }: { name: string }) => name)).toContain("forward L_level.layers.0.mlp");
});

test("--list names the cases", async () => {
  const { stdout } = await runCommand(registerBench, ["bench", "--list", "--json"]);
  expect(JSON.parse(stdout).map(({ name }: { name: string }) => name)).toContain("sudoku-mlp");
});

test("wrong words are wrong usage, and a backend without a peak is a failure", async () => {
  const failure = async (...words: string[]) => {
    const { error, exitCode } = await runCommand(registerBench, ["bench", ...words]);
    return `${exitCode}: ${error}`;
  };
  expect(await failure("sudoku-mpl")).toMatchInlineSnapshot(
    `"2: unknown case sudoku-mpl — the nearest is sudoku-mlp; there are sudoku-mlp, sudoku-attention, maze, arc, narrow-81, narrow-729, sudoku-6x6, and all"`,
  );
  expect(await failure("--mode", "train,lateny")).toMatchInlineSnapshot(
    `"2: unknown mode lateny — the nearest is latency; there are train, forward, latency"`,
  );
  expect(await failure("--seconds", "soon")).toMatchInlineSnapshot(
    `"2: --seconds takes a number above 0, not 'soon'"`,
  );
  expect(await failure("--batch", "0")).toMatchInlineSnapshot(
    `"2: --batch takes a whole number from 1, not '0' — for instance --batch 2"`,
  );
  expect(await failure("--profile", "--by", "colour")).toMatchInlineSnapshot(
    `"2: --by takes kernel or scope, not 'colour'"`,
  );
  expect(await failure("tiny", "--backend", "reference")).toMatchInlineSnapshot(
    `"1: the reference backend has no peak to be measured against — bench measures the native backend: \`whorl doctor\` says whether this machine has it"`,
  );
  expect(await failure("tiny", "--profile", "--backend", "reference")).toMatchInlineSnapshot(
    `"1: the reference backend has no peak to be measured against — bench measures the native backend: \`whorl doctor\` says whether this machine has it"`,
  );
});
