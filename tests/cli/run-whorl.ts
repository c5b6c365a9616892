// Runs the built command as a user would, in a process of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { packageRoot } from "../../src/base/data-folder.ts";

export interface Outcome {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Gets the running process, for instance to kill it. */
  readonly onStart?: (child: ChildProcess) => void;
  /** Another command line around node, for instance a shell with limits. */
  readonly shell?: (command: string) => string;
}

export const WHORL = join(packageRoot(), "bin", "whorl.js");

export function runWhorl(words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
  const env = { ...process.env, NO_COLOR: "1", DEBUG: "", ...options.env };
  const quoted = [process.execPath, WHORL, ...words].map((word) => `'${word}'`).join(" ");
  const child = options.shell
    ? spawn("sh", ["-c", options.shell(quoted)], { env, cwd: options.cwd })
    : spawn(process.execPath, [WHORL, ...words], { env, cwd: options.cwd });
  options.onStart?.(child);
  child.stdin?.end(options.input ?? "");
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (chunk) => {
    stdout += chunk;
  });
  child.stderr?.on("data", (chunk) => {
    stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode, signal) => resolve({ exitCode, signal, stdout, stderr }));
  });
}
