// Whether results on stdout are dressed in colour. Stricter than picocolors alone, which also colours what a CI
// machine writes into a file.

import picocolors from "picocolors";

export type Colors = ReturnType<typeof picocolors.createColors>;

/** Colours on a terminal or with FORCE_COLOR, none with NO_COLOR or when stdout goes elsewhere. */
export function stdoutColors(): Colors {
  const wanted = process.stdout.isTTY === true || Boolean(process.env.FORCE_COLOR);
  return picocolors.createColors(wanted && picocolors.isColorSupported);
}
