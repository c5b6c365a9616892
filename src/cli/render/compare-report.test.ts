import { expect, test } from "vitest";
import { summarizeComparison } from "../../compare/summary.ts";
import { madeUpComparison, madeUpRecord } from "../../compare/testing/made-up.ts";
import type { UnitRecord } from "../../compare/unit-record.ts";
import { drawComparison } from "./compare-chart.ts";
import { findings, limits } from "./compare-findings.ts";
import { type ComparisonResult, formatReport, subtitleOf } from "./compare-report.ts";
import { svgToPng } from "./svg-to-png.ts";

function resultOf(accuracies: Readonly<Record<string, readonly number[]>>): ComparisonResult {
  const comparison = madeUpComparison(Object.keys(accuracies), [0, 1, 2]);
  const records = Object.entries(accuracies).flatMap(([name, values]) =>
    values.map((value, seed) => madeUpRecord(name, seed, value)),
  );
  return { comparison, records, entries: summarizeComparison(comparison, records) };
}

const RESULT = resultOf({
  "as it is": [0.9, 0.88, 0.91],
  "a | b": [0.6, 0.59, 0.63],
  "no average": [0.89, 0.9, 0.88],
});

test("the report", () => {
  expect(`\n${formatReport(RESULT)}`).toMatchInlineSnapshot(`
    "
    # Made-up models

    exact accuracy on 300 held-out puzzles · 3 seeds · 3.00 TFLOP of training each.

    ![Exact accuracy of every entry, by seed, and by supervision step](chart.svg)

    | entry      | exact accuracy |   min … max | against first |  cells | weights | depth | steps |   training | time | halting steps | exact at halting |
    |------------|---------------:|------------:|--------------:|-------:|--------:|------:|------:|-----------:|-----:|--------------:|-----------------:|
    | as it is   |   89.7 % ± 1.5 | 88.0 … 91.0 |               | 94.8 % |  77,954 |     6 |   500 | 2.70 TFLOP | 60 s |     3.0 / 2.5 |           87.9 % |
    | a \\| b     |   60.7 % ± 2.1 | 59.0 … 63.0 |      −29.0 \\* | 80.3 % |  77,954 |     6 |   500 | 2.70 TFLOP | 60 s |     3.0 / 2.5 |           59.5 % |
    | no average |   89.0 % ± 1.0 | 88.0 … 90.0 |          −0.7 | 94.5 % |  77,954 |     6 |   500 | 2.70 TFLOP | 60 s |     3.0 / 2.5 |           87.2 % |

    Exact accuracy is the mean over the seeds ± their sample standard deviation, after all supervision steps. "Against first":
    points against the first entry, \\* where the difference is told apart from chance (below). Depth is T · (n + 1) · layers. Halting
    steps: supervision steps a puzzle got near the end of training / until the model first asked to halt in the evaluation; the last
    column is the accuracy of answers taken then.

    ## Entries

    - **as it is**: preset sudoku-6x6.
    - **a | b**: preset sudoku-6x6.
    - **no average**: preset sudoku-6x6.

    ## What may be concluded

    - **a | b** solves 29.0 points less than **as it is** (95 % interval −31.5 to −26.5, p < 0.001 after Holm's correction, 3 paired seeds).
    - **no average** is not told apart from **as it is** at 3 seeds: the difference of −0.7 points could be chance (95 % interval −6.9 to +5.6, p = 0.691 after Holm's correction, 3 paired seeds).

    ## What may not

    - Seeds: with 3 of them, differences below about 2.5 to 6.3 points (the half-widths of the intervals) cannot be seen here. "Not told apart" does not mean equal. Intervals are of each difference alone; Holm's correction is in the p-values.
    - Puzzles: all entries face the same 300 (generated: 10 clues, seed 0). The seeds say nothing of other puzzles; for an accuracy taken by itself, the choice of so many puzzles adds up to ± 5.5 points. Other sizes, difficulties and tasks were not tried.
    - Scale: networks of 77,954 weights, trained with 2.70 TFLOP each. What holds here need not hold for larger models, more data or longer training.
    - Stage: the training loss still fell in the last tenth of the training for as it is (−17 %), a | b (−17 %), no average (−17 %). This is the state at this budget, not where the entries end up.
    - Seconds are those of this machine with whatever else it did at the time.

    ## How it was made

    - units: 9 trainings, seeds 0, 1, 2; 9 min in all, finished 2026-01-01
    - test: 300 puzzles, generated: 10 clues, seed 0, SHA-256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
    - training: 20,000 puzzles; manifest SHA-256 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef; 0 held-out puzzles equivalent to a training puzzle
    - supervision steps in the evaluation: 4
    - engine: native avx2, float32, 1 thread
    - machine: Made-up CPU, 2 cores, linux-x64
    - versions: Whorl 0.0.0, Node 22.0.0

    \`whorl compare comparison.yaml --out FOLDER\` repeats it, with this comparison.yaml:

    \`\`\`yaml
    title: Made-up models
    budget:
      flops: 3000000000000
    seeds:
      - 0
      - 1
      - 2
    overrides: []
    evaluation:
      limit: null
      steps: null
    entries:
      - name: as it is
        preset: sudoku-6x6
        overrides: []
      - name: a | b
        preset: sudoku-6x6
        overrides: []
      - name: no average
        preset: sudoku-6x6
        overrides: []
    \`\`\`
    "
  `);
});

test("what is said follows from the numbers", () => {
  const budget = { steps: 500 };
  const said = (records: readonly UnitRecord[], names: readonly string[]) => {
    const entries = summarizeComparison(madeUpComparison(names, [0, 1, 2]), records);
    return [...findings(entries), ...limits(entries, records, budget)].join("\n");
  };
  const training = { ...madeUpRecord("a", 0, 0).training, lossBefore: 1 };
  const alike = (name: string, share: number) =>
    [0, 1, 2].map((seed) => madeUpRecord(name, seed, share, { training }));
  const few = said([madeUpRecord("a", 0, 0.5), madeUpRecord("b", 0, 0.9)], ["a", "b"]);
  expect(few).toContain("1 paired seed does not allow to judge");
  expect(few).toContain("With 1 seed no difference is judged");
  const edges = said([...alike("a", 1), ...alike("b", 0)], ["a", "b"]);
  expect(edges).toContain("**b** solves 100.0 points less than **a**");
  expect(edges).toContain("Ceiling: a solves");
  expect(edges).toContain("Floor: b solves");
  expect(edges).not.toMatch(/Stage|Budget|Leak|Engines|Machines|Settings/);
  const odd = alike("b", 0.5).map((record) => ({
    ...record,
    overrides: ["model.layers=2"],
    training: { ...training, flops: 3 * training.flops, lossBefore: 2 },
    engine: { ...record.engine, isa: "avx512" },
    data: { ...record.data, trainSha256: "other", heldOutInTraining: 2 },
  }));
  const uneven = said([...alike("a", 0.5), ...odd], ["a", "b"]);
  expect(uneven).toContain("no difference was seen");
  expect(uneven).toContain("FLOP (× 3.0)");
  expect(uneven).toContain("still fell in the last tenth of the training for b (−50 %)");
  expect(uneven).toContain("b runs with the settings of the preset sudoku-6x6 but for the overrides");
  for (const word of ["Engines:", "Leak: up to 2", "trained on 2 different sets"])
    expect(uneven).toContain(word);
});

test("the chart holds every seed and name, and becomes a PNG twice as wide", async () => {
  const svg = drawComparison(RESULT.entries, { title: "Parts & wholes <1>", subtitle: subtitleOf(RESULT) });
  expect(svg).toContain("Parts &amp; wholes &lt;1&gt;");
  for (const { name } of RESULT.entries) expect(svg).toContain(`>${name}</text>`);
  expect(svg.match(/r="4.5"/g)).toHaveLength(9);
  expect(svg).not.toMatch(/NaN|undefined|Infinity/);
  const png = Buffer.from(await svgToPng(svg));
  expect(png.subarray(0, 8)).toEqual(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]));
  expect(png.readUInt32BE(16)).toBe(1600);
  // A picture without letters would be much smaller: the fonts are there.
  const bare = await svgToPng(svg.replaceAll(/<text.*<\/text>/g, ""));
  expect(png.length).toBeGreaterThan(1.5 * bare.length);
});

test("no two of twenty entries have the same line", () => {
  const accuracies = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`entry ${i}`, [0.5, 0.6]]));
  const svg = drawComparison(resultOf(accuracies).entries, { title: "Many", subtitle: "" });
  const lines = [...svg.matchAll(/<polyline .*fill="none" (.*)\/>/g)].map(([, style]) => style);
  expect(lines).toHaveLength(20);
  expect(new Set(lines).size).toBe(20);
});

test("a chart of one entry with one step at 100 %", () => {
  const record = madeUpRecord("only", 0, 1, { bySteps: [{ step: 1, exactAccuracy: 1, cellAccuracy: 1 }] });
  const entries = summarizeComparison(madeUpComparison(["only"], [0]), [record]);
  const svg = drawComparison(entries, { title: "One", subtitle: "" });
  expect(svg).not.toMatch(/NaN|undefined|Infinity|supervision step/);
});

test("a difference that stands alone but not among many is said to be open", () => {
  const others = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`other ${i}`, [0.4, 0.5, 0.55]]));
  const [sentence] = findings(resultOf({ first: [0.39, 0.48, 0.55], low: [0, 0, 0.01], ...others }).entries);
  expect(sentence).toMatch(
    /^\*\*low\*\* solves 47\.0 points less than \*\*first\*\*, and taken alone that is beyond chance; among so many comparisons at 3 seeds it is not proven/,
  );
});
