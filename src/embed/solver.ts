// What an embedded model is to the program around it, in Node and in a browser alike: a puzzle goes in, and what the
// model answers comes out step by step. Who computes the steps (the engine, ONNX Runtime) is a `RunSteps`.

import { ToolError } from "../base/errors.ts";
import { haltProbability } from "../eval/halt-rule.ts";
import type { PuzzleForm } from "./puzzle-form.ts";

/** A trained model that solves puzzles. */
export interface Solver {
  /** As people say it, for instance `sudoku 6×6`. */
  readonly title: string;
  /** Supervision steps that the model was trained for. */
  readonly steps: number;
  /** What computes, for instance `WebAssembly, 1 thread`. */
  readonly runsOn: string;
  /**
   * Yields what the model answers after each step. Several puzzles may be under way at once.
   * @param puzzle text as `whorl solve` reads it, or the tokens of the question, as many as the board has cells
   * @throws ToolError for a puzzle that cannot be one; the signal's reason (an AbortError) once it is aborted
   * @example
   * for await (const { step, board, haltProbability } of model.solve("1.3..." , { signal })) show(step, board);
   */
  solve(puzzle: string | ArrayLike<number>, options?: SolveOptions): AsyncGenerator<SolverStep, void>;
  /** Frees what the model holds; nothing can be solved afterwards. */
  close(): Promise<void>;
}

export interface SolveOptions {
  /** Supervision steps at most; default: as many as the model was trained for. */
  readonly steps?: number;
  /** Stop at the first step after which the model asks to. */
  readonly halt?: boolean;
  /** Row of the model's puzzle table, for models that know puzzles apart (ARC); default 0. */
  readonly identifier?: number;
  /** Ends the solve between two steps. */
  readonly signal?: AbortSignal;
}

export interface SolverStep {
  /** From 1. */
  readonly step: number;
  /** What the model answers, a token a cell; a copy. */
  readonly tokens: Int32Array; // [S]
  /** The same as text, in the form that puzzles of the family are read in. */
  readonly board: string;
  /** How sure the model is that its answer is right, from 0 to 1. */
  readonly haltProbability: number;
  /** Whether the answer is right by the rules; undefined where no rules tell (ARC). */
  readonly valid: boolean | undefined;
  /** What is wrong with an answer that is not, in a few words. */
  readonly problem: string | undefined;
  /** Whether it is the last step. */
  readonly done: boolean;
}

/** Numbers of one step on one puzzle. */
export interface StepNumbers {
  readonly tokens: Int32Array; // [S]
  readonly haltLogit: number;
  readonly continueLogit: number;
}

/** Goes on from a fresh carry, one step whenever the next is asked for, `steps` at most. */
export type RunSteps = (
  question: { readonly inputs: Int32Array; readonly identifier: number }, // [S]
  steps: number,
) => AsyncGenerator<StepNumbers, void>;

export interface SolverParts {
  readonly title: string;
  readonly steps: number;
  readonly runsOn: string;
  /** Rows of the puzzle table; 0 for a model without. */
  readonly identifiers: number;
  readonly form: PuzzleForm;
  wantsToHalt(haltLogit: number, continueLogit: number): boolean;
  readonly run: RunSteps;
  close(): Promise<void>;
}

export function makeSolver(parts: SolverParts): Solver {
  const { title, steps, runsOn, close } = parts;
  return { title, steps, runsOn, solve: (puzzle, options = {}) => solve(parts, puzzle, options), close };
}

async function* solve(
  { form, identifiers, run, wantsToHalt, steps: usualSteps }: SolverParts,
  puzzle: string | ArrayLike<number>,
  { steps = usualSteps, halt = false, identifier = 0, signal }: SolveOptions,
): AsyncGenerator<SolverStep, void> {
  signal?.throwIfAborted();
  checkNumber("steps", steps, 1, Number.MAX_SAFE_INTEGER);
  checkNumber("identifier", identifier, 0, Math.max(0, identifiers - 1));
  const inputs = typeof puzzle === "string" ? form.read(puzzle) : checkTokens(puzzle, form);
  let step = 0;
  for await (const { tokens, haltLogit, continueLogit } of run({ inputs, identifier }, steps)) {
    signal?.throwIfAborted();
    step++;
    const done = step === steps || (halt && wantsToHalt(haltLogit, continueLogit));
    const { valid, problem } = form.judge(inputs, tokens);
    yield {
      ...{ step, tokens: tokens.slice(), board: form.format(tokens) },
      ...{ haltProbability: haltProbability(haltLogit), valid, problem, done },
    };
    if (done) return;
    signal?.throwIfAborted();
  }
}

function checkTokens(tokens: ArrayLike<number>, { seqLen, vocabSize }: PuzzleForm): Int32Array {
  if (tokens.length !== seqLen)
    throw new ToolError(`the puzzle has ${tokens.length} tokens`, {
      code: "solve/size",
      hint: `give ${seqLen}, one a cell`,
    });
  const wrong = Array.from(tokens).findIndex(
    (token) => !(Number.isInteger(token) && token >= 0 && token < vocabSize),
  );
  if (wrong < 0) return Int32Array.from(tokens);
  throw new ToolError(`token ${wrong + 1} of the puzzle is ${tokens[wrong]}`, {
    code: "solve/token",
    hint: `tokens are whole numbers from 0 to ${vocabSize - 1}`,
  });
}

function checkNumber(what: string, value: number, least: number, most: number): void {
  if (Number.isInteger(value) && value >= least && value <= most) return;
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
  throw new ToolError(`${what} must be a whole number ${range}, not ${value}`, {
    code: `solve/${what}`,
    exitCode: 2,
  });
}
