// What an exported file says of itself in its metadata: its form, for programs that run it, and our configuration and
// vocabulary, for whoever finds it. Not the shapes: the graph's inputs and outputs have them.

import { z } from "zod";
import { ToolError } from "../base/errors.ts";
import { formatConfig } from "../config/load.ts";
import type { WhorlConfig } from "../config/schema.ts";
import type { TaskData } from "../tasks/index.ts";
import { formatTokens, VOCABULARY } from "../tasks/maze/encode.ts";
import type { OnnxModel } from "./proto.ts";

const KEYS = { about: "whorl", config: "whorl.config", vocabulary: "whorl.vocabulary" } as const;

const aboutSchema = z.object({
  version: z.literal(1),
  model: z.string(),
  /** One supervision step with the carry going in and out, or a whole solve. */
  form: z.enum(["step", "solve"]),
  /** Of a solve; for the step form, how many the model was trained for. */
  steps: z.int().min(1),
  weights: z.enum(["float32", "float16"]),
  /** How a row says which puzzle it is, for models with puzzle vectors. */
  puzzle: z.enum(["none", "identifiers", "vectors"]),
  /** Halting: stop when the halting logit is positive, or above the continue logit. */
  halts: z.enum(["positive", "above-continue"]),
});

export type OnnxAbout = z.output<typeof aboutSchema>;

export function aboutMetadata(about: OnnxAbout, config: WhorlConfig | undefined): Map<string, string> {
  const metadata = new Map<string, string>([[KEYS.about, JSON.stringify(about)]]);
  if (!config) return metadata;
  metadata.set(KEYS.config, formatConfig(config));
  const vocabulary = vocabularyOf(config.data);
  if (vocabulary) metadata.set(KEYS.vocabulary, JSON.stringify(vocabulary));
  return metadata;
}

/** @param where stands in errors, for instance the path */
export function readAbout({ metadata }: OnnxModel, where: string): OnnxAbout {
  const parsed = aboutSchema.safeParse(parseJson(metadata.get(KEYS.about)));
  if (parsed.success) return parsed.data;
  throw new ToolError("this ONNX file was not exported by Whorl: it does not tell its form", {
    code: "onnx/foreign",
    where,
    hint: "export one with `whorl export <run> --to onnx --out FILE.onnx`",
  });
}

/** The configuration of the model in YAML, where the file carries it. */
export function readConfigText({ metadata }: OnnxModel): string | undefined {
  return metadata.get(KEYS.config);
}

/** What each token is as text; families of the user's own say it in code only. */
export function vocabularyOf(data: TaskData): string[] | undefined {
  const count = (length: number, text: (i: number) => string) => Array.from({ length }, (_, i) => text(i));
  switch (data.task) {
    case "sudoku":
      return ["<pad>", ".", ...count(data.size, (i) => String(i + 1))];
    case "maze":
      return ["<pad>", ...count(VOCABULARY - 1, (i) => formatTokens([i + 1]))];
    case "arc":
      return ["<pad>", "<end>", ...count(10, String)];
    case "module":
      return undefined;
  }
}

function parseJson(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
