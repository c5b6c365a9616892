// rope: rotates the first rotatedHeads heads of each position by tables gathered outside; the rest of W is copied.
//   x cos sin y | R L W headDim rotatedHeads | sign interleaved        (y may alias x)
// A pair is (i, i + headDim/2), or (2i, 2i+1) when interleaved; cos and sin are taken at each element's own index, so
// sign -1, the transpose that the gradient needs, reads the sine of the partner.

struct Turned {
  Vector first, second;
};

WHORL_INLINE Turned turn(Vector x1, Vector x2, Vector c1, Vector c2, Vector s1, Vector s2, bool transposed) {
  if (transposed) return {x1 * c1 + x2 * s2, x2 * c2 - x1 * s1};
  return {x1 * c1 - x2 * s1, x2 * c2 + x1 * s2};
}

template <class T>
static void turnHalves(const T* x, const float* c, const float* s, T* y, int64_t headDim, bool transposed) {
  const int64_t half = headDim / 2;
  for (int64_t i = 0; i < half; i += lanes) {
    const int64_t left = half - i;
    const Turned t = turn(loadUpTo(x + i, left), loadUpTo(x + half + i, left), loadUpTo(c + i, left),
                          loadUpTo(c + half + i, left), loadUpTo(s + i, left), loadUpTo(s + half + i, left), transposed);
    storeUpTo(y + i, t.first, left);
    storeUpTo(y + half + i, t.second, left);
  }
}

template <class T>
static void turnPairs(const T* x, const float* c, const float* s, T* y, int64_t headDim, bool transposed) {
  for (int64_t i = 0; i < headDim; i += 2) {
    const float x1 = x[i], x2 = x[i + 1];
    y[i] = transposed ? x1 * c[i] + x2 * s[i + 1] : x1 * c[i] - x2 * s[i];
    y[i + 1] = transposed ? x2 * c[i + 1] - x1 * s[i] : x2 * c[i + 1] + x1 * s[i + 1];
  }
}

template <class T>
static void rope(const Args& args) {
  const int64_t R = args.n[0], L = args.n[1], W = args.n[2], headDim = args.n[3], heads = args.n[4];
  const bool transposed = args.f[0] < 0, interleaved = args.f[1] != 0;
  const int64_t rotated = headDim * heads;
  for (int64_t row = 0; row < R * L; row++) {
    const T* x = (const T*)args.p[0] + row * W;
    T* y = (T*)args.p[3] + row * W;
    const float* c = (const float*)args.p[1] + row % L * headDim;
    const float* s = (const float*)args.p[2] + row % L * headDim;
    for (int64_t at = 0; at < rotated; at += headDim)
      (interleaved ? turnPairs<T> : turnHalves<T>)(x + at, c, s, y + at, headDim, transposed);
    if (x != y) __builtin_memcpy(y + rotated, x + rotated, size_t(W - rotated) * sizeof(T));
  }
}
