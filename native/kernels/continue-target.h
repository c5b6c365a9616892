// continueTarget: of the halting logits q[R,2] (halt, continue) after one more step, what going on is worth:
// sigmoid(last_r ? halt : max(halt, continue)). One value a row: scalar.
//   q last y | R

static void continueTarget(const Args& args) {
  const float* q = (const float*)args.p[0];
  const int32_t* last = (const int32_t*)args.p[1];
  for (int64_t r = 0; r < args.n[0]; r++) {
    const float halt = q[2 * r], goOn = q[2 * r + 1];
    const float worth = last[r] || halt > goOn ? halt : goOn;
    ((float*)args.p[2])[r] = float(1 / (1 + __builtin_exp(-double(worth))));
  }
}
