// A training holds no more memory the longer it runs. In a file of its own: what earlier trainings left for the
// garbage collector would go in between, and the figures could not be equal.

import { expect, test } from "vitest";
import { chooseExecutor } from "../../src/engine/executors/choose.ts";
import { temporaryFolder } from "../temporary-files.ts";
import { tinyConfig, trainTiny } from "./tiny.ts";

test("live bytes after 2 N steps equal those after N", async () => {
  const { executor } = await chooseExecutor("auto", { threads: 2 });
  const bytes = new Map<number, number>();
  const events = { onStep: ({ step }: { step: number }) => void bytes.set(step, executor.liveBytes()) };
  const { parts } = await trainTiny(await tinyConfig("train.steps=40"), temporaryFolder(), {
    events,
    executor,
  });
  expect(parts.state.step).toBe(40);
  expect(bytes.get(40)).toBe(bytes.get(20));
  expect(bytes.get(20)).toBeGreaterThan(0);
});
