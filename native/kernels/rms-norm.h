// addRmsNorm: s = h + r; over the middle axis of [outer, n, inner]: rstd = 1/sqrt(mean(s^2) + eps), y = s * rstd.
// rmsNormGrad: dx = rstd * (dy - y * mean_n(dy * y)).
//   h r? y rstd? | outer n inner | eps         y rstd dy dx | outer n inner        (dx may alias dy, y may alias h or r)
// inner 1 norms contiguous rows; inner > 1 sums down columns, `inner` across the lanes.

// y = h + r, and the sum of the squares of what y now holds: the sum is rounded to the number format before the statistics.
template <class T>
WHORL_INLINE float addAndSquare(const T* h, const T* r, T* y, int64_t n) {
  if (r)
    mapInto(y, n, [](Vector a, Vector b) __attribute__((always_inline)) { return a + b; }, h, r);
  else if (y != h)
    __builtin_memmove(y, h, size_t(n) * sizeof(T));
  return sumOfProducts(y, y, n);
}

#if defined(__AVX512BF16__)
// In one pass: rounding and widening take longer here than the memory.
WHORL_INLINE float addAndSquare(const Bf16* h, const Bf16* r, Bf16* y, int64_t n) {
  Vector sums[4] = {};
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes)
#pragma GCC unroll 2
    for (int64_t k = 0; k < 4; k += 2) {
      const int64_t at = i + k * lanes;
      Pair s = loadPair(h + at);
      if (r) s = {s.even + loadPair(r + at).even, s.odd + loadPair(r + at).odd};
      s = storePair(y + at, s);
      sums[k] += s.even * s.even;
      sums[k + 1] += s.odd * s.odd;
    }
  for (int k = 0; i < n; i += lanes, k++) {
    Vector s = loadUpTo(h + i, n - i);
    if (r) s += loadUpTo(r + i, n - i);
    s = storeRounded(y + i, s, n - i);
    sums[k] += s * s;
  }
  return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}
#endif

template <class T>
static void addRmsNormRow(const T* h, const T* r, T* y, float* rstd, int64_t n, float eps) {
  const float scale = 1.0f / __builtin_sqrtf(addAndSquare(h, r, y, n) / float(n) + eps);
  if (rstd) *rstd = scale;
  mapInto(y, n, [scale](Vector a) __attribute__((always_inline)) { return a * scale; }, y);
}

// Columns are taken in blocks whose sums stay in L1 while rows stream past; walking down single vectors of a wide row
// instead falls on few cache sets and measured five times slower. Even and odd rows have sums of their own.
constexpr int64_t normColumns = 1024;

struct ColumnSums {
  float *even, *odd;
};

static ColumnSums clearSums(void* scratch) {
  float* sums = static_cast<float*>(scratch);
  __builtin_memset(sums, 0, size_t(2 * normColumns) * 4);
  return {sums, sums + normColumns};
}

// y, h, r, rstd of the first of `width` columns; rows are `inner` apart
template <class T>
static void addRmsNormColumns(const T* h, const T* r, T* y, float* rstd, int64_t n, int64_t inner,
                              int64_t width, float eps, const ColumnSums& sums) {
  for (int64_t i = 0; i < n; i++) {
    float* total = i & 1 ? sums.odd : sums.even;
    for (int64_t j = 0; j < width; j += lanes) {
      const int64_t at = i * inner + j, left = width - j;
      Vector s = loadUpTo(h + at, left);
      if (r) s += loadUpTo(r + at, left);
      s = storeRounded(y + at, s, left);
      store(total + j, load(total + j) + s * s);
    }
  }
  for (int64_t j = 0; j < width; j += lanes) {
    const Vector scale = 1.0f / vsqrt((load(sums.even + j) + load(sums.odd + j)) / float(n) + eps);
    store(sums.even + j, scale);
    if (rstd) storeUpTo(rstd + j, scale, width - j);
  }
  for (int64_t i = 0; i < n; i++)
    mapInto(y + i * inner, width, [](Vector a, Vector b) __attribute__((always_inline)) { return a * b; },
            y + i * inner, sums.even);
}

template <class T>
static void rmsNormGradColumns(const T* y, const float* rstd, const T* dy, T* dx, int64_t n, int64_t inner,
                               int64_t width, const ColumnSums& sums) {
  for (int64_t i = 0; i < n; i++) {
    float* total = i & 1 ? sums.odd : sums.even;
    for (int64_t j = 0; j < width; j += lanes) {
      const int64_t at = i * inner + j, left = width - j;
      store(total + j, load(total + j) + loadUpTo(y + at, left) * loadUpTo(dy + at, left));
    }
  }
  for (int64_t j = 0; j < width; j += lanes)
    store(sums.even + j, (load(sums.even + j) + load(sums.odd + j)) / float(n));
  for (int64_t i = 0; i < n; i++)
    mapInto(
        dx + i * inner, width,
        [](Vector out, Vector g, Vector mean, Vector scale) __attribute__((always_inline)) { return scale * (g - out * mean); },
        y + i * inner, dy + i * inner, sums.even, rstd);
}

template <class T>
static void addRmsNorm(const Args& args) {
  const int64_t outer = args.n[0], n = args.n[1], inner = args.n[2];
  const T *h = (const T*)args.p[0], *r = (const T*)args.p[1];
  T* y = (T*)args.p[2];
  float* rstd = (float*)args.p[3];
  const float eps = float(args.f[0]);
  for (int64_t o = 0; o < outer; o++) {
    const int64_t at = o * n * inner;
    float* scale = rstd ? rstd + o * inner : nullptr;
    if (inner == 1) {
      addRmsNormRow<T>(h + at, r ? r + at : nullptr, y + at, scale, n, eps);
      continue;
    }
    for (int64_t j = 0; j < inner; j += normColumns) {
      const int64_t width = inner - j < normColumns ? inner - j : normColumns, from = at + j;
      addRmsNormColumns<T>(h + from, r ? r + from : nullptr, y + from, scale ? scale + j : nullptr, n, inner, width, eps,
                        clearSums(args.scratch));
    }
  }
}

template <class T>
static void rmsNormGrad(const Args& args) {
  const int64_t outer = args.n[0], n = args.n[1], inner = args.n[2];
  const T *y = (const T*)args.p[0], *dy = (const T*)args.p[2];
  const float* rstd = (const float*)args.p[1];
  T* dx = (T*)args.p[3];
  for (int64_t o = 0; o < outer; o++) {
    const int64_t at = o * n * inner;
    for (int64_t j = 0; inner > 1 && j < inner; j += normColumns) {
      const int64_t width = inner - j < normColumns ? inner - j : normColumns, from = at + j;
      rmsNormGradColumns(y + from, rstd + o * inner + j, dy + from, dx + from, n, inner, width, clearSums(args.scratch));
    }
    if (inner > 1) continue;
    const float mean = sumOfProducts(y + at, dy + at, n) / float(n), scale = rstd[o];
    mapInto(
        dx + at, n, [mean, scale](Vector out, Vector g) __attribute__((always_inline)) { return scale * (g - out * mean); },
        y + at, dy + at);
  }
}
