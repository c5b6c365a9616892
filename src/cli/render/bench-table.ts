// Measurements and profiles of `whorl bench` as tables.

import type { BenchCase } from "../../bench/cases.ts";
import type { Measurement } from "../../bench/measure.ts";
import type { Profile } from "../../bench/profile.ts";
import { percent } from "./numbers.ts";
import { formatFields, formatTable, type TableColumn } from "./table.ts";

export function formatCases(cases: readonly BenchCase[]): string[] {
  return formatFields(cases.map(({ name, summary, batch }) => [name, `${summary}; batch ${batch}`]));
}

/** A table for each number format: their peaks are different ones. */
export function formatMeasurements(results: readonly Measurement[]): string[] {
  const formats = [...new Set(results.map(({ dtype }) => dtype))];
  return formats.flatMap((format, i) => [
    ...(i > 0 ? [""] : []),
    ...formatTogether(results.filter(({ dtype }) => dtype === format)),
  ]);
}

function formatTogether(results: readonly Measurement[]): string[] {
  const { backend, isa, dtype, threads } = results[0];
  const columns = ["case", "mode", "batch", "examples/s", "TFLOP/s", "of peak", "a step", "spread", "memory"];
  const rows = results.map((result) => {
    const { median, min, max } = result.seconds;
    return [
      result.case,
      result.mode,
      `${result.batch} (${result.microBatch})`,
      significant(result.exStepsPerSecond),
      significant(result.tflops),
      percent(result.fractionOfPeak),
      time(median),
      `−${percent((median - min) / median, 0)} +${percent((max - median) / median, 0)}`,
      `${Math.round(result.peakRssMiB)} MiB`,
    ];
  });
  const puzzles = results.filter(({ secondsPerPuzzle }) => secondsPerPuzzle !== undefined);
  return [
    `${backend} ${isa} ${dtype}, ${threads === 1 ? "1 thread" : `${threads} threads`}; peak ${peakRange(results)}`,
    "",
    ...formatTable(columns.map(rightAfter(2)), rows),
    "",
    "examples/s: examples times supervision steps; batch: with the rows a thread computes at once",
    ...puzzles.map(
      (result) =>
        `${result.case}: ${time(result.secondsPerPuzzle ?? 0)} for one puzzle alone (${result.supervisionSteps} supervision steps)`,
    ),
  ];
}

export function formatProfile(profile: Profile): string[] {
  const columns = ["", "calls", "ms", "share", "GFLOP/s", "of peak", "GB/s"];
  const rows = profile.rows.map((row) => [
    row.kind === "graph" ? row.name : `* ${row.name}`,
    row.calls > 0 ? significant(row.calls) : "",
    row.milliseconds.toFixed(3),
    percent(row.share),
    row.gflopsPerSecond === null ? "" : row.gflopsPerSecond.toFixed(1),
    row.gflopsPerSecond === null ? "" : percent(row.gflopsPerSecond / 1000 / profile.peakTflops, 0),
    row.gigabytesPerSecond === null ? "" : row.gigabytesPerSecond.toFixed(1),
  ]);
  const { backend, isa, dtype, threads } = profile;
  return [
    `${profile.case}, one training step of ${profile.batch} examples (${profile.microBatch} at once): ${time(profile.stepMilliseconds / 1000)}, mean of ${profile.steps}`,
    `${backend} ${isa} ${dtype}, ${threads === 1 ? "1 thread" : `${threads} threads`}; peak ${profile.peakTflops.toFixed(3)} TFLOP/s; rates are those of all threads together`,
    "",
    ...formatTable(columns.map(rightAfter(1)), rows),
    "",
    "* outside the training graph",
    "",
  ];
}

function rightAfter(leftColumns: number): (title: string, index: number) => TableColumn {
  return (title, index) => ({ title, align: index < leftColumns ? "left" : "right" });
}

function peakRange(results: readonly Measurement[]): string {
  const peaks = results.map(({ peakTflops }) => peakTflops);
  const [low, high] = [Math.min(...peaks).toFixed(3), Math.max(...peaks).toFixed(3)];
  return `${low === high ? low : `${low} to ${high}`} TFLOP/s`;
}

/** Three significant digits without an exponent. */
function significant(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : String(Number(value.toPrecision(3)));
}

function time(seconds: number): string {
  if (seconds >= 1) return `${seconds.toFixed(2)} s`;
  return seconds >= 1e-3 ? `${(1e3 * seconds).toPrecision(3)} ms` : `${(1e6 * seconds).toPrecision(3)} µs`;
}
