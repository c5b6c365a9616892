// Comparison of computed with recorded tensors, in the terms of golden/README.md "Expected agreement".

import type { StoredTensor } from "../formats/safetensors.ts";
import type { GoldenMeta } from "./golden-meta.ts";
import type { StepMetrics } from "./metrics.ts";

export interface ReplayReport {
  readonly model: string;
  readonly backend: string;
  readonly mode: "free" | "resync";
  readonly steps: number;
  /** Worst difference by kind, relative to the largest entry of each expected tensor. */
  readonly maxRel: { logits: number; carry: number; loss: number; grad: number; eval: number };
  /** Share of parameter and average entries, over all steps, that differ by more than 1e-5. */
  readonly paramsOff: number;
  readonly paramsMaxAbs: number;
  /** Share of the entries of used puzzle rows that moved the other way. */
  readonly puzzleEmbSignFlips: number;
  /** Halting decisions, rows in use and counting measures are all equal. */
  readonly haltedEqual: boolean;
}

type Kind = keyof ReplayReport["maxRel"];

/** Entries further apart than this have taken another step of a sign-like update. */
const PARAMETER_TOLERANCE = 1e-5;
const COUNTS = ["count", "exact_accuracy", "q_halt_accuracy", "steps"] as const;

export class Comparison {
  readonly computed = new Map<string, StoredTensor>();
  readonly #trace: ReadonlyMap<string, StoredTensor>;
  readonly #meta: GoldenMeta;
  readonly #maxRel = { logits: 0, carry: 0, loss: 0, grad: 0, eval: 0 };
  #entries = 0;
  #entriesOff = 0;
  #largestOff = 0;
  #puzzleEntries = 0;
  #puzzleFlips = 0;
  #haltedEqual = true;

  constructor(trace: ReadonlyMap<string, StoredTensor>, meta: GoldenMeta) {
    this.#trace = trace;
    this.#meta = meta;
  }

  /** Keeps a computed tensor and compares it with the recorded one of that name, if there is one. */
  add(name: string, tensor: StoredTensor): void {
    const copy = { ...tensor, data: tensor.data.slice() };
    this.computed.set(name, copy);
    const expected = this.#trace.get(name);
    if (!expected) return;
    if (expected.data.length !== tensor.data.length)
      throw new Error(`${name} has ${tensor.data.length} entries, ${expected.data.length} are recorded`);
    if (/^step\d+\.(current\.|carry\.(steps|halted)$)/.test(name)) this.#compareExactly(copy, expected);
    else if (name.endsWith("puzzle_emb.weights")) this.#comparePuzzleTable(name, copy, expected);
    else if (/^step\d+\.param\.|^final\.ema\./.test(name)) this.#compareParameters(copy, expected);
    else {
      const kind = kindOf(name);
      if (kind) this.#note(kind, relativeDifference(copy, expected));
    }
  }

  addLoss(step: number, metrics: StepMetrics): void {
    const expected = this.#meta.metrics[step];
    for (const key of ["loss", "lm_loss", "q_halt_loss", "q_continue_loss"] as const) {
      const recorded = expected[key] ?? 0;
      const off = Math.abs(metrics[key] - recorded);
      this.#note("loss", off === 0 ? 0 : off / Math.abs(recorded));
    }
    if (COUNTS.some((key) => metrics[key] !== expected[key])) this.#haltedEqual = false;
  }

  /** Names that were recorded but never computed, what the rows were fed with apart. */
  uncompared(): string[] {
    return [...this.#trace.keys()].filter((name) => !name.includes(".batch.") && !this.computed.has(name));
  }

  report(model: string, backend: string, mode: "free" | "resync"): ReplayReport {
    return {
      model,
      backend,
      mode,
      steps: this.#meta.steps,
      maxRel: this.#maxRel,
      paramsOff: this.#entriesOff / Math.max(this.#entries, 1),
      paramsMaxAbs: this.#largestOff,
      puzzleEmbSignFlips: this.#puzzleFlips / Math.max(this.#puzzleEntries, 1),
      haltedEqual: this.#haltedEqual,
    };
  }

  #note(kind: Kind, difference: number): void {
    this.#maxRel[kind] = Math.max(this.#maxRel[kind], finite(difference));
  }

  #compareExactly(actual: StoredTensor, expected: StoredTensor): void {
    const [a, b] = [numbers(actual), numbers(expected)];
    if (a.some((value, i) => value !== b[i])) this.#haltedEqual = false;
  }

  #compareParameters(actual: StoredTensor, expected: StoredTensor): void {
    const [a, b] = [numbers(actual), numbers(expected)];
    a.forEach((value, i) => {
      const off = Math.abs(value - b[i]);
      this.#entries++;
      if (!(off <= PARAMETER_TOLERANCE)) this.#entriesOff++;
      this.#largestOff = Math.max(this.#largestOff, finite(off));
    });
  }

  /** Rows that a step did not use must keep their values; a used entry that differs went the other way. */
  #comparePuzzleTable(name: string, actual: StoredTensor, expected: StoredTensor): void {
    const step = name.slice(0, name.indexOf("."));
    const used = new Set(numbers(this.#trace.get(`${step}.current.puzzle_identifiers`)));
    const size = expected.shape[1];
    const [a, b] = [numbers(actual), numbers(expected)];
    a.forEach((value, i) => {
      const isUsed = used.has(Math.floor(i / size));
      const isOff = !(Math.abs(value - b[i]) <= PARAMETER_TOLERANCE);
      if (isUsed) this.#puzzleEntries++;
      if (isOff) this.#puzzleFlips++;
    });
  }
}

function kindOf(name: string): Kind | undefined {
  if (name.startsWith("eval")) return "eval";
  if (/\.out\.(logits|q_|target_)/.test(name)) return "logits";
  if (name.includes(".carry.")) return "carry";
  if (name.includes(".grad.")) return "grad";
  return undefined;
}

/** NaN counts as infinitely wrong; and as a number, because JSON would print null for both. */
function finite(difference: number): number {
  return Number.isFinite(difference) ? difference : Number.MAX_VALUE;
}

function relativeDifference(actual: StoredTensor, expected: StoredTensor): number {
  const [a, b] = [numbers(actual), numbers(expected)];
  let worst = 0;
  let largest = 0;
  for (let i = 0; i < b.length; i++) {
    worst = Math.max(worst, Math.abs(a[i] - b[i])); // once NaN, always NaN
    largest = Math.max(largest, Math.abs(b[i]));
  }
  if (worst === 0) return 0;
  return worst / largest;
}

function numbers(tensor: StoredTensor | undefined): number[] {
  return Array.from((tensor?.data ?? []) as ArrayLike<number | bigint>, Number);
}
