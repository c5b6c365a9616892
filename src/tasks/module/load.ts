// A puzzle of one's own as a data set: the module that a configuration names is imported and checked (import.ts,
// check.ts), and then used like the tasks that come with Whorl.

import { ToolError } from "../../base/errors.ts";
import type { Dataset, DrawSettings } from "../dataset.ts";
import { loadPuzzles, loadPuzzleTestSet, type PuzzleTestSet } from "../puzzle-dataset.ts";
import { generateDistinct, type PuzzleOrigin } from "../puzzle-parts.ts";
import { type AnyTask, checkedTask, messageOf } from "./check.ts";
import type { ModuleData } from "./config.ts";
import { importModule } from "./import.ts";

export async function loadModuleDataset(data: ModuleData, draw: DrawSettings): Promise<Dataset> {
  const task = await importTask(data);
  return loadPuzzles(task, originOf(task, data), data, draw);
}

export async function loadModuleTestSet(
  data: ModuleData,
  file: string | null,
): Promise<PuzzleTestSet<unknown>> {
  const task = await importTask(data);
  return loadPuzzleTestSet(task, originOf(task, data), data, file);
}

/** The task that the module describes. */
export async function importTask({ module: path, settings }: ModuleData): Promise<AnyTask> {
  const exported = await importModule(path);
  if (typeof exported !== "function") return checkedTask(exported, path);
  return checkedTask(await madeTask(exported, settings, path), path);
}

async function madeTask(
  // A function with a type would be a promise that nobody has checked.
  make: CallableFunction,
  settings: ModuleData["settings"],
  path: string,
): Promise<unknown> {
  try {
    return await make(settings);
  } catch (cause) {
    if (cause instanceof ToolError) throw cause;
    throw new ToolError(`the function that ${path} exports failed: ${messageOf(cause)}`, {
      code: "module/failed",
      where: `data.settings: ${JSON.stringify(settings)}`,
      cause,
    });
  }
}

function originOf(task: AnyTask, data: ModuleData): PuzzleOrigin<unknown> {
  const lacks = (name: "generate" | "read", setting: string) =>
    new ToolError(`${data.module} has no ${name}()`, {
      code: "module/incomplete",
      where: setting,
      hint: `add ${name} to the task, see src/tasks/task.ts`,
      exitCode: 2,
    });
  return {
    recipe: "",
    generate(settings) {
      if (!task.generate) throw lacks("generate", "data.generate");
      return generateDistinct(task, settings);
    },
    read(path) {
      if (!task.read) throw lacks("read", "data.train, data.test");
      return Array.from(task.read(path));
    },
  };
}
