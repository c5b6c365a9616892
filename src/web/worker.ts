// The worker's half of `loadModelInWorker`: it holds the model and computes a step whenever it is asked for one. So it
// need not be told to stop: whoever does not ask gets nothing.

import { ToolError } from "../base/errors.ts";
import type { SolverStep } from "../embed/solver.ts";
import { loadModel } from "./index.ts";
import type { Answer, Question } from "./worker-messages.ts";

let model: ReturnType<typeof loadModel> | undefined;
const solves = new Map<number, AsyncGenerator<SolverStep, void>>();

self.onmessage = async ({ data }: MessageEvent<Question>) => {
  self.postMessage(await answerTo(data));
};

async function answerTo(question: Question): Promise<Answer> {
  const { id } = question;
  try {
    return { id, result: await resultOf(question) };
  } catch (error) {
    const { message, code, hint, where } = error instanceof ToolError ? error : describe(error);
    return { id, error: { message, code, hint, where } };
  }
}

async function resultOf(question: Question): Promise<unknown> {
  switch (question.ask) {
    case "load": {
      model = loadModel(question.folder, question.options);
      const { title, steps, runsOn } = await model;
      return { title, steps, runsOn };
    }
    case "start": {
      const opened = await model;
      if (opened) solves.set(question.solve, opened.solve(question.puzzle, question.options));
      return undefined;
    }
    case "next": {
      const next = await solves.get(question.solve)?.next();
      if (next?.done !== false) solves.delete(question.solve);
      return next?.value;
    }
    case "end": {
      await solves.get(question.solve)?.return();
      solves.delete(question.solve);
      return undefined;
    }
  }
}

function describe(error: unknown): { message: string; code: string; hint: undefined; where: undefined } {
  const message = error instanceof Error ? error.message : String(error);
  return { message, code: "web/worker", hint: undefined, where: undefined };
}
