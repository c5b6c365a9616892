// Runs one command of the CLI inside the test and catches what it prints, without colours.

import { Command } from "commander";
import { vi } from "vitest";
import { ToolError } from "../../src/base/errors.ts";

export interface CommandResult {
  stdout: string;
  stderr: string;
  /** The message and exit code of the ToolError that ended it; 0 and no message when it went well. */
  error: string;
  exitCode: number;
}

export async function runCommand(
  register: (program: Command) => void,
  words: readonly string[],
): Promise<CommandResult> {
  const printed = { stdout: "", stderr: "" };
  const spies = (["stdout", "stderr"] as const).map((name) =>
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      printed[name] += String(chunk);
      return true;
    }),
  );
  vi.stubEnv("NO_COLOR", "1");
  const program = new Command("whorl").exitOverride();
  register(program);
  try {
    await program.parseAsync([...words], { from: "user" });
    return { ...printed, error: "", exitCode: 0 };
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return { ...printed, error: error.format(), exitCode: error.exitCode };
  } finally {
    vi.unstubAllEnvs();
    for (const spy of spies) spy.mockRestore();
  }
}
