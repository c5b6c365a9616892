// The status line of `whorl data`: work that takes no longer than a moment shows none.

import { makeStatusLine, type StatusLine } from "../render/status-line.ts";

const QUIET_SECONDS = 2;

export function makeProgress(): Pick<StatusLine, "update" | "finish"> {
  const status = makeStatusLine();
  const startMs = performance.now();
  return {
    update(makeText) {
      if (performance.now() > startMs + 1000 * QUIET_SECONDS) status.update(makeText);
    },
    finish: () => status.finish(),
  };
}
