// Direct prediction: question in, answer out, one pass through a plain stack of the same blocks. With more than one
// supervision step it is the reference's `transformers_baseline`: deep supervision whose state is carried on, without
// recursion inside a step. Source: HRM paper section 4 ("direct pred"), models/recursive_reasoning/transformers_baseline.py of
// TinyRecursiveModels (commit e7b6871).

import type { PuzzleShape, RecursiveModel } from "../model.ts";
import { makeRecursiveModel } from "../recursive-model.ts";
import type { DirectConfig } from "./config.ts";

export function makeDirect(config: DirectConfig, shape: PuzzleShape): RecursiveModel {
  return makeRecursiveModel(
    {
      name: "direct",
      networks: { H_level: config.layers },
      states: { z_H: "H_init" },
      answer: "z_H",
      effectiveDepth: config.layers,
      wantsToHalt: (halt, goOn) => halt > goOn,
      step: ({ e, net }, before) => ({ z_H: net("H_level", before.z_H, e) }),
    },
    config,
    shape,
  );
}
