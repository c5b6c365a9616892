// bceWithLogits: y = (1 - t)*x - log(sigmoid(x)), and its gradient (sigmoid(x) - t) * dy. One value a row: scalar.
//   x t y | n          x t dy dx | n

static void bceWithLogits(const Args& args) {
  const float *x = (const float*)args.p[0], *t = (const float*)args.p[1];
  // In float, operation by operation, as torch computes it: at large logits the difference cancels, and it shows.
  for (int64_t i = 0; i < args.n[0]; i++) {
    const float v = x[i];
    const float logSigmoid = (v < 0 ? v : 0) - __builtin_log1pf(__builtin_expf(-__builtin_fabsf(v)));
    const volatile float weighted = (1 - t[i]) * v;  // volatile: not contracted with the difference below
    ((float*)args.p[2])[i] = weighted - logSigmoid;
  }
}

static void bceWithLogitsGrad(const Args& args) {
  const float *x = (const float*)args.p[0], *t = (const float*)args.p[1], *dy = (const float*)args.p[2];
  for (int64_t i = 0; i < args.n[0]; i++)
    ((float*)args.p[3])[i] = float((1 / (1 + __builtin_exp(-double(x[i]))) - t[i]) * dy[i]);
}
