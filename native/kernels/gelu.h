// gelu: y = x * P(x), P the normal distribution (the exact form, not the one of tanh), and its gradient
// (P(x) + x * p(x)) * dy with p the normal density.
//   x y | n          x dy dx | n        (y may alias x, dx may alias x or dy)

// P(x) by Abramowitz and Stegun 7.1.26: absolute error below 1e-7. `bell` is exp(-x^2/2).
WHORL_INLINE Vector normalDistribution(Vector x, Vector bell) {
  const Vector t = 1.0f / (1.0f + 0.3275911f * 0.707106781f * vabs(x));
  Vector p = splat(1.061405429f);
  p = p * t - 1.453152027f;
  p = p * t + 1.421413741f;
  p = p * t - 0.284496736f;
  p = p * t + 0.254829592f;
  const Vector tail = 0.5f * p * t * bell;
  return select(x < 0.0f, tail, 1.0f - tail);
}

template <class T>
static void gelu(const Args& args) {
  mapInto(
      (T*)args.p[1], args.n[0],
      [](Vector x) __attribute__((always_inline)) { return x * normalDistribution(x, vexp(-0.5f * x * x)); },
      (const T*)args.p[0]);
}

template <class T>
static void geluGrad(const Args& args) {
  mapInto(
      (T*)args.p[2], args.n[0],
      [](Vector x, Vector dy) __attribute__((always_inline)) {
        const Vector bell = vexp(-0.5f * x * x);
        return dy * (normalDistribution(x, bell) + 0.398942280f * x * bell);
      },
      (const T*)args.p[0], (const T*)args.p[1]);
}
