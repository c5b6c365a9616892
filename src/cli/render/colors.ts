// Whether results on stdout are dressed in colour. Decided at each call, and stricter than picocolors alone, which
// also colours what a CI machine writes into a file.

import picocolors from "picocolors";

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Colours on a terminal or with FORCE_COLOR; none with NO_COLOR, on a dumb terminal, or when stdout goes elsewhere. */
export function stdoutColors(): Colors {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  const isTerminal = process.stdout.isTTY === true && TERM !== "dumb";
  return picocolors.createColors(!NO_COLOR && (isTerminal || Boolean(FORCE_COLOR)));
}
