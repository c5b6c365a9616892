// A trained model inside a Node program: `node solve.mjs <model> <puzzle>`.
// The model is a run folder, a checkpoint, or a .safetensors, .pt or .onnx file; see README.md beside this file.

import { loadModel, ToolError } from "whorl";

const [path, puzzle] = process.argv.slice(2);

// Ctrl-C ends the solve between two steps, and so does the time limit.
const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(60_000)]);

try {
  const model = await loadModel(path);
  console.log(`${model.title}, computed by ${model.runsOn}`);
  for await (const { step, board, haltProbability, valid } of model.solve(puzzle, { signal })) {
    const sure = `${Math.round(100 * haltProbability)} % sure`;
    console.log(`step ${step}: ${board}, ${sure}${valid ? ", right by the rules" : ""}`);
  }
  await model.close();
} catch (error) {
  // Everything that a user can mend is a ToolError, which says what is wrong and what to do.
  console.error(error instanceof ToolError ? error.format() : error);
  process.exitCode = 1;
}
