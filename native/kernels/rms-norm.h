// addRmsNorm: s = h + r; over the middle axis of [outer, n, inner]: rstd = 1/sqrt(mean(s^2) + eps), y = s * rstd.
// rmsNormGrad: dx = rstd * (dy - y * mean_n(dy * y)).
//   h r? y rstd? | outer n inner | eps         y rstd dy dx | outer n inner        (dx may alias dy, y may alias h or r)
// inner 1 norms contiguous rows; inner > 1 puts `inner` into the lanes and walks the middle axis.

static void addRmsNormRow(const float* h, const float* r, float* y, float* rstd, int64_t n, float eps) {
  if (r)
    mapInto(y, n, [](Vector a, Vector b) __attribute__((always_inline)) { return a + b; }, h, r);
  else if (y != h)
    __builtin_memmove(y, h, size_t(n) * 4);
  const float scale = 1.0f / __builtin_sqrtf(sumOfProducts(y, y, n) / float(n) + eps);
  if (rstd) *rstd = scale;
  mapInto(y, n, [scale](Vector a) __attribute__((always_inline)) { return a * scale; }, y);
}

static void addRmsNormLanes(const float* h, const float* r, float* y, float* rstd, int64_t n, int64_t inner, float eps) {
  for (int64_t j = 0; j < inner; j += lanes) {
    const int64_t left = inner - j;
    Vector sums[2] = {};
    for (int64_t i = 0; i < n; i++) {
      Vector s = loadUpTo(h + i * inner + j, left);
      if (r) s += loadUpTo(r + i * inner + j, left);
      sums[i & 1] += s * s;
      storeUpTo(y + i * inner + j, s, left);
    }
    const Vector scale = 1.0f / vsqrt((sums[0] + sums[1]) / float(n) + eps);
    if (rstd) storeUpTo(rstd + j, scale, left);
    for (int64_t i = 0; i < n; i++) {
      float* at = y + i * inner + j;
      storeUpTo(at, loadUpTo(at, left) * scale, left);
    }
  }
}

static void addRmsNorm(const Args& args) {
  const int64_t outer = args.n[0], n = args.n[1], inner = args.n[2];
  const float *h = (const float*)args.p[0], *r = (const float*)args.p[1];
  float *y = (float*)args.p[2], *rstd = (float*)args.p[3];
  const float eps = float(args.f[0]);
  for (int64_t o = 0; o < outer; o++) {
    const int64_t at = o * n * inner;
    float* scale = rstd ? rstd + o * inner : nullptr;
    if (inner == 1)
      addRmsNormRow(h + at, r ? r + at : nullptr, y + at, scale, n, eps);
    else
      addRmsNormLanes(h + at, r ? r + at : nullptr, y + at, scale, n, inner, eps);
  }
}

static void rmsNormGradLanes(const float* y, const float* rstd, const float* dy, float* dx, int64_t n, int64_t inner) {
  for (int64_t j = 0; j < inner; j += lanes) {
    const int64_t left = inner - j;
    Vector sums[2] = {};
    for (int64_t i = 0; i < n; i++) sums[i & 1] += loadUpTo(y + i * inner + j, left) * loadUpTo(dy + i * inner + j, left);
    const Vector mean = (sums[0] + sums[1]) / float(n), scale = loadUpTo(rstd + j, left);
    for (int64_t i = 0; i < n; i++) {
      const int64_t at = i * inner + j;
      storeUpTo(dx + at, scale * (loadUpTo(dy + at, left) - loadUpTo(y + at, left) * mean), left);
    }
  }
}

static void rmsNormGrad(const Args& args) {
  const int64_t outer = args.n[0], n = args.n[1], inner = args.n[2];
  const float *y = (const float*)args.p[0], *rstd = (const float*)args.p[1], *dy = (const float*)args.p[2];
  float* dx = (float*)args.p[3];
  for (int64_t o = 0; o < outer; o++) {
    const int64_t at = o * n * inner;
    if (inner != 1) {
      rmsNormGradLanes(y + at, rstd + o * inner, dy + at, dx + at, n, inner);
      continue;
    }
    const float mean = sumOfProducts(y + at, dy + at, n) / float(n), scale = rstd[o];
    mapInto(
        dx + at, n, [mean, scale](Vector out, Vector g) __attribute__((always_inline)) { return scale * (g - out * mean); },
        y + at, dy + at);
  }
}
