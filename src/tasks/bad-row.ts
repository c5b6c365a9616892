// A row of tokens that is no puzzle, as the readers of folders report it.

import { ToolError } from "../base/errors.ts";

const NOT_SUPERVISED = -100;

/** A token in words. */
export function describeToken(token: number): string {
  if (token === NOT_SUPERVISED) return "not known";
  return token === 0 ? "padding" : `the token ${token}`;
}

export function badRow(problem: string, where: string): ToolError {
  return new ToolError(`not a puzzle with its answer: ${problem}`, {
    code: "data/bad-row",
    where,
    hint: "build the folder again",
  });
}
