// A solver that computes in a worker, so that the page around it stays responsive whatever a step takes.

import { ToolError } from "../base/errors.ts";
import type { SolveOptions, Solver, SolverStep } from "../embed/solver.ts";
import type { RuntimeOptions } from "./runtime.ts";
import type { Answer, Loaded, Next, Question } from "./worker-messages.ts";

/** A question without its number. */
type Ask = Question extends infer Q ? (Q extends Question ? Omit<Q, "id"> : never) : never;

/**
 * Like `loadModel`, but steps are computed in a worker; an aborted solve ends at once.
 * @example
 * const model = await loadModelInWorker("solver/");
 */
export async function loadModelInWorker(folder: string | URL, options: RuntimeOptions = {}): Promise<Solver> {
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  const { ask, end } = askerOf(worker);
  let solves = 0;
  try {
    const url = new URL(String(folder), globalThis.location.href).href;
    const loaded = (await ask({ ask: "load", folder: url, options })) as Loaded;
    return {
      ...loaded,
      solve: (puzzle, solveOptions = {}) => solve(ask, solves++, puzzle, solveOptions),
      close: async () => end(new ToolError("the model was closed", { code: "web/closed" })),
    };
  } catch (error) {
    end(error);
    throw error;
  }
}

type Asker = (question: Ask) => Promise<unknown>;

/** `end` stops the worker; whoever still waits for an answer gets the error. */
function askerOf(worker: Worker): { ask: Asker; end(error: unknown): void } {
  const waiting = new Map<number, { resolve(result: unknown): void; reject(error: unknown): void }>();
  let asked = 0;
  worker.onmessage = ({ data: { id, result, error } }: MessageEvent<Answer>) => {
    if (error) waiting.get(id)?.reject(new ToolError(error.message, error));
    else waiting.get(id)?.resolve(result);
    waiting.delete(id);
  };
  worker.onerror = ({ message }) => {
    const error = new ToolError(`the worker failed: ${message || "its script cannot be loaded"}`, {
      code: "web/worker",
      hint: "check that the whole exported folder is there",
    });
    end(error);
  };
  const end = (error: unknown) => {
    worker.terminate();
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  const ask: Asker = (question) =>
    new Promise((resolve, reject) => {
      const id = asked++;
      waiting.set(id, { resolve, reject });
      worker.postMessage({ ...question, id });
    });
  return { ask, end };
}

async function* solve(
  ask: Asker,
  number: number,
  puzzle: string | ArrayLike<number>,
  { signal, ...options }: SolveOptions,
): AsyncGenerator<SolverStep, void> {
  signal?.throwIfAborted();
  const question = typeof puzzle === "string" ? puzzle : Int32Array.from(puzzle);
  await ask({ ask: "start", solve: number, puzzle: question, options });
  try {
    for (;;) {
      const step = (await untilAborted(ask({ ask: "next", solve: number }), signal)) as Next;
      if (!step) return;
      yield step;
    }
  } finally {
    ask({ ask: "end", solve: number }).catch(() => {}); // a closed model has nothing to end
  }
}

/** The promise, or the signal's reason as soon as it is aborted. */
function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return promise;
  signal.throwIfAborted();
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
