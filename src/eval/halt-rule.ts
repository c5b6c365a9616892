// What a model's halting logits mean, for programs that have no model at hand but its numbers.

/** When it asks to stop: its halting logit is positive, or above the continue logit. */
export type HaltRule = "positive" | "above-continue";

export function wantsToHalt(rule: HaltRule, haltLogit: number, continueLogit: number): boolean {
  return haltLogit > (rule === "positive" ? 0 : continueLogit);
}

/** How sure the model is that its answer is right, from 0 to 1. */
export function haltProbability(haltLogit: number): number {
  return 1 / (1 + Math.exp(-haltLogit));
}
