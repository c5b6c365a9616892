import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ToolError } from "../../base/errors.ts";
import { stream } from "../../base/random/threefry.ts";
import { moduleDataSchema } from "./config.ts";
import { importTask, loadModuleDataset, loadModuleTestSet } from "./load.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "whorl-module-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What every module here starts with: numbers to be copied. */
const FIELDS = `family: "copy", title: "copying", seqLen: 2, vocabSize: 100,
  encode(puzzle, inputs, labels) { inputs.set(puzzle); labels.set(puzzle); },
  augment: ([a, b]) => [b, a],
  score: (puzzle, answer) => ({ valid: puzzle.every((token, i) => token === answer[i]) }),
  draw: (puzzle) => [String(puzzle)]`;

let files = 0;
/** A file of its own for each test, since a module is imported once. */
function write(source: string, extension = "mjs"): string {
  const path = join(folder, `task-${++files}.${extension}`);
  writeFileSync(path, source);
  return path;
}

function settingsFor(module: string, more: object = {}) {
  return moduleDataSchema.parse({ task: "module", module, ...more });
}

async function refusal(module: string, more: object = {}): Promise<string> {
  try {
    await importTask(settingsFor(module, more));
    return "accepted";
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return `${error.code} ${error.exitCode}: ${error.format()}`
      .replaceAll(folder, "<folder>")
      .replaceAll(/task-\d+/g, "task");
  }
}

test("an object, a function of settings and a class are tasks", async () => {
  const object = await importTask(settingsFor(write(`export default { ${FIELDS} }`)));
  expect(object).toMatchObject({ family: "copy", seqLen: 2, generate: undefined });
  const made = write(`export default async ({ high = 3 }) => ({ ${FIELDS}, title: "up to " + high })`);
  expect((await importTask(settingsFor(made))).title).toBe("up to 3");
  expect((await importTask(settingsFor(made, { settings: { high: 7 } }))).title).toBe("up to 7");
  const classy = write(`class Copy {
    family = "copy"; title = "copying"; seqLen = 1; vocabSize = 9; #token = 4;
    encode(puzzle, inputs, labels) { inputs[0] = this.#token; labels[0] = -100; }
    augment(puzzle) { return puzzle; }
    score() { return { valid: true }; }
    draw() { return [String(this.#token)]; }
  }
  export default new Copy();`);
  const task = await importTask(settingsFor(classy));
  expect(task.draw({})).toEqual(["4"]);
  const inputs = new Int32Array(1);
  task.encode({}, inputs, new Int32Array(1));
  expect(inputs[0]).toBe(4);
});

test("TypeScript is compiled, finds what it imports, and leaves nothing behind", async () => {
  writeFileSync(join(folder, "rules.mjs"), "export const LENGTH = 2;");
  const source = `import { LENGTH } from "./rules.mjs";
    interface Own { readonly cells: number[] }
    const cells: Own["cells"] = [];
    export default { ${FIELDS}, seqLen: LENGTH as number, cells };`;
  const before = readdirSync(folder).length;
  expect((await importTask(settingsFor(write(source, "ts")))).seqLen).toBe(2);
  expect(readdirSync(folder)).toHaveLength(before + 1);
});

test("a data set of a module's puzzles: made, split, augmented, judged", async () => {
  // Swapping is a symmetry: the key of both is the same.
  const path = write(`export default { ${FIELDS},
    generate: (random) => [1 + random.below(20), 30 + random.below(20)],
    key: (puzzle) => puzzle.toSorted().join() }`);
  const data = settingsFor(path, {
    generate: { train: 100, validation: 10, test: 20, seed: 1 },
    augmentations: "fresh",
  });
  const dataset = await loadModuleDataset(data, { seed: 0, globalBatchSize: 50, evalInterval: 1 });
  expect(dataset.shape).toEqual({ seqLen: 2, vocabSize: 100, numPuzzleIdentifiers: 1 });
  expect([dataset.groups, dataset.validation.count, dataset.test.count]).toEqual([100, 10, 20]);
  expect(dataset.manifest.heldOutInTraining).toBe(0);
  const batch = {
    inputs: new Int32Array(100),
    labels: new Int32Array(100),
    identifiers: new Int32Array(50),
  };
  dataset.stream.next(batch);
  expect(batch.labels).toEqual(batch.inputs);
  const swapped = batch.inputs.filter((token, i) => i % 2 === 0 && token >= 30).length;
  expect(swapped).toBe(50); // fresh: hardly ever the puzzle itself

  const tests = await loadModuleTestSet(data, null);
  const { inputs, count } = tests.examples.slice(0, 20);
  expect(inputs).toEqual(dataset.test.slice(0, 20).inputs);
  const answers = Array.from({ length: count }, (_, index) => ({
    index,
    tokens: index < 5 ? [0, 0] : inputs.slice(2 * index, 2 * index + 2),
    haltLogit: 0,
  }));
  expect(tests.judge(answers)).toEqual({ invalidRate: 5 / 20 });
});

test("what is wrong with a module is said", async () => {
  expect(await refusal("no/such/file.ts")).toContain(
    "module/not-found 2: there is no module no/such/file.ts",
  );
  expect(await refusal(write("export const task = 1;"))).toMatchInlineSnapshot(
    `"module/incomplete 1: <folder>/task.mjs: there is no default export — the default export must be a Task, or a function that makes one: see src/tasks/task.ts and examples/"`,
  );
  expect(await refusal(write("export default 7;"))).toMatchInlineSnapshot(
    `"module/incomplete 1: <folder>/task.mjs: the default export is not a task — the default export must be a Task, or a function that makes one: see src/tasks/task.ts and examples/"`,
  );
  expect(await refusal(write("export default () => undefined;"))).toMatchInlineSnapshot(
    `"module/incomplete 1: <folder>/task.mjs: there is no default export — the default export must be a Task, or a function that makes one: see src/tasks/task.ts and examples/"`,
  );
  expect(await refusal(write(`export default { ${FIELDS}, family: "" };`))).toMatchInlineSnapshot(
    `"module/incomplete 1: <folder>/task.mjs: family is not a text with anything in it — the default export must be a Task, or a function that makes one: see src/tasks/task.ts and examples/"`,
  );
  expect(await refusal(write(`export default { ${FIELDS}, seqLen: 2.5 };`))).toMatchInlineSnapshot(
    `"module/incomplete 1: <folder>/task.mjs: seqLen is 2.5, not a whole number from 1 to 65536 — the default export must be a Task, or a function that makes one: see src/tasks/task.ts and examples/"`,
  );
  expect(await refusal(write(`export default { ${FIELDS}, seqLen: "2" };`))).toMatchInlineSnapshot(
    `"module/incomplete 1: <folder>/task.mjs: seqLen is 2, not a whole number from 1 to 65536 — the default export must be a Task, or a function that makes one: see src/tasks/task.ts and examples/"`,
  );
  expect(await refusal(write(`export default { ${FIELDS}, vocabSize: 257 };`))).toMatchInlineSnapshot(
    `"module/incomplete 1: <folder>/task.mjs: vocabSize is 257, not a whole number from 2 to 256 — the default export must be a Task, or a function that makes one: see src/tasks/task.ts and examples/"`,
  );
  expect(await refusal(write(`export default { ${FIELDS}, score: undefined };`))).toMatchInlineSnapshot(
    `"module/incomplete 1: <folder>/task.mjs: score() is missing — the default export must be a Task, or a function that makes one: see src/tasks/task.ts and examples/"`,
  );
  expect(await refusal(write(`export default { ${FIELDS}, parse: "text" };`))).toMatchInlineSnapshot(
    `"module/incomplete 1: <folder>/task.mjs: parse is not a function — the default export must be a Task, or a function that makes one: see src/tasks/task.ts and examples/"`,
  );
});

test("what a module throws is said", async () => {
  expect(await refusal(write(`throw new Error("no luck");`))).toMatchInlineSnapshot(
    `"module/broken 1: <folder>/task.mjs cannot be imported: no luck"`,
  );
  expect(await refusal(write(`export default { ${FIELDS}, oops: };`, "ts"))).toMatchInlineSnapshot(
    `"module/syntax 1: Expression expected. — <folder>/task.ts:5"`,
  );
  const picky = write(`export default ({ size }) => { throw new Error("size " + size + " is too large"); }`);
  expect(await refusal(picky, { settings: { size: 9 } })).toMatchInlineSnapshot(
    `"module/failed 1: the function that <folder>/task.mjs exports failed: size 9 is too large — data.settings: {"size":9}"`,
  );
});

test("wrong tokens and failing functions never reach the engine", async () => {
  const task = await importTask(
    settingsFor(write(`export default { ${FIELDS}, generate() { throw new Error("out of ideas"); } }`)),
  );
  const encode = (...puzzle: number[]) => task.encode(puzzle, new Int32Array(2), new Int32Array(2));
  expect(() => encode(0, 99)).not.toThrow();
  expect(() => encode(0, 100)).toThrow("encode() wrote 100 into inputs[1]");
  expect(() => encode(-1, 0)).toThrow("encode() wrote -1 into inputs[0]");
  expect(() => task.generate?.(stream(0))).toThrow("generate() failed: out of ideas");
  const { generate: _, ...data } = settingsFor(write(`export default { ${FIELDS} }`));
  const generate = { train: 1, validation: 0, test: 0, seed: 0 };
  await expect(
    loadModuleDataset({ ...data, generate }, { seed: 0, globalBatchSize: 1, evalInterval: 1 }),
  ).rejects.toThrow("has no generate()");
});

test("a difficulty that lacks something is refused", async () => {
  const refused = (scales: string) => refusal(write(`export default { ${FIELDS}, difficulty: ${scales} }`));
  expect(await refused(`[{ unit: "sum", of: ([a, b]) => a + b, groups: [0, 10] }]`)).toBe("accepted");
  expect(await refused(`{ unit: "sum" }`)).toContain("difficulty is not a list");
  expect(await refused("[null]")).toContain("a difficulty has no unit");
  expect(await refused(`[{ unit: "sum" }]`)).toContain("the difficulty 'sum' has no function of()");
  for (const groups of ["[3, 1]", "[]", "[1, NaN]", "4"])
    expect(await refused(`[{ unit: "sum", of: () => 1, groups: ${groups} }]`)).toContain(
      "the groups of the difficulty 'sum' are not ascending numbers",
    );
});
