// JSON that we wrote and anyone may have changed since, checked against its schema.

import type { z } from "zod";
import type { ToolError } from "../base/errors.ts";

/** @param refuse makes the error from what is wrong, in a few words */
export function parseRecord<T>(
  schema: z.ZodType<T>,
  text: string,
  refuse: (problem: string) => ToolError,
): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw refuse(`${issue.path.join(".")}: ${issue.message}`);
}
