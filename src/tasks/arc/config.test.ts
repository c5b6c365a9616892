import { expect, test } from "vitest";
import { arcDataSchema } from "./config.ts";

function problems(data: object): string[] {
  const result = arcDataSchema.safeParse({ task: "arc", ...data });
  return result.success
    ? []
    : result.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test("the defaults are ARC-AGI-1 as published", () => {
  expect(arcDataSchema.parse({ task: "arc" })).toMatchObject({
    ...{ from: "arc", subsets: ["training", "evaluation", "concept"], testSet: "evaluation" },
    ...{ seed: 42, augmentations: 1000, side: 30, maxTasks: null, folder: null, testViews: null },
  });
});

test("settings that contradict each other are refused", () => {
  expect(problems({ subsets: ["training2", "evaluation2"] })).toMatchInlineSnapshot(`
    [
      "testSet: one of data.subsets (training2, evaluation2), or null",
    ]
  `);
  expect(problems({ subsets: ["training", "training"], testSet: null })).toMatchInlineSnapshot(`
    [
      "subsets: subsets that differ; "training" occurs twice",
    ]
  `);
  expect(problems({ side: 31, testViews: 0, seed: 2 ** 32 }).length).toBe(3);
  expect(problems({ subsets: ["x"], testSet: null })).toEqual([]);
});
