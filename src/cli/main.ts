// The command `whorl`: reads words, calls one command, turns failures into one message and an exit code.

import { Command, CommanderError } from "commander";
import { ToolError } from "../base/errors.ts";
import { debugLevel, guardOutput, logInfo } from "../base/log.ts";
import { registerAdapt } from "./adapt.ts";
import { registerBench } from "./bench.ts";
import { registerCompare } from "./compare.ts";
import { registerData } from "./data.ts";
import { registerDoctor } from "./doctor.ts";
import { registerEval } from "./eval.ts";
import { registerExport } from "./export.ts";
import { registerImport } from "./import.ts";
import { registerMerge } from "./merge.ts";
import { registerParams } from "./params.ts";
import { registerSolve } from "./solve.ts";
import { registerStart } from "./start.ts";
import { registerTrain } from "./train.ts";
import { registerVerify } from "./verify.ts";
import { packageVersion } from "./version.ts";
import { registerVote } from "./vote.ts";

/** Runs one command line; resolves when it is done, with the exit code set. */
export async function main(words: readonly string[]): Promise<void> {
  guardOutput();
  const program = makeProgram();
  try {
    await program.parseAsync([...words], { from: "user" });
  } catch (error) {
    process.exitCode = report(error);
  }
}

function makeProgram(): Command {
  const program = new Command("whorl")
    .description("train, watch, evaluate and solve with tiny recursive reasoning models")
    .version(packageVersion())
    .exitOverride()
    .showHelpAfterError("(run with --help to see what there is)");
  for (const register of [
    registerTrain,
    registerEval,
    registerMerge,
    registerVote,
    registerAdapt,
    registerImport,
    registerExport,
    registerVerify,
    registerSolve,
    registerParams,
    registerBench,
    registerCompare,
    registerDoctor,
    registerData,
    registerStart,
  ])
    register(program);
  for (const command of program.commands) inheritSettings(program, command);
  return program;
}

/** Commander copies its settings to commands only when they are made by `command()`, not by nesting deeper. */
function inheritSettings(parent: Command, command: Command): void {
  command.copyInheritedSettings(parent);
  for (const nested of command.commands) inheritSettings(command, nested);
}

/** Says what went wrong and returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2; // its message is printed already
  if (error instanceof ToolError) {
    logInfo(`whorl: ${error.format()}`);
    if (debugLevel() >= 1 && error.stack) logInfo(error.stack);
    return error.exitCode;
  }
  const message = error instanceof Error ? error.message : String(error);
  logInfo(`whorl: unexpected failure: ${message} — run again with DEBUG=1 for details, and please report it`);
  if (debugLevel() >= 1 && error instanceof Error && error.stack) logInfo(error.stack);
  return 1;
}
