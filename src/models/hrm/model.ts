// HRM, the Hierarchical Reasoning Model: a slow module and a fast one, gradient through the last call of each, a halting
// and a continue logit trained as Q-values. Source: arXiv 2506.21734 and models/hrm/hrm_act_v1.py of sapientinc/HRM (commit
// 42410da), spec/hrm.md; README.md beside this file maps their names to ours.

import type { PuzzleShape, RecursiveModel } from "../model.ts";
import { recurse } from "../recursion.ts";
import { makeRecursiveModel } from "../recursive-model.ts";
import type { HrmConfig } from "./config.ts";

export function makeHrm(config: HrmConfig, shape: PuzzleShape): RecursiveModel {
  const { layers, hLayers, hCycles, lCycles } = config;
  return makeRecursiveModel(
    {
      name: "hrm",
      networks: { H_level: hLayers, L_level: layers },
      states: { z_H: "H_init", z_L: "L_init" },
      answer: "z_H",
      effectiveDepth: hCycles * (lCycles * layers + hLayers),
      continueLoss: true,
      wantsToHalt: (halt, goOn) => halt > goOn,
      step: (context, before) =>
        recurse(context, before, {
          ...{ hCycles, lCycles, gradient: "one-step", answerNetwork: "H_level", latents: ["z_L"] },
        }),
    },
    config,
    shape,
  );
}
