// The steps of an attempt as the stages a reader looks at: steps one after the other with the same answer are one.

/** Steps one after the other that give the same answer. */
export interface Stage<Step> {
  /** From 1, both included. */
  readonly first: number;
  readonly last: number;
  /** The first of them. */
  readonly step: Step;
  /** That of the stage before; none at first. */
  readonly before: Step | undefined;
}

/** @param textOf equal for steps with the same answer */
export function stagesOf<Step>(steps: readonly Step[], textOf: (step: Step) => string): Stage<Step>[] {
  const texts = steps.map(textOf);
  const starts = steps.flatMap((_, i) => (i === 0 || texts[i] !== texts[i - 1] ? [i] : []));
  return starts.map((start, i) => ({
    first: start + 1,
    last: starts[i + 1] ?? steps.length,
    step: steps[start],
    before: i === 0 ? undefined : steps[starts[i - 1]],
  }));
}
