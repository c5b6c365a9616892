// The vector vocabulary every kernel is written in: float32 vectors of WHORL_VECTOR_BYTES on the compiler's vector
// extensions, which g++ and clang share, so a new ISA is a new width. Included inside the namespace of one ISA unit.
// Loads and stores assume 4-byte alignment only. Comparisons are ordered: a NaN takes the right-hand side of `select`.

constexpr int lanes = WHORL_VECTOR_BYTES / 4;

using Vector = float __attribute__((vector_size(WHORL_VECTOR_BYTES)));
using IntVector = int32_t __attribute__((vector_size(WHORL_VECTOR_BYTES)));
using LooseVector = float __attribute__((vector_size(WHORL_VECTOR_BYTES), aligned(4), may_alias));

#define WHORL_INLINE static inline __attribute__((always_inline))

WHORL_INLINE Vector load(const float* p) { return *reinterpret_cast<const LooseVector*>(p); }
WHORL_INLINE void store(float* p, Vector v) { *reinterpret_cast<LooseVector*>(p) = v; }
WHORL_INLINE Vector splat(float x) { return x - Vector{}; }

// First n < lanes elements; the others read as zero and are never touched in memory.
WHORL_INLINE Vector loadPart(const float* p, int64_t n) {
#if defined(__AVX512F__) && WHORL_VECTOR_BYTES == 64
  return (Vector)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
#else
  alignas(WHORL_VECTOR_BYTES) float part[lanes] = {};
  for (int64_t i = 0; i < n; i++) part[i] = p[i];
  return load(part);
#endif
}

WHORL_INLINE void storePart(float* p, Vector v, int64_t n) {
#if defined(__AVX512F__) && WHORL_VECTOR_BYTES == 64
  _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
#else
  alignas(WHORL_VECTOR_BYTES) float part[lanes];
  store(part, v);
  for (int64_t i = 0; i < n; i++) p[i] = part[i];
#endif
}

WHORL_INLINE Vector loadUpTo(const float* p, int64_t n) { return n >= lanes ? load(p) : loadPart(p, n > 0 ? n : 0); }
WHORL_INLINE void storeUpTo(float* p, Vector v, int64_t n) {
  if (n >= lanes)
    store(p, v);
  else if (n > 0)
    storePart(p, v, n);
}

WHORL_INLINE Vector select(IntVector mask, Vector yes, Vector no) { return mask ? yes : no; }
WHORL_INLINE Vector vmax(Vector a, Vector b) { return a > b ? a : b; }
WHORL_INLINE Vector vabs(Vector a) { return (Vector)((IntVector)a & 0x7fffffff); }

WHORL_INLINE Vector vsqrt(Vector v) {
#if defined(__AVX512F__) && WHORL_VECTOR_BYTES == 64
  return (Vector)_mm512_sqrt_ps((__m512)v);
#elif defined(__AVX__) && WHORL_VECTOR_BYTES == 32
  return (Vector)_mm256_sqrt_ps((__m256)v);
#elif defined(__SSE2__) && WHORL_VECTOR_BYTES == 16
  return (Vector)_mm_sqrt_ps((__m128)v);
#else
  for (int i = 0; i < lanes; i++) v[i] = __builtin_sqrtf(v[i]);
  return v;
#endif
}

// Pairwise, so the order is fixed and the error grows with log2(lanes).
WHORL_INLINE float sum(Vector v) {
  alignas(WHORL_VECTOR_BYTES) float part[lanes];
  store(part, v);
  for (int half = lanes / 2; half > 0; half /= 2)
    for (int i = 0; i < half; i++) part[i] += part[i + half];
  return part[0];
}

// exp by 2^n * p(r), |r| <= ln2/2, degree 6: relative error below 2e-7. The argument is clamped to +-88 (finite result);
// NaN stays NaN because the scale is a multiplication, not a write into the exponent bits.
WHORL_INLINE Vector vexp(Vector x) {
  x = select(x > 88.0f, splat(88.0f), x);
  x = select(x < -87.0f, splat(-87.0f), x);
  const float roundToInteger = 12582912.0f;  // 1.5 * 2^23
  const Vector shifted = x * 1.44269504088896341f + roundToInteger;
  const Vector n = shifted - roundToInteger;
  const Vector r = (x - n * 0.693359375f) - n * -2.12194440054690583e-4f;
  Vector p = splat(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + (r + 1.0f);
  const IntVector exponent = ((IntVector)shifted - 0x4b400000 + 127) << 23;
  return p * (Vector)exponent;
}

WHORL_INLINE Vector sigmoid(Vector x) { return 1.0f / (1.0f + vexp(-x)); }

// atan(a / b) for a, b >= 0, where 0/0 is 0. One division; the reduction to |t| <= tan(pi/8)
// and the polynomial are those of Cephes atanf (about 1e-7 relative).
WHORL_INLINE Vector arctanRatio(Vector a, Vector b) {
  const IntVector swapped = a > b;
  const Vector low = select(swapped, b, a), high = select(swapped, a, b);
  const IntVector folded = low > 0.414213562373095f * high;
  const Vector numerator = select(folded, low - high, low);
  const Vector denominator = select(folded, low + high, high);
  const Vector t = select(numerator == 0.0f, Vector{}, numerator / denominator);
  const Vector z = t * t;
  Vector p = splat(8.05374449538e-2f);
  p = p * z - 1.38776856032e-1f;
  p = p * z + 1.99777106478e-1f;
  p = p * z - 3.33329491539e-1f;
  p = p * z * t + t;
  p = select(folded, p + 0.785398163397448f, p);
  return select(swapped, 1.57079632679490f - p, p);
}

// y[i] = f(x[i], ...) over n elements; y may alias any x exactly.
template <class F, class... Source>
WHORL_INLINE void mapInto(float* y, int64_t n, F f, const Source*... x) {
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) store(y + i, f(load(x + i)...));
  if (i < n) storePart(y + i, f(loadPart(x + i, n - i)...), n - i);
}

// Four partial sums a lane: accurate enough for the statistics of a norm over thousands of values.
WHORL_INLINE float sumOfProducts(const float* a, const float* b, int64_t n) {
  Vector sums[4] = {};
  int64_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes)
#pragma GCC unroll 4
    for (int k = 0; k < 4; k++) sums[k] += load(a + i + k * lanes) * load(b + i + k * lanes);
  for (int k = 0; i < n; i += lanes, k++) sums[k] += loadUpTo(a + i, n - i) * loadUpTo(b + i, n - i);
  return sum((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// --- transposition of lanes x lanes blocks, by exchanging halves of ever larger distance

template <int... i>
struct Indices {};
template <int n, int... i>
struct MakeIndices : MakeIndices<n - 1, n - 1, i...> {};
template <int... i>
struct MakeIndices<0, i...> {
  using Type = Indices<i...>;
};

template <int d, int... i>
WHORL_INLINE void exchange(Vector& a, Vector& b, Indices<i...>) {
  const Vector low = __builtin_shufflevector(a, b, ((i & d) ? lanes + i - d : i)...);
  const Vector high = __builtin_shufflevector(a, b, ((i & d) ? lanes + i : i + d)...);
  a = low;
  b = high;
}

template <int d>
WHORL_INLINE void exchangeAll(Vector (&rows)[lanes]) {
#pragma GCC unroll 16
  for (int i = 0; i < lanes; i++)
    if (!(i & d)) exchange<d>(rows[i], rows[i + d], typename MakeIndices<lanes>::Type{});
}

WHORL_INLINE void transpose(Vector (&rows)[lanes]) {
  exchangeAll<1>(rows);
  exchangeAll<2>(rows);
  if constexpr (lanes > 4) exchangeAll<(lanes > 4 ? 4 : 1)>(rows);
  if constexpr (lanes > 8) exchangeAll<(lanes > 8 ? 8 : 1)>(rows);
}

// Reads a block of rows x cols (both at most lanes), zero elsewhere.
WHORL_INLINE void loadBlock(Vector (&block)[lanes], const float* p, int64_t stride, int64_t rows, int64_t cols) {
  if (rows >= lanes && cols >= lanes) {
#pragma GCC unroll 16
    for (int i = 0; i < lanes; i++) block[i] = load(p + i * stride);
    return;
  }
#pragma GCC unroll 16
  for (int i = 0; i < lanes; i++) block[i] = i < rows ? loadUpTo(p + i * stride, cols) : Vector{};
}
