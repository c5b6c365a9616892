// `whorl data`: makes data sets, says what is in one, and converts them. One file a command in data/.

import type { Command } from "commander";
import { registerBuild } from "./data/build.ts";
import { registerExport } from "./data/export.ts";
import { registerGenerate } from "./data/generate.ts";
import { registerInspect } from "./data/inspect.ts";

export function registerData(program: Command): void {
  const data = program
    .command("data")
    .description("make data sets, see what is in one, convert to and from the reference's layout");
  for (const register of [registerGenerate, registerBuild, registerExport, registerInspect]) register(data);
}
