// The default export of a file that a user wrote, in JavaScript or TypeScript.

import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { ToolError } from "../../base/errors.ts";
import { readTextFile } from "../../base/files.ts";
import { messageOf } from "./check.ts";

/** By absolute path: as with any import, a module is run once, however often it is asked for. */
const imported = new Map<string, Promise<unknown>>();

export async function importModule(path: string): Promise<unknown> {
  const file = resolve(path);
  if (!existsSync(file))
    throw new ToolError(`there is no module ${path}`, {
      code: "module/not-found",
      where: `data.module, looked for ${file}`,
      hint: "the path counts from the folder that the command is run in",
      exitCode: 2,
    });
  const known = imported.get(file) ?? importFile(file, path);
  imported.set(file, known);
  return known;
}

async function importFile(file: string, path: string): Promise<unknown> {
  try {
    const runsAsItIs = !file.endsWith(".ts") || runsTypeScript();
    const exports: object = runsAsItIs
      ? await import(pathToFileURL(file).href)
      : await importCompiled(file, path);
    return Reflect.get(exports, "default");
  } catch (cause) {
    if (cause instanceof ToolError) throw cause;
    throw new ToolError(`${path} cannot be imported: ${messageOf(cause)}`, {
      code: "module/broken",
      hint: isForeignTypeScript(cause)
        ? "before Node 22.18 only the module itself may be TypeScript: what it imports must be JavaScript, or types"
        : undefined,
      cause,
    });
  }
}

/** Node 22.18 and later strip types themselves. */
function runsTypeScript(): boolean {
  return "typescript" in process.features && Boolean(process.features.typescript);
}

/** Through the TypeScript that is installed. */
async function importCompiled(file: string, path: string): Promise<object> {
  const { default: ts } = await import("typescript").catch(() => {
    throw new ToolError("Node before 22.18 does not run TypeScript by itself", {
      code: "module/typescript",
      where: path,
      hint: "`npm install typescript`, use a newer Node, or write the module in JavaScript",
    });
  });
  const { outputText, diagnostics = [] } = ts.transpileModule(await readTextFile(file), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    fileName: file,
    reportDiagnostics: true,
  });
  const [wrong] = diagnostics;
  if (wrong) {
    const line = wrong.file?.getLineAndCharacterOfPosition(wrong.start ?? 0).line ?? 0;
    throw new ToolError(ts.flattenDiagnosticMessageText(wrong.messageText, " "), {
      code: "module/syntax",
      where: `${path}:${line + 1}`,
    });
  }
  // Beside the original, so that its own imports are found.
  const compiled = join(dirname(file), `.${basename(file, ".ts")}.${randomUUID()}.mjs`);
  try {
    await writeFile(compiled, outputText);
    return await import(pathToFileURL(compiled).href);
  } finally {
    await rm(compiled, { force: true });
  }
}

function isForeignTypeScript(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_UNKNOWN_FILE_EXTENSION";
}
