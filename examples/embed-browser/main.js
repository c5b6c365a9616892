// A trained model in a page of one's own. `solver/` beside this file is what `whorl export <run> --to web --out solver`
// wrote: the model, ONNX Runtime and the scripts; no bundler is needed. (With one: `import … from "whorl/web"`.)

import { loadModelInWorker, ToolError } from "./solver/whorl/web/index.js";

const [form, puzzle, stop, steps] = ["form", "puzzle", "stop", "steps"].map((id) =>
  document.getElementById(id),
);

/** In a worker, so that the page stays responsive; `loadModel` computes right here instead. */
const loading = loadModelInWorker(new URL("solver/", import.meta.url));

let abort = new AbortController();
stop.addEventListener("click", () => abort.abort());

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  abort.abort(); // of the puzzle before, if it is still under way
  abort = new AbortController();
  steps.textContent = "";
  try {
    const model = await loading;
    for await (const { step, board, haltProbability, valid } of model.solve(puzzle.value, {
      signal: abort.signal,
    })) {
      const sure = `${Math.round(100 * haltProbability)} % sure`;
      steps.append(`step ${step}: ${board}, ${sure}${valid ? ", right by the rules" : ""}\n`);
    }
    steps.append(`done on ${model.runsOn}\n`);
  } catch (error) {
    steps.append(`${error instanceof ToolError ? error.format() : error}\n`);
  }
});
