// `whorl doctor`: what this installation can do, and why something is off. Bug reports start from its output.

import { availableParallelism, totalmem } from "node:os";
import type { Command } from "commander";
import { findData, findGolden } from "../base/data-folder.ts";
import { printJson, printLine } from "../base/log.ts";
import { describeNative, describeWasm } from "../engine/executors/choose.ts";
import { describeMachine } from "../runs/run.ts";
import { mebibytes } from "./render/numbers.ts";
import { packageVersion } from "./version.ts";

export function registerDoctor(program: Command): void {
  program
    .command("doctor")
    .description("show versions, processor, backends and optional parts")
    .option("--json", "print the result as one line of JSON")
    .action(async (options: { json?: boolean }) => {
      const report = await diagnose();
      if (options.json) printJson(report);
      else for (const line of format(report)) printLine(line);
    });
}

async function diagnose() {
  const { native, compiler } = await describeNative();
  return {
    versions: { whorl: packageVersion(), node: process.versions.node, v8: process.versions.v8 },
    machine: { ...describeMachine(), memoryBytes: totalmem() },
    threads: availableParallelism(),
    backends: { native, wasm: describeWasm(), reference: { available: true, isa: "float32" } },
    compiler: compiler ?? null,
    data: { folder: findData(".") ?? null, golden: findGolden(".") ?? null },
  };
}

function format(report: Awaited<ReturnType<typeof diagnose>>): string[] {
  const { versions, machine, threads, backends, compiler, data } = report;
  const { native, wasm } = backends;
  return [
    `whorl ${versions.whorl}, node ${versions.node}`,
    `machine: ${machine.platform}, ${machine.cpuModel}, ${machine.cores} cores, ${mebibytes(machine.memoryBytes)}`,
    native.available
      ? `native backend: ${native.isa} in ${native.formats.join(" and ")} (also ${native.isas.slice(1).join(", ")}), ${threads} threads, built with ${native.compiler}`
      : `native backend: off: ${native.reason}`,
    ...(native.available ? [`processor features: ${native.features.join(" ")}`] : []),
    wasm.available
      ? `WebAssembly backend: ${wasm.isa}, ${threads} threads (when there is no native one)`
      : `WebAssembly backend: off: ${wasm.reason}`,
    "reference backend: on (slow; judges the others)",
    `compiler: ${compiler ?? "none found: set CXX, or install g++ or clang++"}`,
    `data folder: ${data.folder ?? "none: set WHORL_DATA to the folder with sudoku/, maze/ and arc/"}`,
    `golden traces: ${data.golden ?? "none: set WHORL_GOLDEN"}`,
  ];
}
