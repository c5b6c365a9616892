// `whorl/web`: an exported folder as a solver in a browser, the same interface as `loadModel` of `whorl` in Node.

import { ToolError } from "../base/errors.ts";
import type { ModelCard } from "../embed/model-card.ts";
import { formOf } from "../embed/puzzle-form.ts";
import { makeSolver, type RunSteps, type Solver, type StepNumbers } from "../embed/solver.ts";
import { wantsToHalt } from "../eval/halt-rule.ts";
import { openRuntime, type Runtime, type RuntimeOptions, type Tensor } from "./runtime.ts";

export { ToolError } from "../base/errors.ts";
export type { ModelCard } from "../embed/model-card.ts";
export type { SolveOptions, Solver, SolverStep } from "../embed/solver.ts";
export type { RuntimeOptions } from "./runtime.ts";
export { loadModelInWorker } from "./worker-solver.ts";

/**
 * Computes where it is called: in a page that should stay responsive, use `loadModelInWorker`.
 * @param folder URL of a folder that `whorl export --to web` wrote, relative to the page
 * @throws ToolError when there is no such folder, or the runtime refuses
 * @example
 * const model = await loadModel("solver/");
 * for await (const { step, board, haltProbability } of model.solve(puzzle)) show(step, board, haltProbability);
 */
export async function loadModel(folder: string | URL, options: RuntimeOptions = {}): Promise<Solver> {
  const base = folderUrl(folder);
  const card = await readCard(base);
  const bytes = new Uint8Array(await (await request(new URL(card.file, base))).arrayBuffer());
  const form = formOf(card.puzzle);
  const runtime = await openRuntime(base, card, bytes, options, (opened) => {
    const inputs = new Int32Array(form.seqLen);
    return runnerOf(opened, card)({ inputs, identifier: 0 }, 1).next();
  });
  return makeSolver({
    ...{ title: card.title, steps: card.steps, identifiers: card.identifiers, form },
    runsOn: runtime.runsOn,
    wantsToHalt: (halt, goOn) => wantsToHalt(card.halts, halt, goOn),
    run: runnerOf(runtime, card),
    close: () => runtime.session.release(),
  });
}

/** What the folder says of its model. */
export async function readCard(folder: string | URL): Promise<ModelCard> {
  const url = new URL("model.json", folderUrl(folder));
  const card: unknown = await (await request(url)).json().catch(() => undefined);
  if (isCard(card)) return card;
  throw new ToolError("this is no folder of an exported page, or one of another version of Whorl", {
    code: "web/foreign",
    where: url.href,
    hint: "export it again with `whorl export <run> --to web --out DIR`",
  });
}

function isCard(value: unknown): value is ModelCard {
  if (typeof value !== "object" || value === null) return false;
  return "whorl" in value && value.whorl === "solver-page" && "version" in value && value.version === 1;
}

function folderUrl(folder: string | URL): URL {
  const href = String(folder);
  return new URL(href.endsWith("/") ? href : `${href}/`, globalThis.location?.href);
}

async function request(url: URL): Promise<Response> {
  const response = await fetch(url).catch((cause: unknown) => {
    throw new ToolError("the server does not answer", { code: "web/no-answer", where: url.href, cause });
  });
  if (response.ok) return response;
  throw new ToolError(`the server answers ${response.status} ${response.statusText}`.trim(), {
    code: "web/not-found",
    where: url.href,
    hint: "check that the whole exported folder is there",
  });
}

/** One run at a time: a session cannot do two, and several puzzles may be under way. */
function runnerOf({ session, Tensor }: Runtime, card: ModelCard): RunSteps {
  let last: Promise<unknown> = Promise.resolve();
  const runAlone = (feeds: Readonly<Record<string, Tensor>>) => {
    const result = last.then(() => session.run(feeds));
    last = result.catch(() => undefined);
    return result;
  };
  return async function* run({ inputs, identifier }, steps) {
    const integers = (data: readonly number[] | Int32Array, dims: readonly number[]) =>
      new Tensor("int32", Int32Array.from(data), dims);
    const feeds: Record<string, Tensor> = { inputs: integers(inputs, [1, inputs.length]) };
    if (card.identifiers > 0) feeds.puzzle_identifiers = integers([identifier], [1]);
    for (const { name, dims } of card.carries) feeds[name] = zeros(Tensor, dims);
    for (let step = 1; step <= steps; step++) {
      feeds.reset = integers([step === 1 ? 1 : 0], [1]);
      const outputs = await runAlone(feeds);
      for (const { name } of card.carries) feeds[name] = outputs[`${name}_next`];
      yield numbersOf(outputs);
    }
  };
}

function zeros(Tensor: Runtime["Tensor"], dims: readonly number[]): Tensor {
  return new Tensor("float32", new Float32Array(dims.reduce((product, dim) => product * dim, 1)), dims);
}

function numbersOf({ preds, q_halt, q_continue }: Readonly<Record<string, Tensor>>): StepNumbers {
  return {
    tokens: Int32Array.from(preds.data),
    haltLogit: q_halt.data[0],
    continueLogit: q_continue.data[0],
  };
}
