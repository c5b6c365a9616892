// Messages for people go to stderr, results to stdout, so that a pipe gets results only. DEBUG=1..5 shows more.
// A reader that closes the pipe early (`whorl … | head`) is no error: the process ends quietly with 0.

/** The level of DEBUG, 0 when unset; words that other tools put there count as 0. */
export function debugLevel(): number {
  const level = Number.parseInt(process.env.DEBUG ?? "", 10);
  return Number.isNaN(level) ? 0 : level;
}

export function logInfo(text: string) {
  process.stderr.write(`${text}\n`);
}

export function logWarning(text: string) {
  logInfo(`warning: ${text}`);
}

/** Printed when DEBUG is at least `level`; `makeText` is not called otherwise. */
export function logDebug(level: 1 | 2 | 3 | 4 | 5, makeText: () => string) {
  if (debugLevel() >= level) logInfo(`[debug ${level}] ${makeText()}`);
}

/** One line on stdout. */
export function printLine(text: string) {
  guardOutput();
  process.stdout.write(`${text}\n`);
}

/** The one line of `--json`. */
export function printJson(value: unknown) {
  printLine(JSON.stringify(value));
}

/** Installed once, by the first line printed; a long run calls it at its start, for the messages on stderr. */
export function guardOutput() {
  addOnce(process.stdout, endQuietly);
  addOnce(process.stderr, carryOn);
}

function addOnce(stream: NodeJS.WriteStream, listener: (error: NodeJS.ErrnoException) => void) {
  if (!stream.listeners("error").includes(listener)) stream.on("error", listener);
}

function endQuietly(error: NodeJS.ErrnoException) {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
}

/** Nobody reads the messages any more; a training goes on without them. */
function carryOn(error: NodeJS.ErrnoException) {
  if (error.code !== "EPIPE" && error.code !== "EIO") throw error;
}
