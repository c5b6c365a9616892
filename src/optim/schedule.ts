// Learning rate against step: linear warm-up, then cosine from 1 to `minRatio` (constant for 1, as published).
// Source: cosine_schedule_with_warmup_lr_lambda in the reference's pretrain.py; spec/trm.md section 9.

export interface Schedule {
  readonly warmupSteps: number;
  readonly totalSteps: number;
  /** lr at the end, as a fraction of the base rate. */
  readonly minRatio: number;
}

/** Factor of the base rate at `step`, where the first update is step 1. */
export function scheduleFactor(step: number, { warmupSteps, totalSteps, minRatio }: Schedule): number {
  if (step < warmupSteps) return step / Math.max(1, warmupSteps);
  const progress = (step - warmupSteps) / Math.max(1, totalSteps - warmupSteps);
  return minRatio + Math.max(0, (1 - minRatio) * 0.5 * (1 + Math.cos(Math.PI * progress)));
}
