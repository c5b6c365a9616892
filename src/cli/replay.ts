// `npm run --silent replay -- DIR [--backend native|wasm|reference] [--resync] [--out FILE]`: a developer's tool, prints one
// line of JSON (design/commands.md, last part).

import { parseArgs } from "node:util";
import { ToolError } from "../base/errors.ts";
import { BACKEND_CHOICES, chooseExecutor } from "../engine/executors/choose.ts";
import { writeSafetensors } from "../formats/safetensors.ts";
import { replayTrace } from "../train/replay.ts";

const USAGE =
  "usage: npm run --silent replay -- DIR [--backend native|wasm|reference] [--resync] [--out FILE]";

async function main(): Promise<void> {
  const { values, positionals } = readArguments();
  const backend = BACKEND_CHOICES.find((name) => name === (values.backend ?? "native"));
  if (positionals.length !== 1 || backend === undefined || backend === "auto")
    throw new ToolError(USAGE, { code: "usage", exitCode: 2 });
  const { executor } = await chooseExecutor(backend, {
    isa: values.isa,
    threads: values.threads === undefined ? undefined : Number(values.threads),
  });
  const { report, computed } = await replayTrace(positionals[0], executor, {
    resync: values.resync ?? false,
  });
  if (values.out) await writeSafetensors(values.out, computed);
  process.stdout.write(`${JSON.stringify(report)}\n`);
}

function readArguments() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        backend: { type: "string" },
        resync: { type: "boolean" },
        out: { type: "string" },
        isa: { type: "string" },
        threads: { type: "string" },
      },
    });
  } catch (error) {
    throw new ToolError(`${error instanceof Error ? error.message : error}\n${USAGE}`, {
      code: "usage",
      exitCode: 2,
    });
  }
}

main().catch((error: unknown) => {
  if (!(error instanceof ToolError)) throw error;
  process.stderr.write(`${error.format()}\n`);
  process.exitCode = error.exitCode;
});
