// Numbers as the words of `whorl data` give them.

import { ToolError } from "../../base/errors.ts";

/** A whole number from 0; anything else is wrong usage. */
export function parseWhole(option: string, text: string, most = Number.MAX_SAFE_INTEGER): number {
  if (/^\d+$/.test(text) && Number(text) <= most) return Number(text);
  const range = most === Number.MAX_SAFE_INTEGER ? "from 0" : `from 0 to ${most}`;
  throw new ToolError(`${option} takes a whole number ${range}, not '${text}'`, {
    code: "usage/count",
    hint: `for instance ${option} 1`,
    exitCode: 2,
  });
}
