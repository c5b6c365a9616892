// The puzzle table's optimizer: only the rows that were used move, by the sign of their summed gradient.
// Source: models/sparse_embedding.py (CastedSparseEmbeddingSignSGD_Distributed); spec/trm.md 8.1.

export interface SignSgdSettings {
  readonly learningRate: number;
  readonly weightDecay: number;
}

/**
 * w ← w·(1 - lr·wd) - lr·sign(Σ g) for each distinct identifier; sign(0) = 0; other rows keep their values.
 *
 * @param table [identifiers, size], changed in place
 * @param identifiers row of the table used by each batch slot
 * @param gradients [slots, size]
 */
export function signSgdUpdate(
  table: Float32Array,
  size: number,
  identifiers: ArrayLike<number>,
  gradients: Float32Array,
  { learningRate, weightDecay }: SignSgdSettings,
): void {
  const sums = new Map<number, Float64Array>();
  for (let slot = 0; slot < identifiers.length; slot++) {
    const id = identifiers[slot];
    let sum = sums.get(id);
    if (!sum) {
      sum = new Float64Array(size);
      sums.set(id, sum);
    }
    for (let i = 0; i < size; i++) sum[i] += gradients[slot * size + i];
  }
  const keep = 1 - learningRate * weightDecay;
  for (const [id, sum] of sums)
    for (let i = 0; i < size; i++) {
      const at = id * size + i;
      table[at] = table[at] * keep - learningRate * Math.sign(sum[i]);
    }
}
