// attention and attentionGrad in bfloat16: the operands, sizes and meaning of attention.h, on the tiles of isa/amx.h.
//
// Scores are in base 2, t = scale * log2(e) * q.k; the factor is applied in float32, since folded into q it would round
// q twice. No pass for the maximum: weights 2^t keep the exponents of bfloat16, so they are summed as they are, by the tile
// unit, as a product with a panel of ones. Should a sum of a head leave 2^-64 .. 2^64, or be NaN, the head is done
// again with its exact maxima subtracted (2.4 times the time). The logarithm stored is that of the sum of the weights as
// rounded, which the output is divided by: off by up to 2^-8 for one key, hardly at all for many.
//
// Forward, a strip of 32 queries meets the keys in groups of two panels: scores, weights and one strip of output stay in
// L1. Weights leave the vector unit as rows of 32 keys, which is a left panel with its depth in another order (see
// roundInterleaved); values are packed in the same order.
//
// Measured: stages one after the other beat weights spread over the tile products, because beside those only one port
// multiplies (alone in L1, scores and weights of a block of 32 x 32 x 64: 390 cycles against 490). Groups of four panels
// leave L1: a fifth slower.

struct AttentionHead {
  int64_t L, hd, qkvRow, row;  // row: elements from one position of o to the next; qkvRow: the same of qkv
  bool causal;
  float scale;
  int64_t panels() const { return panelsOf(L); }
  int64_t steps() const { return stepsOf(hd); }
  float slope() const { return scale * 1.44269504f; }
};

// Hands out 64-byte aligned pieces of a work space.
struct Pieces {
  char* next;
  explicit Pieces(void* base) : next((char*)((uintptr_t(base) + 63) & ~uintptr_t(63))) {}
  template <class T>
  T* take(int64_t count) {
    T* piece = (T*)next;
    next += (count * int64_t(sizeof(T)) + 63) & ~int64_t(63);
    return piece;
  }
};

// 2^t, 7e-5 relative; beyond the range of exponents infinity or 0, NaN stays NaN. Lanes outside `mask` are 0.
WHORL_INLINE __m512 quickPower(__mmask16 mask, __m512 t) {
  const __m512 r = _mm512_maskz_reduce_ps(0xffff, t, 1);  // t - floor(t)
  __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.07802452f), r, _mm512_set1_ps(0.22606716f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.69583354f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.99992522f));
  return _mm512_maskz_scalef_ps(mask, p, t);
}

// packRightStep for a depth in the order of roundInterleaved: the pairs are rows p and p + 16.
WHORL_INLINE void packRightInterleavedStep(Bf16* to, const Bf16* from, int64_t stride, int64_t depth, int64_t cols) {
  const Words low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
#pragma GCC unroll 4
  for (int64_t p = 0; p < 16; p++) {
    const Words a = p < depth ? loadWords(from + p * stride, cols) : _mm512_setzero_si512();
    const Words b = p + 16 < depth ? loadWords(from + (p + 16) * stride, cols) : _mm512_setzero_si512();
    const Words even = _mm512_unpacklo_epi16(a, b), odd = _mm512_unpackhi_epi16(a, b);
    _mm512_store_si512(to + p * 32, _mm512_permutex2var_epi64(even, low, odd));
    _mm512_store_si512(to + 512 + p * 32, _mm512_permutex2var_epi64(even, high, odd));
  }
}

// Positions are depth: [panel of hd][step of positions]
static void packInterleaved(Bf16* to, const Bf16* from, int64_t stride, int64_t L, int64_t hd) {
  for (int64_t d = 0; d < hd; d += 32)
    for (int64_t l = 0; l < L; l += 32, to += stepElements)
      packRightInterleavedStep(to, from + l * stride + d, stride, L - l, hd - d);
}

// The first n of 32 lanes.
WHORL_INLINE uint32_t firstLanes(int64_t n) { return n >= 32 ? ~0u : n > 0 ? (1u << n) - 1 : 0u; }

// Flushes numbers below 2^-126 to zero, as the tile unit does: each would cost a trap into microcode.
struct FlushToZero {
  const unsigned before = _mm_getcsr();
  FlushToZero() { _mm_setcsr(before | 0x8040); }
  ~FlushToZero() { _mm_setcsr(before); }
};

// A column of tiles of a block, on accumulators `top` and `low` of its own. (Macro: the tile intrinsics want literals.)
#define WHORL_TILE_COLUMN(name, column, top, low, operand) \
  WHORL_INLINE void name(const Bf16* a, const Bf16* b, int64_t steps, const Block& to, const float* from) { \
    const int64_t row = to.stride * 4, below = 16 * to.stride + column * 16; \
    if (from) { \
      _tile_loadd(top, from + column * 16, row); \
      _tile_loadd(low, from + below, row); \
    } else { \
      _tile_zero(top); \
      _tile_zero(low); \
    } \
    for (int64_t s = 0; s < steps; s++, a += stepElements, b += stepElements) { \
      _tile_stream_loadd(operand, b + column * 512, 64); \
      _tile_loadd(4, a, 64); \
      _tile_dpbf16ps(top, 4, operand); \
      _tile_loadd(5, a + 512, 64); \
      _tile_dpbf16ps(low, 5, operand); \
    } \
    _tile_stored(top, to.c + column * 16, row); \
    _tile_stored(low, to.c + below, row); \
  }
WHORL_TILE_COLUMN(multiplyLeftColumn, 0, 0, 1, 6)
WHORL_TILE_COLUMN(multiplyRightColumn, 1, 2, 3, 7)
#undef WHORL_TILE_COLUMN

// multiplyAt for a few steps: the halves of the block use different accumulators, so that one begins while the other
// ends. 170 cycles against 240 for two steps, 340 against 370 for four.
static void multiplyShort(const Panels& left, const Panels& right, const BlockPlace& at, int64_t steps, const Block& to,
                          const float* from) {
  const Bf16 *a = left.at(at.row), *b = right.at(at.col);
  NoSide none;
  if (left.tiles(at.row) == 1) return multiplyAt<true>(left, right, at, steps, to, from, none);
  __asm__ volatile("" : : : "memory");
  multiplyLeftColumn(a, b, steps, to, from);
  if (right.tiles(at.col) > 1) multiplyRightColumn(a, b, steps, to, from);
  __asm__ volatile("" : : : "memory");
}

// --- forward

constexpr int64_t groupPanels = 2;  // panels of keys in a group

// One strip of 32 queries x some panels of keys.
struct StripGroup {
  int64_t strip = 0, first = 0, count = 0, slot = 0;
  bool last = false;
};

struct Forward {
  const AttentionHead& h;
  const Bf16 *q, *keys, *values;
  Bf16* o;
  float* lse;
  const float* shifts;  // subtracted from t, per query
  float *scores, *out, *sums;
  Bf16 *weights, *queries, *ones;
  bool inRange = true;

  StripGroup begin(int64_t strip, int64_t first, int64_t slot) const {
    const int64_t seen = h.causal ? strip + 1 : h.panels();
    if (strip >= h.panels()) return {};
    const int64_t count = seen - first < groupPanels ? seen - first : groupPanels;
    return {strip, first, count, slot, first + count == seen};
  }
  StripGroup next(const StripGroup& g) const { return g.last ? begin(g.strip + 1, 0, g.slot ^ 1) : begin(g.strip, g.first + g.count, g.slot ^ 1); }
  float* scoresOf(const StripGroup& g) const { return scores + g.slot * groupPanels * blockFloats; }
  Bf16* weightsOf(const StripGroup& g) const { return weights + g.slot * groupPanels * stepElements; }
  int64_t rows(const StripGroup& g) const { return h.L - g.strip * 32 < 32 ? h.L - g.strip * 32 : 32; }
};

// Scores of a group: queries x keys.
static void scoreGroup(const Forward& f, const StripGroup& g) {
  const int64_t steps = f.h.steps(), rows = f.rows(g);
  if (g.first == 0)
    for (int64_t s = 0; s < steps; s++)
      packLeftStep(f.queries + s * stepElements, f.q + g.strip * 32 * f.h.qkvRow + s * 32, f.h.qkvRow, rows,
                   f.h.hd - s * 32);
  const Panels strip = {f.queries, 0, rows}, keys = {f.keys, steps * stepElements, f.h.L};
  for (int64_t i = 0; i < g.count; i++)
    multiplyShort(strip, keys, {0, g.first + i}, steps, {f.scoresOf(g) + i * blockFloats}, nullptr);
}

// Lanes of row 0 of a block that count, and how many more from row to row.
struct Seen {
  int64_t first, growth;
  Seen(const Forward& f, const StripGroup& g, int64_t i)
      : first((f.h.causal ? g.strip * 32 + 1 : f.h.L) - (g.first + i) * 32), growth(f.h.causal ? 1 : 0) {}
  WHORL_MEMBER uint32_t mask(int64_t row) const { return firstLanes(first + growth * row); }
};

// Weights of `rows` queries and the keys of one panel; `whole`: every query sees every key.
template <bool whole>
WHORL_INLINE void weighBlock(const float* scores, const float* shifts, Bf16* weights, int64_t rows, float factor,
                             const Seen& seen) {
  const __m512 slope = _mm512_set1_ps(factor);
#pragma GCC unroll 4
  for (int64_t r = 0; r < rows; r++) {
    const uint32_t mask = whole ? ~0u : seen.mask(r);
    const __m512 low = _mm512_load_ps(scores + r * 32) * slope - shifts[r];
    const __m512 high = _mm512_load_ps(scores + r * 32 + 16) * slope - shifts[r];
    _mm512_store_si512(weights + r * 32, roundInterleaved(quickPower(__mmask16(mask), low),
                                                          quickPower(__mmask16(mask >> 16), high)));
  }
}

static void weighGroup(const Forward& f, const StripGroup& g) {
  const float* shifts = f.shifts + g.strip * 32;
  for (int64_t i = 0; i < g.count; i++) {
    const Seen seen(f, g, i);
    const float* scores = f.scoresOf(g) + i * blockFloats;
    Bf16* weights = f.weightsOf(g) + i * stepElements;
    if (seen.first >= 32)
      weighBlock<true>(scores, shifts, weights, f.rows(g), f.h.slope(), seen);
    else
      weighBlock<false>(scores, shifts, weights, f.rows(g), f.h.slope(), seen);
  }
}

// Adds a group's part to the strip's output, and its weights to their sums (in all 16 columns).
static void applyGroup(const Forward& f, const StripGroup& g) {
  const Panels strip = {f.weightsOf(g), 0, f.rows(g)};
  const Panels values = {f.values + g.first * stepElements, f.h.panels() * stepElements, f.h.hd}, ones = {f.ones, 0, 1};
  const bool more = g.first > 0;
  NoSide none;
  multiplyAt<true>(strip, ones, {0, 0}, g.count, {f.sums}, more ? f.sums : nullptr, none);
  for (int64_t d = 0; d < values.count(); d++) {
    float* out = f.out + d * 32;
    multiplyShort(strip, values, {0, d}, g.count, {out, f.h.steps() * 32}, more ? out : nullptr);
  }
}

// ln(x) for normal x > 0, 2e-7 of the larger of 1 and the result; infinity and NaN give NaN.
WHORL_INLINE __m512 logarithm(__m512 x) {
  const __m512 exponent = _mm512_maskz_getexp_ps(0xffff, x * _mm512_set1_ps(4.0f / 3.0f));
  const __m512 m = _mm512_maskz_scalef_ps(0xffff, x, -exponent);  // 0.75 .. 1.5
  const __m512 y = (m - 1.0f) / (m + 1.0f), z = y * y;
  const __m512 series = ((z * 0.2222222f + 0.2857143f) * z + 0.4f) * z + 0.6666667f;
  return exponent * 0.69314718f + (series * z * y + 2.0f * y);
}

// Divides a finished strip by its sums, rounds it, and stores the logarithms of the sums.
static void finishStrip(Forward& f, const StripGroup& g) {
  const int64_t rows = f.rows(g), outRow = f.h.steps() * 32, first = g.strip * 32;
  alignas(64) float inverse[32];
  for (int64_t r = 0; r < rows; r += 16) {
    alignas(64) float gathered[16] = {};
    for (int64_t i = r; i < r + 16 && i < rows; i++) gathered[i - r] = f.sums[i * 32];
    const __m512 sum = _mm512_load_ps(gathered);
    const __mmask16 fine = _mm512_cmp_ps_mask(sum, _mm512_set1_ps(0x1p-64f), _CMP_GT_OQ) &
                           _mm512_cmp_ps_mask(sum, _mm512_set1_ps(0x1p64f), _CMP_LT_OQ);
    f.inRange &= (~fine & firstLanes(rows - r) & 0xffff) == 0;
    _mm512_store_ps(inverse + r, 1.0f / sum);
    const Vector shift = loadUpTo(f.shifts + first + r, rows - r);
    if (f.lse) storeUpTo(f.lse + first + r, (Vector)logarithm(sum) + shift * 0.69314718f, rows - r);
  }
  for (int64_t r = 0; r < rows; r++) {
    const float* from = f.out + r * outRow;
    Bf16* to = f.o + (first + r) * f.h.row;
    for (int64_t d = 0; d < f.h.hd; d += 32)
      storeWords(to + d, roundRow(_mm512_load_ps(from + d) * inverse[r], _mm512_load_ps(from + d + 16) * inverse[r]),
                 f.h.hd - d);
  }
}

// Three groups at a time, that no stage waits for what the one before has just stored.
static bool attendStrips(Forward& f) {
  StripGroup scored = f.begin(0, 0, 0), weighed, applied;
  while (scored.count || weighed.count || applied.count) {
    if (scored.count) scoreGroup(f, scored);
    if (weighed.count) weighGroup(f, weighed);
    if (applied.count) applyGroup(f, applied);
    if (applied.last) finishStrip(f, applied);
    applied = weighed;
    weighed = scored;
    scored = scored.count ? f.next(scored) : StripGroup{};
  }
  return f.inRange;
}

// shifts = the largest score of each query in base 2
static void findMaxima(const Forward& f, float* shifts) {
  alignas(64) float maxima[512];
  for (StripGroup g = f.begin(0, 0, 0); g.count; g = f.next(g)) {
    for (int64_t i = 0; i < 512 && g.first == 0; i++) maxima[i] = -__builtin_inff();
    scoreGroup(f, g);
    for (int64_t i = 0; i < g.count; i++) {
      const Seen seen(f, g, i);
      for (int64_t r = 0; r < f.rows(g); r++) {
        const uint32_t mask = seen.mask(r);
        const float* row = f.scoresOf(g) + i * blockFloats + r * 32;
        __m512 m = _mm512_load_ps(maxima + r * 16);
        m = _mm512_mask_max_ps(m, __mmask16(mask), _mm512_load_ps(row), m);
        _mm512_store_ps(maxima + r * 16, _mm512_mask_max_ps(m, __mmask16(mask >> 16), _mm512_load_ps(row + 16), m));
      }
    }
    for (int64_t r = 0; g.last && r < f.rows(g); r++)
      shifts[g.strip * 32 + r] = f.h.slope() * _mm512_reduce_max_ps(_mm512_load_ps(maxima + r * 16));
  }
}

static void attendHead(const AttentionHead& h, const Bf16* q, Bf16* o, float* lse, float* work, void* scratch) {
  Pieces far(work), near(scratch);
  const int64_t panels = h.panels(), steps = h.steps();
  Bf16* keys = far.take<Bf16>(panels * steps * stepElements);
  Bf16* values = far.take<Bf16>(panels * steps * stepElements);
  float* shifts = far.take<float>(panels * 32);
  const Bf16 *k = q + h.row, *v = k + h.row;
  packPanels<packRightTransposed>(keys, steps * stepElements, k, h.qkvRow, h.L, h.hd);
  packInterleaved(values, v, h.qkvRow, h.L, h.hd);
  for (int64_t i = 0; i < panels * 32; i++) shifts[i] = 0;

  float* scores = near.take<float>(2 * groupPanels * blockFloats);
  float* out = near.take<float>(steps * blockFloats);
  float* sums = near.take<float>(blockFloats);
  Bf16* weights = near.take<Bf16>(2 * groupPanels * stepElements);
  Bf16* queries = near.take<Bf16>(steps * stepElements);
  Bf16* ones = near.take<Bf16>(groupPanels * stepElements);
  for (int64_t i = 0; i < groupPanels * stepElements; i++) ones[i].bits = 0x3f80;
  Forward f = {h, q, keys, values, o, lse, shifts, scores, out, sums, weights, queries, ones};
  if (attendStrips(f)) return;
  findMaxima(f, shifts);
  attendStrips(f);
}

static void attention(const Args& args) {
  const int64_t R = args.n[0], L = args.n[1], H = args.n[2], hd = args.n[3];
  const AttentionHead head = {L, hd, 3 * H * hd, H * hd, args.f[0] == 1, float(args.f[1])};
  const TileUnit unit;
  const FlushToZero flush;
  for (int64_t r = 0; r < R; r++)
    for (int64_t h = 0; h < H; h++) {
      float* lse = (float*)args.p[2];
      attendHead(head, (const Bf16*)args.p[0] + r * L * head.qkvRow + h * hd, (Bf16*)args.p[1] + r * L * head.row + h * hd,
                 lse ? lse + (r * H + h) * L : nullptr, (float*)args.p[3], args.scratch);
    }
}
