// bceWithLogits: y = max(x,0) - x*t + log(1 + exp(-|x|)), and its gradient (sigmoid(x) - t) * dy. One value a row: scalar.
//   x t y | n          x t dy dx | n

static void bceWithLogits(const Args& args) {
  const float *x = (const float*)args.p[0], *t = (const float*)args.p[1];
  for (int64_t i = 0; i < args.n[0]; i++) {
    const double v = x[i];
    ((float*)args.p[2])[i] = float((v > 0 ? v : 0) - v * t[i] + __builtin_log1p(__builtin_exp(-__builtin_fabs(v))));
  }
}

static void bceWithLogitsGrad(const Args& args) {
  const float *x = (const float*)args.p[0], *t = (const float*)args.p[1], *dy = (const float*)args.p[2];
  for (int64_t i = 0; i < args.n[0]; i++)
    ((float*)args.p[3])[i] = float((1 / (1 + __builtin_exp(-double(x[i]))) - t[i]) * dy[i]);
}
