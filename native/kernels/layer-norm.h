// layerNorm: over each row of x[M,n]: y = (x - mean) * rstd with rstd = 1/sqrt(mean((x - mean)^2) + eps); gain and bias
// are ops of their own. layerNormGrad: dx = rstd * (dy - mean(dy) - y * mean(dy * y)).
//   x y rstd | M n | eps         y rstd dy dx | M n        (y may alias x, dx may alias dy)

// Four partial sums a lane, as in sumOfProducts.
template <class T>
WHORL_INLINE float sumOf(const T* x, int64_t n) {
  Vector sums[4] = {};
  for (int64_t i = 0, k = 0; i < n; i += lanes, k++) sums[k & 3] += loadUpTo(x + i, n - i);
  return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

template <class T>
static void layerNorm(const Args& args) {
  const int64_t M = args.n[0], n = args.n[1];
  for (int64_t m = 0; m < M; m++) {
    const T* x = (const T*)args.p[0] + m * n;
    T* y = (T*)args.p[1] + m * n;
    const float mean = sumOf(x, n) / float(n);
    mapInto(y, n, [mean](Vector a) __attribute__((always_inline)) { return a - mean; }, x);
    const float scale = 1.0f / __builtin_sqrtf(sumOfProducts(y, y, n) / float(n) + float(args.f[0]));
    mapInto(y, n, [scale](Vector a) __attribute__((always_inline)) { return a * scale; }, y);
    ((float*)args.p[2])[m] = scale;
  }
}

template <class T>
static void layerNormGrad(const Args& args) {
  const int64_t M = args.n[0], n = args.n[1];
  for (int64_t m = 0; m < M; m++) {
    const T *y = (const T*)args.p[0] + m * n, *dy = (const T*)args.p[2] + m * n;
    const float scale = ((const float*)args.p[1])[m];
    const float mean = sumOf(dy, n) / float(n), dot = sumOfProducts(y, dy, n) / float(n);
    mapInto(
        (T*)args.p[3] + m * n, n,
        [mean, dot, scale](Vector out, Vector g) __attribute__((always_inline)) { return scale * (g - mean - out * dot); }, y, dy);
  }
}
