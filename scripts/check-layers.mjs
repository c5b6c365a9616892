// Checks who imports whom in src/: a folder may import only from itself and from folders before it in the list,
// the extra rules hold, and no files import each other in a circle. Tests may import from anywhere.
// `node scripts/check-layers.mjs [folder]`: prints file:line for each violation and exits 1.

import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const layers = [
  ...[
    "base",
    "formats",
    "engine",
    "nn",
    "models",
    "tasks",
    "optim",
    "config",
    "runs",
    "eval",
    "onnx",
    "embed",
    "web",
    "train",
    "bench",
    "compare",
    "cli",
  ],
  "index.ts",
];

const extraRules = [
  {
    from: /^engine\/(?!executors\/|testing\/|index\.ts)/,
    to: /^engine\/executors\/(?!executor\.ts)/,
    why: "graphs and plans know only the contract of executors, executors/executor.ts",
  },
  {
    from: /^(?!engine\/)/,
    to: /^engine\/executors\/(?!(executor|choose)\.ts)/,
    why: "executors are had through executors/choose.ts",
  },
  {
    from: /./,
    to: /^(engine\/)?index\.ts/,
    why: "it is an entry point of the package, never imported from inside",
  },
];

const source = resolve(process.argv[2] ?? fileURLToPath(new URL("../src", import.meta.url)));
const imports = readAllImports();
const problems = [...imports.flatMap(checkLayer), ...imports.flatMap(checkExtraRules), ...findCycles()];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
else console.log(`layers: ${imports.length} imports in order, no cycles`);

/** Every import of a file of ours, as {from, line, to, typeOnly}, paths relative to src/. */
function readAllImports() {
  const files = readdirSync(source, { recursive: true }).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
  );
  return files.sort().flatMap((from) => {
    const text = readFileSync(join(source, from), "utf8");
    const found = ts.preProcessFile(text, true, true).importedFiles;
    return found
      .filter((each) => each.fileName.startsWith("."))
      .map((each) => ({
        from,
        line: text.slice(0, each.pos).split("\n").length,
        to: relative(source, resolve(source, dirname(from), each.fileName)),
        typeOnly: isTypeOnly(text.slice(0, each.pos)),
      }));
  });
}

/** Whether the statement that the text breaks off in starts with `import type` or `export type`. */
function isTypeOnly(textBefore) {
  const start = Math.max(textBefore.lastIndexOf("import"), textBefore.lastIndexOf("export"));
  return /^(import|export)\s+type\b/.test(textBefore.slice(start));
}

function checkLayer({ from, line, to }) {
  const [ours, theirs] = [layerOf(from), layerOf(to)];
  if (to.startsWith("..")) return [`src/${from}:${line}: imports ${to}, outside src/`];
  if (!existsSync(join(source, to))) return [`src/${from}:${line}: imports ${to}, which does not exist`];
  if (ours < 0) return [`src/${from}:${line}: its folder is not in the list of layers`];
  if (theirs < 0) return [`src/${from}:${line}: imports ${to}, whose folder is not in the list of layers`];
  if (theirs <= ours) return [];
  return [`src/${from}:${line}: imports ${to}; ${layers[ours]} comes before ${layers[theirs]}`];
}

function layerOf(path) {
  return layers.indexOf(path.split("/")[0]);
}

function checkExtraRules({ from, line, to }) {
  const broken = extraRules.filter((rule) => rule.from.test(from) && rule.to.test(to));
  return broken.map((rule) => `src/${from}:${line}: imports ${to}; ${rule.why}`);
}

/**
 * Depth-first search; each import that leads back to a file on the current path closes a circle.
 * Imports of types alone are left out: they are erased, so nothing can run half initialised.
 */
function findCycles() {
  const byFile = new Map();
  const values = imports.filter((each) => !each.typeOnly);
  for (const each of values) byFile.set(each.from, [...(byFile.get(each.from) ?? []), each]);
  const cycles = [];
  const done = new Set();
  const path = [];
  const visit = (file) => {
    if (done.has(file)) return;
    path.push(file);
    for (const { line, to } of byFile.get(file) ?? []) {
      const start = path.indexOf(to);
      if (start < 0) visit(to);
      else cycles.push(`src/${file}:${line}: import cycle: ${[...path.slice(start), to].join(" → ")}`);
    }
    path.pop();
    done.add(file);
  };
  for (const file of byFile.keys()) visit(file);
  return cycles;
}
