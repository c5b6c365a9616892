// TRM, the Tiny Recursive Model: one small network applied to an answer y and a latent z again and again; and its
// ablations, as settings. Source: arXiv 2510.04871 sections 3 and 4, models/recursive_reasoning/trm.py, trm_singlez.py and
// trm_hier6.py of TinyRecursiveModels (commit e7b6871); README.md beside this file maps their names to ours.

import type { PuzzleShape, RecursiveModel } from "../model.ts";
import { recurse, recurseSingle, type Schedule } from "../recursion.ts";
import { makeRecursiveModel } from "../recursive-model.ts";
import type { TrmConfig } from "./config.ts";

export function makeTrm(config: TrmConfig, shape: PuzzleShape): RecursiveModel {
  const { layers, hCycles, lCycles, separateNetworks, noActContinue } = config;
  const latents = latentsOf(config);
  const answerNetwork = separateNetworks ? "H_level" : "L_level";
  const schedule: Schedule = { ...config, answerNetwork, latents: Object.keys(latents) };
  const isSingle = config.latents === 0;
  return makeRecursiveModel(
    {
      name: "trm",
      networks: { ...(separateNetworks ? { H_level: layers } : {}), L_level: layers },
      states: isSingle ? { z_L: "L_init" } : { z_H: "H_init", ...latents },
      answer: isSingle ? "z_L" : "z_H",
      effectiveDepth: hCycles * (lCycles + 1) * layers,
      tiedHead: config.tiedHead,
      continueLoss: !noActContinue,
      haltsInTraining: config.halting,
      wantsToHalt: (halt, goOn) => (noActContinue ? halt > 0 : halt > goOn),
      step: (context, before) => (isSingle ? recurseSingle : recurse)(context, before, schedule),
    },
    config,
    shape,
  );
}

/** Names of the latents and of their initial vectors. */
function latentsOf({ latents }: TrmConfig): Record<string, string> {
  if (latents === 1) return { z_L: "L_init" };
  return Object.fromEntries(Array.from({ length: latents }, (_, i) => [`z_L${i + 1}`, `L${i + 1}_init`]));
}
