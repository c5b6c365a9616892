// The solver page: an editor for the puzzle, a solver in a worker, and the trace of its steps.
// `?provider=wasm` (or webgpu) and `?threads=1` in the address choose what computes.

import { ToolError } from "../../base/errors.ts";
import type { ModelCard } from "../../embed/model-card.ts";
import { formOf } from "../../embed/puzzle-form.ts";
import type { Solver, SolverStep } from "../../embed/solver.ts";
import { loadModelInWorker, type RuntimeOptions, readCard } from "../index.ts";
import { arcEditor } from "./arc-editor.ts";
import type { Editor } from "./editor.ts";
import { byId } from "./elements.ts";
import { mazeEditor } from "./maze-editor.ts";
import { sudokuEditor } from "./sudoku-editor.ts";
import { makeTaskField, type TaskField } from "./task-field.ts";
import { makeTrace, percent, type Trace } from "./trace.ts";

const folder = new URL(".", document.baseURI);

await openPage().catch(showError);

async function openPage(): Promise<void> {
  const card = await readCard(folder);
  const task = makeTaskField(card);
  const editor = openEditor(card, task);
  const trace = makeTrace(card.puzzle);
  byId("steps", HTMLInputElement).value = String(card.steps);
  const model = await loadModelInWorker(folder, runtimeOptions());
  byId("runs-on").textContent = `Runs on: ${model.runsOn}.`;
  listenToSolve(model, card, { editor, task, trace });
}

/** The editor of the model's puzzles, with the buttons around it. */
function openEditor(card: ModelCard, task: TaskField): Editor {
  const text = byId("text", HTMLTextAreaElement);
  const editor: Editor = makeEditor(card, () => {
    byId("problem").textContent = "";
    text.value = editor.text();
  });
  const write = (puzzle: string) => tryTo(() => editor.write(puzzle));
  describe(card, editor);
  byId("editor").append(editor.element);
  byId("tools").append(...editor.tools);
  let shown = 0;
  byId("example").hidden = card.examples.length === 0;
  byId("example").addEventListener("click", () => {
    tryTo(() => {
      const identifier = task.value();
      const offered = card.examples.filter((each) => each.identifier === identifier);
      if (offered.length > 0) editor.write(offered[shown++ % offered.length].puzzle);
    });
  });
  byId("clear").addEventListener("click", () => editor.clear());
  byId("read").addEventListener("click", () => write(text.value));
  editor.element.addEventListener("paste", (event) => {
    event.preventDefault();
    write(event.clipboardData?.getData("text/plain") ?? "");
  });
  text.value = editor.text();
  return editor;
}

function makeEditor({ puzzle }: ModelCard, onChange: () => void): Editor {
  switch (puzzle.kind) {
    case "sudoku":
      return sudokuEditor(puzzle, onChange);
    case "maze":
      return mazeEditor(puzzle, onChange);
    case "arc":
      return arcEditor(puzzle, onChange);
  }
}

function describe(
  { title, architecture, parameters, puzzle, sizeBytes, weights }: ModelCard,
  editor: Editor,
): void {
  const name = `${puzzle.kind === "arc" ? "ARC" : title[0].toUpperCase() + title.slice(1)} solver`;
  document.title = name;
  byId("title").textContent = name;
  byId("about").textContent =
    `A tiny recursive model (${architecture}) of ${parameters.toLocaleString("en")} weights, ` +
    `${Math.ceil(sizeBytes / 1024).toLocaleString("en")} KiB as ${weights}, learned this from examples. Watch how it gets to its answer.`;
  byId("keys").textContent = editor.keys;
  byId("text-help").textContent = editor.textHelp;
}

function listenToSolve(
  model: Solver,
  { puzzle }: ModelCard,
  { editor, task, trace }: { editor: Editor; task: TaskField; trace: Trace },
): void {
  const [solve, stop] = ["solve", "stop"].map((id) => byId(id, HTMLButtonElement));
  let abort = new AbortController();
  const run = async () => {
    abort = new AbortController();
    byId("problem").textContent = "";
    byId("status").textContent = "";
    const text = editor.text();
    formOf(puzzle).read(text); // refuses what cannot be a puzzle before anything is shown of it
    trace.start(text);
    const startMs = performance.now();
    let last: SolverStep | undefined;
    const steps = byId("steps", HTMLInputElement).valueAsNumber;
    const halt = byId("halt", HTMLInputElement).checked;
    for await (const step of model.solve(text, {
      steps,
      halt,
      identifier: task.value(),
      signal: abort.signal,
    })) {
      trace.add(step);
      last = step;
    }
    if (last) byId("status").textContent = summaryOf(last, performance.now() - startMs);
  };
  solve.disabled = false;
  stop.addEventListener("click", () => abort.abort());
  solve.addEventListener("click", async () => {
    solve.disabled = true;
    stop.disabled = false;
    await run().catch(showError);
    stop.disabled = true;
    solve.disabled = false;
    byId("runs-on").dataset.solved = "yes";
  });
}

function summaryOf({ step, valid, problem, haltProbability }: SolverStep, ms: number): string {
  const verdict =
    valid === undefined
      ? "Done"
      : valid
        ? "Solved, right by the rules"
        : `Not solved: ${problem ?? "a rule is broken"}`;
  const steps = `${step} ${step === 1 ? "step" : "steps"}`;
  return `${verdict}. ${steps} in ${(ms / 1000).toFixed(2)} seconds; the model is ${percent(haltProbability)} sure.`;
}

function tryTo(action: () => void): void {
  try {
    action();
  } catch (error) {
    showError(error);
  }
}

function showError(error: unknown): void {
  if (error instanceof DOMException && error.name === "AbortError") {
    byId("status").textContent = "Stopped.";
    return;
  }
  if (!(error instanceof ToolError)) console.error(error);
  const message = error instanceof ToolError ? error.format() : String(error);
  byId("problem").textContent = message[0].toUpperCase() + message.slice(1);
}

function runtimeOptions(): RuntimeOptions {
  const asked = new URLSearchParams(location.search);
  const provider = asked.get("provider");
  const threads = Number(asked.get("threads"));
  return {
    ...(provider === "wasm" || provider === "webgpu" ? { provider } : {}),
    ...(Number.isInteger(threads) && threads > 0 ? { threads } : {}),
  };
}
