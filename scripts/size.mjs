// `npm run size`: lines per folder, tests apart, and the largest files. A number to watch, not a limit.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folders = ["src", "native", "tests", "scripts", "bin", "configs"];
const extensions = /\.(ts|js|mjs|cpp|cc|h|hpp|inl|yaml)$/;
const largestShown = 10;

const files = folders.flatMap(listFiles).map((path) => ({
  path,
  lines: readFileSync(join(root, path), "utf8").split("\n").length - 1,
  isTest: path.includes(".test.") || path.startsWith("tests/"),
}));

const byFolder = new Map();
for (const { path, lines, isTest } of files) {
  const folder = path.startsWith("src/")
    ? path.split("/").slice(0, 2).join("/")
    : dirname(path).split("/")[0];
  const sum = byFolder.get(folder) ?? { files: 0, code: 0, tests: 0 };
  sum.files++;
  sum[isTest ? "tests" : "code"] += lines;
  byFolder.set(folder, sum);
}

printRow("folder", "files", "code", "tests");
for (const [folder, sum] of [...byFolder].sort()) printRow(folder, sum.files, sum.code, sum.tests);
const total = (isTest) =>
  files.filter((file) => file.isTest === isTest).reduce((sum, file) => sum + file.lines, 0);
printRow("total", files.length, total(false), total(true));
console.log("\nlargest files");
const largest = files.filter((file) => !file.isTest).sort((a, b) => b.lines - a.lines);
for (const file of largest.slice(0, largestShown))
  console.log(`${String(file.lines).padStart(6)} ${file.path}`);

function listFiles(folder) {
  if (!statSync(join(root, folder), { throwIfNoEntry: false })) return [];
  const names = readdirSync(join(root, folder), { recursive: true }).filter((name) => extensions.test(name));
  return names.map((name) => join(folder, name));
}

function printRow(name, ...numbers) {
  console.log([name.padEnd(24), ...numbers.map((number) => String(number).padStart(8))].join(""));
}
