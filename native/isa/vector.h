// The vector vocabulary every kernel is written in: float32 vectors of WHORL_VECTOR_BYTES on the compiler's vector
// extensions, which g++ and clang share, so a new ISA is a new width. Included inside the namespace of one ISA unit.
// Loads and stores assume the alignment of single elements only. Comparisons are ordered: a NaN takes the right-hand side of `select`.

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

#if defined(__AVX512BF16__)
// bfloat16, the upper half of a float32: loads widen, stores round to nearest even and keep NaN. (To the instruction,
// values below 2^-126 are zeros.) One value at a time converts by itself; whole vectors are what is fast.
struct Bf16 {
  uint16_t bits;

  operator float() const { return __builtin_bit_cast(float, uint32_t(bits) << 16); }
  Bf16& operator=(float x) {
    const auto one = _mm_cvtneps_pbh(_mm_set_ss(x));
    __builtin_memcpy(&bits, &one, sizeof bits);
    return *this;
  }
};

using Halves = uint16_t __attribute__((vector_size(WHORL_VECTOR_BYTES / 2)));
using LooseInts = int32_t __attribute__((vector_size(WHORL_VECTOR_BYTES), aligned(2), may_alias));
using LooseHalves = uint16_t __attribute__((vector_size(WHORL_VECTOR_BYTES / 2), aligned(2), may_alias));

// With a mask of ones, which costs nothing: without it g++ 12 warns of its own header, and splits __builtin_convertvector.
WHORL_INLINE Vector widened(Halves bits) {
  return (Vector)((IntVector)_mm512_maskz_cvtepu16_epi32(0xffff, (__m256i)bits) << 16);
}
WHORL_INLINE Halves narrowed(Vector v) { return (Halves)_mm512_cvtneps_pbh((__m512)v); }

WHORL_INLINE Vector load(const Bf16* p) { return widened(*(const LooseHalves*)p); }
WHORL_INLINE void store(Bf16* p, Vector v) { *(LooseHalves*)p = narrowed(v); }
WHORL_INLINE Vector loadPart(const Bf16* p, int64_t n) {
  return widened((Halves)_mm256_maskz_loadu_epi16((__mmask16)((1u << n) - 1), p));
}
WHORL_INLINE void storePart(Bf16* p, Vector v, int64_t n) {
  _mm256_mask_storeu_epi16(p, (__mmask16)((1u << n) - 1), (__m256i)narrowed(v));
}
#endif

template <class T>
WHORL_INLINE Vector loadUpTo(const T* p, int64_t n) {
  return n >= lanes ? load(p) : loadPart(p, n > 0 ? n : 0);
}
template <class T>
WHORL_INLINE void storeUpTo(T* p, Vector v, int64_t n) {
  if (n >= lanes)
    store(p, v);
  else if (n > 0)
    storePart(p, v, n);
}

// storeUpTo, and what a load would now give: v as the type of p rounds it.
WHORL_INLINE Vector storeRounded(float* p, Vector v, int64_t n) {
  storeUpTo(p, v, n);
  return v;
}
#if defined(__AVX512BF16__)
WHORL_INLINE Vector storeRounded(Bf16* p, Vector v, int64_t n) {
  const Halves bits = narrowed(v);
  if (n >= lanes)
    *(LooseHalves*)p = bits;
  else
    _mm256_mask_storeu_epi16(p, (__mmask16)((1u << n) - 1), (__m256i)bits);
  return widened(bits);
}
#endif

WHORL_INLINE Vector select(IntVector mask, Vector yes, Vector no) { return mask ? yes : no; }
WHORL_INLINE Vector vmax(Vector a, Vector b) { return a > b ? a : b; }
WHORL_INLINE Vector vabs(Vector a) { return (Vector)((IntVector)a & 0x7fffffff); }

WHORL_INLINE Vector vsqrt(Vector v) {
#if defined(__AVX512F__) && WHORL_VECTOR_BYTES == 64
  return (Vector)_mm512_maskz_sqrt_ps(0xffff, (__m512)v);
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

#if defined(__AVX512BF16__)
// For results that are rounded to 8 bits: relative error below 1e-5, half the time of an exact one. 2^t as 2^n * p(t - n),
// n from the low bits of a sum; then the estimate of the quotient and one step of Newton. NaN stays NaN: as the second
// operand it passes the bounds.
WHORL_INLINE Vector sigmoid(Vector x) {
  x = (Vector)_mm512_maskz_min_ps(0xffff, (__m512)splat(87.0f), (__m512)x);
  x = (Vector)_mm512_maskz_max_ps(0xffff, (__m512)splat(-87.0f), (__m512)x);
  const float log2e = -1.44269504088896341f;  // negative: of exp(-x)
  const float biased = 12582912.0f + 127.0f;  // 1.5 * 2^23 and the bias of exponents
  const Vector shifted = x * log2e + biased;
  const Vector r = x * log2e - (shifted - biased);
  Vector p = splat(9.5700966619e-3f);
  p = p * r + 5.5917859907e-2f;
  p = p * r + 2.4024744957e-1f;
  p = p * r + 6.9312181481e-1f;
  p = p * r + 9.9999926141e-1f;
  const Vector d = p * (Vector)((IntVector)shifted << 23) + 1.0f;
  const Vector guess = (Vector)_mm512_maskz_rcp14_ps(0xffff, (__m512)d);
  return guess * (2.0f - d * guess);
}
#else
WHORL_INLINE Vector sigmoid(Vector x) { return 1.0f / (1.0f + vexp(-x)); }
#endif

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

// 2 * lanes values of bfloat16, the even ones and the odd ones: a shift and a mask, where `load` is a shuffle, too.
struct Pair {
  Vector even, odd;
};

template <class... T>
constexpr bool areBf16 = false;

#if defined(__AVX512BF16__)
template <>
constexpr bool areBf16<Bf16> = true;
template <class First, class... T>
constexpr bool areBf16<Bf16, First, T...> = areBf16<First, T...>;

WHORL_INLINE Pair loadPair(const Bf16* p) {
  const IntVector bits = *(const LooseInts*)p;
  return {(Vector)(bits << 16), (Vector)(bits & -65536)};
}

WHORL_INLINE Pair storePair(Bf16* p, const Pair& v) {
  const auto halves = (__m512i)_mm512_cvtne2ps_pbh((__m512)v.odd, (__m512)v.even);
  const __m512i order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21,
                                         5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
  const auto bits = (IntVector)_mm512_maskz_permutexvar_epi16(0xffffffff, order, halves);
  *(LooseInts*)p = bits;
  return {(Vector)(bits << 16), (Vector)(bits & -65536)};  // as rounded
}
#endif

// y[i] = f(x[i], ...) over n elements of any types; y may alias any x exactly, if of the same type.
template <class T, class F, class... Source>
WHORL_INLINE void mapInto(T* y, int64_t n, F f, const Source*... x) {
  int64_t i = 0;
  if constexpr (areBf16<T, Source...>)
    for (; i + 2 * lanes <= n; i += 2 * lanes)
      storePair(y + i, {f(loadPair(x + i).even...), f(loadPair(x + i).odd...)});
  for (; i + lanes <= n; i += lanes) store(y + i, f(load(x + i)...));
  if (i < n) storePart(y + i, f(loadPart(x + i, n - i)...), n - i);
}

// y = x, element by element. Same types: they may be the same place.
template <class T, class Source>
WHORL_INLINE void copyInto(T* y, const Source* x, int64_t n) {
  mapInto(y, n, [](Vector v) __attribute__((always_inline)) { return v; }, x);
}
template <class T>
WHORL_INLINE void copyInto(T* y, const T* x, int64_t n) {
  if (x != y) __builtin_memcpy(y, x, size_t(n) * sizeof(T));
}

// Four partial sums a lane: accurate enough for the statistics of a norm over thousands of values.
template <class T>
WHORL_INLINE float sumOfProducts(const T* a, const T* b, int64_t n) {
  Vector sums[4] = {};
  int64_t i = 0;
  if constexpr (areBf16<T>)
    for (; i + 4 * lanes <= n; i += 4 * lanes)
#pragma GCC unroll 2
      for (int k = 0; k < 4; k += 2) {
        const Pair x = loadPair(a + i + k * lanes), y = loadPair(b + i + k * lanes);
        sums[k] += x.even * y.even;
        sums[k + 1] += x.odd * y.odd;
      }
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
