// One thread of the WebAssembly executor: an instance of the module on the memory that all share, with its own stack.
// Plain JavaScript beside the module it runs, so that the same file serves the built package and the TypeScript sources.
// Told to run, it takes lanes until none is left, and answers with the problem, if there was one.

import { parentPort, workerData } from "node:worker_threads";

const { module, memory, stackTop } = workerData;
const { exports } = new WebAssembly.Instance(module, { env: { memory } });

parentPort.on("message", ({ run, arena, scratch }) => {
  exports.__stack_pointer.value = stackTop; // also after a trap, which leaves it where it was
  try {
    exports.runLanes(run, arena, scratch);
    parentPort.postMessage("");
  } catch (error) {
    parentPort.postMessage(String(error));
  }
});
