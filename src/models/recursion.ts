// The recursion of TRM and HRM within one supervision step: T cycles of n updates of the latent and one of the answer, the
// last calls of which carry gradient. Source: spec/trm.md section 5 (trm.py, trm_singlez.py, trm_hier6.py), spec/hrm.md
// section 3 (hrm.py).

import type { Value } from "../engine/graph.ts";
import { add, stopGradient } from "../engine/ops/elementwise.ts";
import type { States, StepContext } from "./recursive-model.ts";

export interface Schedule {
  /** T, updates of the answer. */
  readonly hCycles: number;
  /** n, updates of the latent before each of them. */
  readonly lCycles: number;
  /** Gradient through all calls of the last cycle (TRM), or through its last two (HRM). */
  readonly gradient: "cycle" | "one-step";
  /** The network that updates the answer; the latent's is `L_level`. */
  readonly answerNetwork: string;
  /** Names of the latents; none: one state is answer and latent in one. */
  readonly latents: readonly string[];
}

const ANSWER = "z_H";

/** z ← net(z, y + e), n times, then y ← net(y, z); T times. Call i of a cycle replaces latent i and reads the sum of all. */
export function recurse(context: StepContext, before: States, schedule: Schedule): States {
  const { graph, net } = context;
  const { hCycles, lCycles, gradient, answerNetwork, latents } = schedule;
  const constant = (value: Value) => stopGradient(graph, value);
  const firstGraded = gradient === "cycle" ? 0 : lCycles - 1;
  let e = constant(context.e);
  let y = before[ANSWER];
  let z = latents.map((name) => before[name]);
  const sumOfLatents = () => z.reduce((sum, latent) => add(graph, sum, latent));
  for (let cycle = 0; cycle < hCycles; cycle++)
    graph.scoped(`cycle${cycle}`, () => {
      let injected: Value | undefined; // y does not change while z is refined
      for (let call = 0; call < lCycles; call++) {
        if (cycle === hCycles - 1 && call === firstGraded) {
          // What enters the graded calls is constant, the embedding e is not.
          [y, z, e, injected] = [constant(y), z.map(constant), context.e, undefined];
        }
        injected ??= add(graph, y, e);
        z[call % z.length] = net("L_level", sumOfLatents(), injected);
      }
      y = net(answerNetwork, y, sumOfLatents());
    });
  return { [ANSWER]: y, ...Object.fromEntries(latents.map((name, i) => [name, z[i]])) };
}

/** With one state for both: z ← net(z + e), n times, then z ← net(z); T times. */
export function recurseSingle(
  { graph, net, ...context }: StepContext,
  before: States,
  { hCycles, lCycles, gradient, answerNetwork }: Schedule,
): States {
  const constant = (value: Value) => stopGradient(graph, value);
  const firstGraded = gradient === "cycle" ? 0 : lCycles - 1;
  let e = constant(context.e);
  let z = before.z_L;
  for (let cycle = 0; cycle < hCycles; cycle++)
    graph.scoped(`cycle${cycle}`, () => {
      for (let call = 0; call < lCycles; call++) {
        if (cycle === hCycles - 1 && call === firstGraded) [z, e] = [constant(z), context.e];
        z = net("L_level", z, e);
      }
      z = net(answerNetwork, z);
    });
  return { z_L: z };
}
