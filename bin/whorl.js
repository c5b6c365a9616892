#!/usr/bin/env node
// The command `whorl`: hands its words to the built command line in dist/.

import { existsSync } from "node:fs";

const main = new URL("../dist/cli/main.js", import.meta.url);

if (existsSync(main)) {
  const cli = await import(main.href);
  const exitCode = await cli.main(process.argv.slice(2));
  if (typeof exitCode === "number") process.exitCode = exitCode;
} else {
  console.error("whorl is not built yet — dist/cli/main.js is missing — run `npm run build`");
  process.exitCode = 1;
}
