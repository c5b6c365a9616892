// What the npm scripts start, test, build, check and replay do: set-up when it is needed (packages, TypeScript,
// native addon), then the task itself. Plain Node without dependencies, because it runs before any is installed.
// Set-up talks on stderr only: the stdout of a task belongs to its result.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const minimumNode = [20, 19];

const tasks = {
  start: (words) => node(["bin/whorl.js", "start", ...words]),
  test: (words) => node(["node_modules/vitest/vitest.mjs", "run", ...words]),
  build: () => 0,
  check: runCheck,
  replay: (words) => node(["dist/cli/replay.js", ...words]),
};

process.exitCode = await main(process.argv.slice(2));

async function main([name, ...words]) {
  const task = tasks[name];
  if (!task) return fail(`unknown task ${name}: one of ${Object.keys(tasks).join(", ")}`, 2);
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < minimumNode[0] || (major === minimumNode[0] && minor < minimumNode[1]))
    return fail(`Node ${process.versions.node} is too old: install Node ${minimumNode.join(".")} or newer`);
  const release = await lockSetup();
  try {
    if (!installPackages() || !(await compileTypeScript()) || !(await compileNative())) return 1;
  } finally {
    release();
  }
  return task(words);
}

// --- set-up ---

/** `npm ci` when nothing is installed or the lock file changed since. */
function installPackages() {
  const lock = join(root, "package-lock.json");
  const installed = join(root, "node_modules/.package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return true;
  say("installing packages (npm ci) …");
  // The npm that runs us, when one does, so that both are of one version.
  const ourNpm = process.env.npm_execpath ?? "";
  const npm = basename(ourNpm) === "npm-cli.js" ? [process.execPath, ourNpm] : ["npm"];
  const words = [...npm.slice(1), "ci", "--include=dev", "--loglevel=error", "--no-progress"];
  const result = spawnSync(npm[0], words, { cwd: root, stdio: ["ignore", 2, 2] });
  if (result.status === 0) return true;
  fail("npm ci failed: the messages above say why (no network, a proxy, a full disk?)");
  return false;
}

/** tsc when a source, a setting or the compiler changed since the last successful build. */
async function compileTypeScript() {
  const stampFile = join(root, "dist/.build-stamp");
  const stamp = sourceStamp();
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === stamp) return true;
  say("compiling TypeScript …");
  // Without this, tsc trusts its own record and does not write files that were deleted by hand.
  for (const name of existsSync(stampFile) ? [] : [".tsbuildinfo", ".tsbuildinfo-web"])
    rmSync(join(root, "dist", name), { force: true });
  for (const project of ["tsconfig.build.json", "tsconfig.web.json"]) {
    if ((await node(["node_modules/typescript/bin/tsc", "-p", project], 2)) === 0) continue;
    fail("TypeScript found errors, listed above");
    return false;
  }
  writeFileSync(stampFile, stamp);
  return true;
}

function sourceStamp() {
  const names = readdirSync(join(root, "src"), { recursive: true })
    .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
    .sort();
  const paths = [
    ...names.map((name) => join("src", name)),
    "tsconfig.json",
    "tsconfig.build.json",
    "tsconfig.web.json",
  ];
  const hash = createHash("sha256");
  for (const path of [...paths, "package-lock.json"]) {
    const { mtimeMs, size } = statSync(join(root, path));
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  }
  return hash.digest("hex");
}

/** The addon checks itself whether it is up to date; without a compiler the tool goes on without it. */
async function compileNative() {
  const compiler = join(root, "dist/engine/executors/native/compile.js");
  if (!existsSync(compiler)) return true;
  try {
    const { compileAddon, findCompiler } = await import(pathToFileURL(compiler).href);
    if (!findCompiler()) {
      say("no C++ compiler (g++ or clang++) found: going on without the native backend");
      return true;
    }
    const sourceDir = join(root, "native");
    await compileAddon({ sourceDir, outFile: join(root, "dist/native/whorl.node"), log: say });
    return true;
  } catch (error) {
    fail(`the native addon could not be compiled: ${error instanceof Error ? error.message : error}`);
    return false;
  }
}

/** One set-up at a time: a second command waits for the first. Returns the function that gives the lock back. */
async function lockSetup() {
  const lock = join(root, "dist/.setup-lock");
  mkdirSync(join(root, "dist"), { recursive: true });
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(lock, String(process.pid), { flag: "wx" });
      return () => rmSync(lock, { force: true });
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    if (isAbandoned(lock)) rmSync(lock, { force: true });
    else {
      if (attempt === 0) say("waiting for another command that is building …");
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

/** A lock is abandoned when its process is gone; an empty one is just being written. */
function isAbandoned(lock) {
  try {
    const pid = Number(readFileSync(lock, "utf8"));
    if (pid === 0) return Date.now() - statSync(lock).mtimeMs > 10_000;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

// --- tasks ---

/** Everything that must hold before a commit; all steps run, so that one report shows all that is wrong. */
async function runCheck(words) {
  const steps = {
    lint: ["node_modules/@biomejs/biome/bin/biome", "check"],
    types: ["node_modules/typescript/bin/tsc", "--noEmit"],
    "types of the page": ["node_modules/typescript/bin/tsc", "-p", "tsconfig.web.json", "--noEmit"],
    layers: ["scripts/check-layers.mjs"],
    tests: ["node_modules/vitest/vitest.mjs", "run", "--exclude", "**/*.slow.test.ts", ...words],
  };
  const failed = [];
  for (const [step, command] of Object.entries(steps)) if ((await node(command)) !== 0) failed.push(step);
  if (failed.length > 0) say(`check failed: ${failed.join(", ")}`);
  return failed.length > 0 ? 1 : 0;
}

/** Runs a program of the repository with this Node and resolves to its exit code. */
function node(words, stdout = 1) {
  const script = join(root, words[0]);
  const child = spawn(process.execPath, [script, ...words.slice(1)], { cwd: root, stdio: [0, stdout, 2] });
  // Ctrl-C reaches the child too, which may want to save before it ends; other signals reach only us.
  const wait = () => {};
  const pass = (signal) => child.kill(signal);
  process.on("SIGINT", wait).on("SIGTERM", pass).on("SIGHUP", pass);
  return new Promise((resolve) => {
    const end = (exitCode) => {
      process.off("SIGINT", wait).off("SIGTERM", pass).off("SIGHUP", pass);
      resolve(exitCode);
    };
    child.once("error", (error) => end(fail(`cannot run ${words[0]}: ${error.message}`)));
    child.once("exit", (exitCode, signal) => end(exitCode ?? 128 + constants.signals[signal]));
  });
}

function say(text) {
  process.stderr.write(`${text}\n`);
}

function fail(text, exitCode = 1) {
  say(text);
  return exitCode;
}
