// The one way to say that a checkpoint is not what was written: whoever looks for the newest intact one catches it.

import { ToolError } from "../base/errors.ts";

export function damaged(dir: string, what: string, cause?: unknown): ToolError {
  return new ToolError(`damaged checkpoint: ${what}`, {
    code: "checkpoint/damaged",
    where: dir,
    hint: "use an earlier checkpoint of the run, or copy the folder again",
    cause,
  });
}
