// ema: shadow = rate * shadow + (1 - rate) * p, the exponential moving average of weights.
//   shadow(updated) p rate[1] | n

static void ema(const Args& args) {
  const float rate = *(const float*)args.p[2], rest = float(1.0 - double(rate));
  mapInto((float*)args.p[0], args.n[0],
          [rate, rest](Vector s, Vector p) __attribute__((always_inline)) { return rate * s + rest * p; },
          (const float*)args.p[0], (const float*)args.p[1]);
}
