// What a page and the worker that computes for it say to each other. Every question gets one answer of its number.

import type { SolveOptions, Solver, SolverStep } from "../embed/solver.ts";
import type { RuntimeOptions } from "./runtime.ts";

export type Question = { readonly id: number } & (
  | { readonly ask: "load"; readonly folder: string; readonly options: RuntimeOptions }
  | {
      readonly ask: "start";
      readonly solve: number;
      readonly puzzle: string | Int32Array;
      readonly options: Omit<SolveOptions, "signal">;
    }
  | { readonly ask: "next"; readonly solve: number }
  | { readonly ask: "end"; readonly solve: number }
);

export type Loaded = Pick<Solver, "title" | "steps" | "runsOn">;

/** Of `load` a `Loaded`; of `next` a step, or nothing after the last. */
export interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: {
    readonly message: string;
    readonly code: string;
    readonly hint?: string;
    readonly where?: string;
  };
}

export type Next = SolverStep | undefined;
