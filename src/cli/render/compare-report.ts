// A comparison in words: the table for the terminal, and the whole report as Markdown that reads well as plain text too.

import { type Budget, type Comparison, formatComparison } from "../../compare/definition.ts";
import type { EntrySummary } from "../../compare/summary.ts";
import type { UnitRecord } from "../../compare/unit-record.ts";
import { findings, limits, signed } from "./compare-findings.ts";
import { duration, flop, integer, percent } from "./numbers.ts";
import { formatTable, type TableColumn } from "./table.ts";

/** Everything that was measured. */
export interface ComparisonResult {
  readonly comparison: Comparison;
  readonly records: readonly UnitRecord[];
  readonly entries: readonly EntrySummary[];
}

const COLUMNS: readonly TableColumn[] = [
  { title: "entry" },
  { title: "exact accuracy", align: "right" },
  { title: "min … max", align: "right" },
  { title: "against first", align: "right" },
  { title: "cells", align: "right" },
  { title: "weights", align: "right" },
  { title: "depth", align: "right" },
  { title: "steps", align: "right" },
  { title: "training", align: "right" },
  { title: "time", align: "right" },
  { title: "halting steps", align: "right" },
  { title: "exact at halting", align: "right" },
];

/** The lines of the table, titles first. */
export function formatEntries(entries: readonly EntrySummary[]): string[] {
  return formatTable(COLUMNS, entries.map(cellsOf));
}

function cellsOf(entry: EntrySummary): string[] {
  const { exactAccuracy, difference, halting, haltingStepsInTraining: inTraining } = entry;
  const { mean, deviation, min, max } = exactAccuracy;
  return [
    entry.name,
    deviation === null ? percent(mean) : `${percent(mean)} ± ${(100 * deviation).toFixed(1)}`,
    `${(100 * min).toFixed(1)} … ${(100 * max).toFixed(1)}`,
    difference ? `${signed(difference.mean)}${difference.verdict.startsWith("not") ? "" : " *"}` : "",
    percent(entry.cellAccuracy.mean),
    integer(entry.parameters),
    String(entry.effectiveDepth),
    integer(Math.round(entry.steps)),
    flop(entry.flops),
    duration(entry.trainSeconds),
    `${inTraining === null ? "–" : inTraining.toFixed(1)} / ${halting.meanSteps.toFixed(1)}`,
    percent(halting.exactAccuracy),
  ];
}

/** What was measured, in one line. */
export function subtitleOf({ comparison, records, entries }: ComparisonResult): string {
  const seeds = Math.max(...entries.map((entry) => entry.seeds.length));
  return `exact accuracy on ${integer(records[0].puzzles)} held-out puzzles · ${seeds} ${seeds === 1 ? "seed" : "seeds"} · ${describeBudget(comparison.budget)} of training each`;
}

function describeBudget(budget: Budget): string {
  if ("flops" in budget) return flop(budget.flops);
  if ("steps" in budget) return `${integer(budget.steps)} steps`;
  return `${budget.minutes} ${budget.minutes === 1 ? "minute" : "minutes"}`;
}

/** report.md; the chart lies beside it. */
export function formatReport(result: ComparisonResult): string {
  const { comparison, records, entries } = result;
  const table = markdownTable(COLUMNS, entries.map(cellsOf));
  const told = findings(entries);
  return `${[
    `# ${comparison.title}`,
    `${subtitleOf(result)}.`,
    "![Exact accuracy of every entry, by seed, and by supervision step](chart.svg)",
    table.join("\n"),
    LEGEND,
    ...describeEntries(entries),
    "## What may be concluded",
    told.length > 0 ? bullets(told) : "Nothing: there is only one entry.",
    "## What may not",
    bullets(limits(entries, records, comparison.budget)),
    "## How it was made",
    bullets(origin(records)),
    `\`whorl compare comparison.yaml --out FOLDER\` repeats it, with this comparison.yaml:`,
    `\`\`\`yaml\n${formatComparison(comparison)}\`\`\``,
  ].join("\n\n")}\n`;
}

const LEGEND = `Exact accuracy is the mean over the seeds ± their sample standard deviation, after all supervision steps. "Against first":
points against the first entry, \\* where the difference is told apart from chance (below). Depth is T · (n + 1) · layers. Halting
steps: supervision steps a puzzle got near the end of training / until the model first asked to halt in the evaluation; the last
column is the accuracy of answers taken then.`;

function describeEntries(entries: readonly EntrySummary[]): string[] {
  const lines = entries.map(({ name, preset, overrides, note }) =>
    [
      `**${name}**: preset ${preset}${overrides.length > 0 ? `, \`${overrides.join(" ")}\`` : ""}.`,
      ...(note ? [note] : []),
    ].join(" "),
  );
  return ["## Entries", bullets(lines)];
}

/** Everything that one must know to judge or repeat it. */
function origin(records: readonly UnitRecord[]): string[] {
  const distinct = (of: (record: UnitRecord) => string) => [...new Set(records.map(of))].join("; ");
  const total = records.reduce((sum, { training, evalSeconds }) => sum + training.seconds + evalSeconds, 0);
  const finished = records.map(({ finishedAt }) => finishedAt).sort();
  return [
    `units: ${records.length} trainings, seeds ${distinct(({ seed }) => String(seed)).replaceAll(";", ",")}; ${duration(total)} in all, finished ${finished[0].slice(0, 10)}${finished.at(-1)?.slice(0, 10) === finished[0].slice(0, 10) ? "" : ` to ${finished.at(-1)?.slice(0, 10)}`}`,
    `test: ${integer(records[0].puzzles)} puzzles, ${records[0].data.testFrom}, SHA-256 ${records[0].data.testSha256}`,
    `training: ${distinct(({ data }) => `${integer(data.trainPuzzles)} puzzles`)}; manifest SHA-256 ${distinct(({ data }) => data.manifestSha256)}; ${Math.max(...records.map(({ data }) => data.heldOutInTraining))} held-out puzzles equivalent to a training puzzle`,
    `supervision steps in the evaluation: ${distinct(({ supervisionSteps }) => String(supervisionSteps))}`,
    `engine: ${distinct(({ engine }) => `${engine.backend} ${engine.isa ?? ""}, ${engine.format}, ${engine.threads} ${engine.threads === 1 ? "thread" : "threads"}`)}`,
    `machine: ${distinct(({ machine }) => `${machine.cpuModel}, ${machine.cores} cores, ${machine.platform}`)}`,
    `versions: ${distinct(({ versions }) => `Whorl ${versions.whorl}, Node ${versions.node}`)}`,
  ];
}

function bullets(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join("\n");
}

/** Aligned, so that it reads as plain text; a bar in a name would end its cell. */
function markdownTable(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string[] {
  const safe = rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|").replace(/ \*$/, " \\*")));
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...safe.map((row) => row[i].length)));
  const lineOf = (cells: readonly string[]) =>
    `| ${cells.map((cell, i) => (columns[i].align === "right" ? cell.padStart(widths[i]) : cell.padEnd(widths[i]))).join(" | ")} |`;
  const rule = columns.map(({ align }, i) =>
    align === "right" ? `${"-".repeat(widths[i] + 1)}:` : "-".repeat(widths[i] + 2),
  );
  return [lineOf(columns.map(({ title }) => title)), `|${rule.join("|")}|`, ...safe.map(lineOf)];
}
