// What a user is told when something is refused.

import { ToolError } from "../../../base/errors.ts";

/** The message of the failure that `run` ends with, as the command line prints it. */
export function told(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return error instanceof ToolError ? error.format() : String(error);
  }
  return "no error";
}
