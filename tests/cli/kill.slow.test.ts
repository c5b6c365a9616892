// SIGKILL at ten moments, wherever the run happens to be: starting, computing, or writing a checkpoint. Resumed each
// time, the weights end up equal to the bit with those of an undisturbed run.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { stream } from "../../src/base/random/threefry.ts";
import { temporaryFolder } from "../temporary-files.ts";
import { runWhorl } from "./run-whorl.ts";

const STEPS = 240;
const words = [
  "train",
  "sudoku-4x4",
  `train.steps=${STEPS}`,
  "train.stopAtExactAccuracy=null",
  "train.checkpointEverySteps=3",
];

test("killed ten times, resumed ten times", { timeout: 240_000 }, async () => {
  const undisturbed = temporaryFolder();
  const startMs = performance.now();
  expect((await runWhorl([...words, "--out", undisturbed])).exitCode).toBe(0);
  const wholeMs = performance.now() - startMs;
  const disturbed = join(temporaryFolder(), "run");
  const random = stream(7, "kill");
  let killed = 0;
  for (let attempt = 0; attempt < 10; attempt++) {
    const outcome = await runWhorl([...words, "--out", disturbed, "--resume"], {
      onStart: (child) => {
        const timer = setTimeout(() => child.kill("SIGKILL"), (0.1 + 0.5 * random.uniform()) * wholeMs);
        child.on("exit", () => clearTimeout(timer));
      },
    });
    if (outcome.signal === "SIGKILL") killed++;
    else expect(outcome.exitCode, outcome.stderr).toBe(0);
  }
  expect(killed).toBeGreaterThanOrEqual(3); // the last ones may find the work done
  const last = await runWhorl([...words, "--out", disturbed, "--resume"]);
  expect(last.exitCode, last.stderr).toBe(0);
  for (const name of ["weights.safetensors", "training.safetensors"]) {
    const [a, b] = [undisturbed, disturbed].map((dir) =>
      readFileSync(join(dir, "checkpoints", `step-${STEPS}`, name)),
    );
    expect(a.equals(b), name).toBe(true);
  }
});
