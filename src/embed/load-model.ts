// `loadModel` in Node: a trained model from wherever it was saved, to solve puzzles with from another program.

import { availableParallelism } from "node:os";
import { ToolError } from "../base/errors.ts";
import { readBytes } from "../base/files.ts";
import { type BackendChoice, chooseExecutor } from "../engine/executors/choose.ts";
import type { ExecutorDescription } from "../engine/executors/executor.ts";
import { makeRecursion, type Recursion } from "../eval/recursion.ts";
import { openAnyModel } from "../onnx/open-any.ts";
import { modelFromOnnx } from "../onnx/open-onnx.ts";
import { openOnnxRecursion } from "../onnx/recursion.ts";
import type { OnnxRuntimeName } from "../onnx/run.ts";
import type { OpenedModel } from "../runs/open-model.ts";
import { type TaskData, taskOf } from "../tasks/index.ts";
import type { Task } from "../tasks/task.ts";
import { formOf, type PuzzleForm } from "./puzzle-form.ts";
import { makeSolver, type RunSteps, type Solver } from "./solver.ts";

export interface LoadOptions {
  /** Who computes: the engine (default), or ONNX Runtime, which takes ONNX files only. */
  readonly runtime?: "engine" | OnnxRuntimeName;
  /** Of the engine; default `auto`: the fastest that this machine has. */
  readonly backend?: BackendChoice;
  /** Default: all cores for the engine, one for ONNX Runtime. */
  readonly threads?: number;
}

/**
 * @param source run folder, checkpoint folder, .safetensors, .pt or .onnx file; or the bytes of an ONNX file
 * @throws ToolError when there is no such model, or its task has no text form
 * @example
 * const model = await loadModel("runs/start");
 * for await (const { step, board } of model.solve(puzzle, { signal })) console.log(step, board);
 * await model.close();
 */
export async function loadModel(source: string | Uint8Array, options: LoadOptions = {}): Promise<Solver> {
  const where = typeof source === "string" ? source : "the given bytes";
  const opened = await (typeof source === "string" ? openAnyModel(source) : modelFromOnnx(source, where));
  const { config, model } = opened;
  const { runsOn, run, close } = await (options.runtime === undefined || options.runtime === "engine"
    ? engineRunner(opened, options)
    : onnxRunner(source, where, options.runtime, options.threads));
  return makeSolver({
    ...{ runsOn, run, close, steps: model.haltMaxSteps },
    title: await titleOf(config.data),
    identifiers: model.puzzleVectorSize > 0 ? model.shape.numPuzzleIdentifiers : 0,
    form: await puzzleFormOf(config.data),
    wantsToHalt: model.wantsToHalt,
  });
}

/** The text form of a family: the browser's where it has one, else made of the user's own task. */
export async function puzzleFormOf(data: TaskData): Promise<PuzzleForm> {
  if (data.task === "arc") return formOf({ kind: "arc", size: data.side });
  if (data.task === "sudoku") return formOf({ kind: "sudoku", size: data.size });
  if (data.task === "maze") return formOf({ kind: "maze", size: data.size });
  return formOfTask(await taskOf(data));
}

export async function titleOf(data: TaskData): Promise<string> {
  return data.task === "arc" ? `arc ${data.side}×${data.side}` : (await taskOf(data)).title;
}

function formOfTask(task: Task<unknown>): PuzzleForm {
  const { seqLen, vocabSize } = task;
  // An answer is judged with its puzzle, which the tokens alone do not tell.
  const puzzles = new WeakMap<Int32Array, unknown>();
  return {
    ...{ seqLen, vocabSize },
    read(text) {
      if (!task.parse)
        throw new ToolError(`puzzles of ${task.title} cannot be given as text`, {
          code: "solve/no-text",
          hint: "add `parse` to the task, or give tokens",
        });
      const puzzle = task.parse(text);
      const inputs = new Int32Array(seqLen);
      task.encode(puzzle, inputs, new Int32Array(seqLen));
      puzzles.set(inputs, puzzle);
      return inputs;
    },
    format: (tokens) => task.format?.(tokens) ?? Array.from(tokens).join(" "),
    judge(inputs, answer) {
      if (!puzzles.has(inputs)) return { valid: undefined, problem: undefined };
      const { valid, problem } = task.score(puzzles.get(inputs), answer);
      return { valid, problem };
    },
  };
}

/** What computes the steps, and how it says so. */
interface Runner {
  readonly runsOn: string;
  readonly run: RunSteps;
  close(): Promise<void>;
}

async function engineRunner(
  { config, model, weights }: OpenedModel,
  { backend = config.engine.backend, threads = availableParallelism() }: LoadOptions,
): Promise<Runner> {
  const { executor } = await chooseExecutor(backend, { threads });
  // A puzzle under way has its runner to itself; it is given back for the next one.
  const idle: Recursion[] = [];
  return {
    runsOn: describeExecutor(executor.description),
    async *run(question, steps) {
      const recursion = idle.pop() ?? makeRecursion(executor, model, weights, { batchSize: 1 });
      try {
        yield* stepsOf(recursion, question, steps);
      } finally {
        idle.push(recursion);
      }
    },
    close: async () => {},
  };
}

function describeExecutor({ backend, isa, threads }: ExecutorDescription): string {
  return `${backend} ${isa}, ${threads} ${threads === 1 ? "thread" : "threads"}`;
}

async function onnxRunner(
  source: string | Uint8Array,
  where: string,
  runtime: OnnxRuntimeName,
  threads: number | undefined,
): Promise<Runner> {
  const bytes = typeof source === "string" ? await readOnnx(source) : source;
  const recursion = await openOnnxRecursion(bytes, { runtime, threads, batchSize: 1, where });
  return {
    runsOn: recursion.provider,
    run: (question, steps) => stepsOf(recursion, question, steps),
    close: () => recursion.close(),
  };
}

async function readOnnx(path: string): Promise<Uint8Array> {
  if (path.toLowerCase().endsWith(".onnx")) return readBytes(path);
  throw new ToolError("ONNX Runtime runs ONNX files", {
    code: "onnx/not-onnx",
    where: path,
    hint: "export the model first: whorl export <run> --to onnx --out FILE.onnx",
    exitCode: 2,
  });
}

async function* stepsOf(
  recursion: Recursion,
  { inputs, identifier }: { inputs: Int32Array; identifier: number },
  steps: number,
) {
  const batch = { rows: 1, inputs, identifiers: Int32Array.of(identifier) };
  for await (const { results } of recursion.run(batch, steps)) {
    const [haltLogit, continueLogit] = results.qLogits;
    yield { tokens: results.predictions.slice(0, inputs.length), haltLogit, continueLogit };
  }
}
