// Every op that ops/ exports has exactly one case, so that a new op cannot go untested.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { OP_CASES } from "./op-cases.ts";

async function exportedOps(): Promise<unknown[]> {
  const folder = join(import.meta.dirname, "../ops");
  const files = readdirSync(folder).filter((file) => file.endsWith(".ts") && !file.endsWith(".test.ts"));
  const modules = await Promise.all(
    files.map((file) => import(/* @vite-ignore */ pathToFileURL(join(folder, file)).href)),
  );
  return modules.flatMap((module) => Object.values(module)).filter(isOp);
}

function isOp(value: unknown): value is { name: string } {
  return typeof value === "object" && value !== null && "types" in value && "name" in value;
}

const namesOf = (ops: readonly unknown[]) => ops.filter(isOp).map(({ name }) => name);

test("every exported op has a case, and the other way round", async () => {
  const ops = await exportedOps();
  expect(ops.length).toBeGreaterThan(30);
  expect(namesOf(ops.filter((op) => !OP_CASES.some((each) => each.op === op)))).toEqual([]);
  expect(namesOf(OP_CASES.map(({ op }) => op).filter((op) => !ops.includes(op)))).toEqual([]);
  const names = OP_CASES.map(({ op }) => op.name);
  expect(new Set(names).size).toBe(names.length);
});

test("a case says which inputs have gradients exactly if the op has a gradient rule", () => {
  for (const { op, differentiable } of OP_CASES)
    expect([op.name, differentiable !== undefined]).toEqual([op.name, op.gradient !== undefined]);
});
