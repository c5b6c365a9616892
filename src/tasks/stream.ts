// Training batches of grouped examples: the sampler's places, filled in by the data set.

import type { DrawSettings, GroupedExamples, TrainingStream } from "./dataset.ts";
import { makeSampler, type SamplerState } from "./sampler.ts";

export function groupedStream(grouped: GroupedExamples, draw: DrawSettings): TrainingStream {
  const sampler = makeSampler(grouped, draw);
  return {
    batchesPerSweep: sampler.batchesPerIterator,
    next({ inputs, labels, identifiers }) {
      const seqLen = inputs.length / identifiers.length;
      sampler.next().forEach((sample, row) => {
        const [from, to] = [row * seqLen, (row + 1) * seqLen];
        identifiers[row] = grouped.read(sample, {
          inputs: inputs.subarray(from, to),
          labels: labels.subarray(from, to),
        });
      });
    },
    state: () => sampler.state(),
    restore: (state) => sampler.restore(state as SamplerState), // checked there
  };
}
