import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../tests/temporary-files.ts";
import { ToolError } from "../base/errors.ts";
import { defineComparison, formatComparison, type Given, slugOf } from "./definition.ts";

function put(text: string): string {
  const path = join(temporaryFolder(), "parts.yaml");
  writeFileSync(path, text);
  return path;
}

async function refusal(words: readonly string[], given: Given = {}): Promise<string> {
  const error = await defineComparison(words, given).catch((thrown: unknown) => thrown);
  if (!(error instanceof ToolError)) return "accepted";
  expect(error.exitCode).toBe(2);
  return error.format().replaceAll(/\S*[/\\](?=parts\.yaml)/g, "");
}

test("words of a command line", async () => {
  const words = ["sudoku-6x6", "train.lr=1e-3", "./mine.yaml:model.layers=2,+ema=false", "maze-10x10"];
  const { entries, overrides, seeds } = await defineComparison(words, { budget: { steps: 5 } });
  expect(entries).toEqual([
    { name: "sudoku-6x6", preset: "sudoku-6x6", overrides: [] },
    { name: "mine layers=2 ema=false", preset: "./mine.yaml", overrides: ["model.layers=2", "+ema=false"] },
    { name: "maze-10x10", preset: "maze-10x10", overrides: [] },
  ]);
  expect([overrides, seeds]).toEqual([["train.lr=1e-3"], [0, 1, 2]]);
});

test("a file; the command line wins over it; what is written reads back", async () => {
  const path = put(`
title: Parts
budget: {flops: 6e12}
seeds: [4, 5]
overrides: {train.lr: 1e-3, model: {layers: 2}}
entries:
  - preset: sudoku-6x6
    note: as it is
  - {name: no average, preset: sudoku-6x6, overrides: [train.ema=false]}
`);
  const comparison = await defineComparison([path, "train.lr=2e-3"], { seeds: [7], limit: 50 });
  expect(comparison).toEqual({
    title: "Parts",
    budget: { flops: 6e12 },
    seeds: [7],
    overrides: ["train.lr=0.001", 'model={"layers":2}', "train.lr=2e-3"],
    evaluation: { limit: 50, steps: null },
    entries: [
      { name: "sudoku-6x6", preset: "sudoku-6x6", overrides: [], note: "as it is" },
      { name: "no average", preset: "sudoku-6x6", overrides: ["train.ema=false"] },
    ],
  });
  expect(await defineComparison([put(formatComparison(comparison))], {})).toEqual(comparison);
});

test("what is no comparison is explained", async () => {
  const steps: Given = { budget: { steps: 5 } };
  const entries = "entries: [{preset: sudoku-6x6}]";
  const told = [
    await refusal(["sudoku-6x6"]),
    await refusal([], steps),
    await refusal(["sudoku-6x6", "sudoku-6x6"], steps),
    await refusal(["sudoku-6x6:model.layers=2", "sudoku-6x6:model.layers=2"], steps),
    await refusal([put(`budget: {flops: 1, steps: 2}\n${entries}`)]),
    await refusal([put(`budget: {steps: 2}\nseeds: [0, 1, 0]\n${entries}`)]),
    await refusal([put(`budget: {steps: 2}\nseeds: [-1]\n${entries}`)]),
    await refusal([put(`budget: {steps: 2}\noverrides: 3\n${entries}`)]),
    await refusal([put("budget: {steps: 2}\nentries: [{name: a}]")]),
    await refusal([put(`budget: {steps: 2}\nentires: []\n${entries}`)]),
    await refusal([put("budget: {steps: 2}\nentries: [{name: a b, preset: x}, {name: A-B, preset: x}]")]),
    await refusal([put("entries: {")]),
    await refusal(["nowhere/parts.yaml"], steps),
  ];
  expect(`\n${told.join("\n")}\n`).toMatchInlineSnapshot(`
    "
    no budget: the runs are to be equal in what? — the command line — add --flops 6e12, --steps 500 or --minutes 5 (in a file: budget: {flops: 6e12})
    not a comparison: entries: Too small: expected array to have >=1 items — the command line — a comparison has title, budget, seeds, overrides, evaluation and entries, each with preset, name, overrides, note
    two entries are called sudoku-6x6 — the command line — give them other names: \`name:\` in a comparison file
    two entries are called sudoku-6x6 layers=2 — the command line — give them other names: \`name:\` in a comparison file
    not a comparison: budget: one of {flops: 6e12}, {steps: 500}, {minutes: 5} — parts.yaml — a comparison has title, budget, seeds, overrides, evaluation and entries, each with preset, name, overrides, note
    seed 0 is given twice — parts.yaml
    not a comparison: seeds.0: Too small: expected number to be >=0 — parts.yaml — a comparison has title, budget, seeds, overrides, evaluation and entries, each with preset, name, overrides, note
    not a comparison: overrides: settings as a mapping, for instance {model.layers: 2} — parts.yaml — a comparison has title, budget, seeds, overrides, evaluation and entries, each with preset, name, overrides, note
    not a comparison: entries.0.preset: Invalid input: expected string, received undefined — parts.yaml — a comparison has title, budget, seeds, overrides, evaluation and entries, each with preset, name, overrides, note
    not a comparison: Unrecognized key: "entires" — parts.yaml — a comparison has title, budget, seeds, overrides, evaluation and entries, each with preset, name, overrides, note
    the entries a b and A-B would share a folder — parts.yaml — give them other names: \`name:\` in a comparison file
    not valid YAML: Flow map in block collection must be sufficiently indented and end with a } at line 1, column 11: — parts.yaml — correct the line
    no such file or folder while reading parts.yaml — check the path
    "
  `);
});

test("names become folders", () => {
  expect(["two networks", "T=1, n=6", "Ä/ö", "..", "…"].map(slugOf)).toEqual([
    ...["two-networks", "t-1-n-6", "ä-ö", "entry", "entry"],
  ]);
});
