// matchCounts: per row, how many labels count (!= -100), how many predictions agree, and whether all do.
//   preds labels valid correct exact | R S

static void matchCounts(const Args& args) {
  const int64_t R = args.n[0], S = args.n[1];
  for (int64_t r = 0; r < R; r++) {
    const int32_t *preds = (const int32_t*)args.p[0] + r * S, *labels = (const int32_t*)args.p[1] + r * S;
    int64_t valid = 0, correct = 0;
    for (int64_t s = 0; s < S; s++) {
      valid += labels[s] != ignoredLabel;
      correct += labels[s] != ignoredLabel && preds[s] == labels[s];
    }
    ((float*)args.p[2])[r] = float(valid);
    ((float*)args.p[3])[r] = float(correct);
    ((float*)args.p[4])[r] = correct == valid ? 1.0f : 0.0f;
  }
}
