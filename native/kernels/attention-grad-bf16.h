// attentionGrad in bfloat16; what it shares with attention is in attention-bf16.h.
//
// Squares of up to 8 x 8 panels, keys outside and queries inside. In a square, each block of scores^T (keys x queries) and
// of dP^T becomes, while still in L1, the left panels P^T and dS^T and, two rows at a time, the right panel dS; then
//   dV += P^T dO    dK += dS^T Q    dQ^T += K^T dS^T
// are products of a depth of up to 256. dV and dK of the square's keys are summed in float32 in `scratch`, dQ^T of all
// queries in `work`, as are Q and dO in both packed forms. Squares of 4 x 4 panels are a sixth slower: they load and store
// the sums twice as often.

struct HeadOperands {
  const Bf16 *q, *o, *dOut;
  const float* lse;
  Bf16* dq;
};

// Some panels of queries against some panels of keys.
struct Square {
  int64_t key, keys, query, queries;  // panels: the first and their number
};

struct Gradient {
  const AttentionHead& h;
  int64_t group;               // panels of a side of a square
  Bf16 *queries, *dOuts;       // right panels over positions: of the scores, and of the gradients of the weights
  Bf16 *queryRows, *dOutRows;  // right panels over hd, interleaved depth: of the sums over queries
  float *dQueries;             // [panel of hd][panel of queries] blocks, transposed, columns in the order of `dqColumn`
  float *base, *delta;         // per query: lse * log2(e), sum of o * dOut
  Bf16 *keys, *values;         // left panels over positions
  Bf16* keyColumns;            // left panels over hd
  float *dKeys, *dValues;      // [panel of keys][panel of hd] blocks
  float* scores;               // two times two blocks: scores, gradients of weights
  Bf16 *weights, *dScores;     // left panels over keys, interleaved depth: queries
  Bf16* dScoreColumns;         // right panels over queries
};

// Where pairs of rows of dScores put query c of tile `tile`, see WeightRows::all.
WHORL_INLINE int64_t dqColumn(int64_t tile, int64_t c) { return c / 4 * 4 + tile * 2 + c % 4 / 2 + c % 2 * 16; }

// sum of a[i] * b[i] over hd for 16 rows
WHORL_INLINE Vector rowProducts(const Bf16* a, const Bf16* b, int64_t stride, int64_t rows, int64_t hd) {
  Words w[16];
#pragma GCC unroll 16
  for (int64_t r = 0; r < 16; r++) {
    __m512 total = _mm512_setzero_ps();
    for (int64_t d = 0; d < hd && r < rows; d += 32)
      total = _mm512_dpbf16_ps(total, (__m512bh)loadWords(a + r * stride + d, hd - d),
                               (__m512bh)loadWords(b + r * stride + d, hd - d));
    w[r] = (Words)total;
  }
  transposeWords(w);
  Vector sum = (Vector)w[0];
#pragma GCC unroll 16
  for (int i = 1; i < 16; i++) sum += (Vector)w[i];
  return sum;
}

// Rows of the weights' block and of the gradient of the scores, which are P * (dP - delta). `whole`: all queries of the
// block see all keys.
template <bool whole>
struct WeightRows {
  int64_t L, hidden, left;  // hidden: lanes of row 0 that do not see its key; left: queries from lane 0 on
  int64_t key;              // position of row 0
  float slope;
  const float *base, *delta, *block;
  Bf16 *weights, *dScores, *columns;

  WHORL_MEMBER Words row(int64_t r) const {
    const uint32_t mask = whole ? ~0u : key + r < L ? firstLanes(left) & ~firstLanes(hidden + r) : 0;
    const __mmask16 low = __mmask16(mask), high = __mmask16(mask >> 16);
    const float *s = block + r * 32, *d = s + blockFloats;
    const Words p = roundInterleaved(quickPower(low, _mm512_load_ps(s) * slope - _mm512_load_ps(base)),
                                     quickPower(high, _mm512_load_ps(s + 16) * slope - _mm512_load_ps(base + 16)));
    const __m512 pLow = (__m512)_mm512_slli_epi32(p, 16), pHigh = (__m512)_mm512_and_si512(p, _mm512_set1_epi32(-65536));
    const Words ds = roundInterleaved(_mm512_maskz_mul_ps(low, pLow, _mm512_load_ps(d) - _mm512_load_ps(delta)),
                                      _mm512_maskz_mul_ps(high, pHigh, _mm512_load_ps(d + 16) - _mm512_load_ps(delta + 16)));
    _mm512_store_si512(weights + r * 32, p);
    _mm512_store_si512(dScores + r * 32, ds);
    return ds;
  }
  // Two rows are a pair of depth of the right panel.
  void all() const {
#pragma GCC unroll 2
    for (int64_t p = 0; p < 16; p++) {
      const Words even = row(2 * p), odd = row(2 * p + 1);
      _mm512_store_si512(columns + p * 32, _mm512_unpacklo_epi16(even, odd));
      _mm512_store_si512(columns + 512 + p * 32, _mm512_unpackhi_epi16(even, odd));
    }
  }
};

// The first panel of queries in a square that sees a panel of keys, and the panels of keys that a panel of queries sees.
static int64_t firstQuery(const Gradient& g, const Square& s, int64_t k) {
  const int64_t panel = s.key + k - s.query;
  return g.h.causal && panel > 0 ? panel : 0;
}
static int64_t keysSeen(const Gradient& g, const Square& s, int64_t q) {
  const int64_t seen = s.query + q - s.key + 1;
  return g.h.causal && seen < s.keys ? seen : s.keys;
}

// The scores of one block and the gradients of its weights, keys x queries.
static void scoreBlock(const Gradient& g, const Square& s, const BlockPlace& at, float* block) {
  const int64_t steps = g.h.steps(), size = steps * stepElements, left = g.h.L - s.key * 32;
  const BlockPlace place = {at.row, s.query + at.col};
  multiplyShort({g.keys, size, left}, {g.queries, size, g.h.L}, place, steps, {block}, nullptr);
  multiplyShort({g.values, size, left}, {g.dOuts, size, g.h.L}, place, steps, {block + blockFloats}, nullptr);
}

template <bool whole>
static void differentiateRows(const Gradient& g, const Square& s, const BlockPlace& at, const float* block) {
  const int64_t to = (at.row * g.group + at.col) * stepElements, key = (s.key + at.row) * 32, query = (s.query + at.col) * 32;
  const int64_t hidden = g.h.causal ? key - query : -panelRows;
  const WeightRows<whole> rows = {g.h.L, hidden, g.h.L - query, key, g.h.slope(), g.base + query, g.delta + query, block,
                                  g.weights + to, g.dScores + to, g.dScoreColumns + (at.col * g.group + at.row) * stepElements};
  rows.all();
}

static void differentiateBlock(const Gradient& g, const Square& s, const BlockPlace& at, const float* block) {
  const int64_t key = s.key + at.row, query = s.query + at.col, full = g.h.L / 32;
  const bool whole = key < full && query < full && (!g.h.causal || query > key);
  whole ? differentiateRows<true>(g, s, at, block) : differentiateRows<false>(g, s, at, block);
}

// Weights and gradients of scores of a square: a block is differentiated when the next one has been multiplied, so that
// nothing waits for a store, and only two blocks of scores are in L1.
static void differentiateSquare(const Gradient& g, const Square& s) {
  BlockPlace before = {-1, -1};
  float *now = g.scores, *last = g.scores + 2 * blockFloats;
  for (int64_t k = 0; k < s.keys; k++)
    for (int64_t q = firstQuery(g, s, k); q < s.queries; q++) {
      scoreBlock(g, s, {k, q}, now);
      if (before.row >= 0) differentiateBlock(g, s, before, last);
      before = {k, q};
      float* swapped = now;
      now = last;
      last = swapped;
    }
  if (before.row >= 0) differentiateBlock(g, s, before, last);
}

// dValues += P^T dOut, dKeys += dS^T Q, dQueries^T += K^T dS^T
static void accumulateSquare(const Gradient& g, const Square& s) {
  const int64_t steps = g.h.steps(), panels = g.h.panels();
  const auto add = [](const Panels& left, const Panels& right, const BlockPlace& at, int64_t depth, float* sum, bool more) {
    multiplyShort(left, right, at, depth, {sum}, more ? sum : nullptr);
  };
  for (int64_t k = 0; k < s.keys; k++) {
    const int64_t first = firstQuery(g, s, k), offset = first * stepElements, far = (s.query + first) * stepElements;
    const bool more = s.query > (g.h.causal ? s.key : 0);
    const int64_t left = g.h.L - s.key * 32;
    const Panels weights = {g.weights + offset, g.group * stepElements, left};
    const Panels dScores = {g.dScores + offset, g.group * stepElements, left};
    const Panels dOuts = {g.dOutRows + far, panels * stepElements, g.h.hd};
    const Panels queries = {g.queryRows + far, panels * stepElements, g.h.hd};
    for (int64_t d = 0; d < steps; d++) {
      add(weights, dOuts, {k, d}, s.queries - first, g.dValues + (k * steps + d) * blockFloats, more);
      add(dScores, queries, {k, d}, s.queries - first, g.dKeys + (k * steps + d) * blockFloats, more);
    }
  }
  const Panels keys = {g.keyColumns, g.group * stepElements, g.h.hd};
  // all columns: they are in another order
  const Panels dScores = {g.dScoreColumns, g.group * stepElements, s.queries * 32};
  for (int64_t q = 0; q < s.queries; q++)
    for (int64_t d = 0; d < steps; d++)
      add(keys, dScores, {d, q}, keysSeen(g, s, q), g.dQueries + (d * panels + s.query + q) * blockFloats, s.key > 0);
}

// Rounds [panel of positions][panel of hd] blocks into rows of dqkv.
static void storeBlocks(const Gradient& g, Bf16* to, const float* from, int64_t positions, float scale) {
  for (int64_t l = 0; l < positions; l++)
    for (int64_t d = 0; d < g.h.steps(); d++) {
      const float* row = from + (l / 32 * g.h.steps() + d) * blockFloats + l % 32 * 32;
      storeWords(to + l * g.h.qkvRow + d * 32, roundRow(_mm512_load_ps(row) * scale, _mm512_load_ps(row + 16) * scale),
                 g.h.hd - d * 32);
    }
}

// Transposes and rounds dQueries.
static void storeQueries(const Gradient& g, Bf16* to, float scale) {
  const int64_t panels = g.h.panels();
  for (int64_t d = 0; d < g.h.steps(); d++)
    for (int64_t panel = 0; panel < panels; panel++)
      for (int64_t tile = 0; tile < 2; tile++) {
        const float* from = g.dQueries + (d * panels + panel) * blockFloats + tile * 16;
        Words low[16], high[16];
#pragma GCC unroll 16
        for (int r = 0; r < 16; r++) {
          low[r] = (Words)(_mm512_load_ps(from + r * 32) * scale);
          high[r] = (Words)(_mm512_load_ps(from + (r + 16) * 32) * scale);
        }
        transposeWords(low);
        transposeWords(high);
#pragma GCC unroll 16
        for (int64_t c = 0; c < 16; c++) {
          const int64_t query = panel * 32 + dqColumn(tile, c);
          if (query >= g.h.L) continue;
          storeWords(to + query * g.h.qkvRow + d * 32, roundRow((__m512)low[c], (__m512)high[c]), g.h.hd - d * 32);
        }
      }
}

// What all squares of a head share: queries in both forms, logarithms of sums, delta.
static void packQueries(const Gradient& g, const HeadOperands& x) {
  const int64_t L = g.h.L, hd = g.h.hd, size = g.h.steps() * stepElements;
  packPanels<packRightTransposed>(g.queries, size, x.q, g.h.qkvRow, L, hd);
  packPanels<packRightTransposed>(g.dOuts, size, x.dOut, g.h.row, L, hd);
  packInterleaved(g.queryRows, x.q, g.h.qkvRow, L, hd);
  packInterleaved(g.dOutRows, x.dOut, g.h.row, L, hd);
  for (int64_t l = 0; l < g.h.panels() * 32; l += 16) {
    store(g.base + l, loadUpTo(x.lse + l, L - l) * 1.44269504f);
    store(g.delta + l, rowProducts(x.o + l * g.h.row, x.dOut + l * g.h.row, g.h.row, L - l, hd));
  }
}

static void attendHeadGrad(const AttentionHead& h, const HeadOperands& x, float* work, void* scratch) {
  const int64_t panels = h.panels(), steps = h.steps(), all = panels * steps, group = steps > 8 ? 1 : 8, some = group * steps;
  Pieces far(work), near(scratch);
  const Gradient g = {h, group,
      far.take<Bf16>(all * stepElements), far.take<Bf16>(all * stepElements),
      far.take<Bf16>(all * stepElements), far.take<Bf16>(all * stepElements),
      far.take<float>(all * blockFloats), far.take<float>(panels * 32), far.take<float>(panels * 32),
      near.take<Bf16>(some * stepElements), near.take<Bf16>(some * stepElements), near.take<Bf16>(some * stepElements),
      near.take<float>(some * blockFloats), near.take<float>(some * blockFloats),
      near.take<float>(4 * blockFloats),
      near.take<Bf16>(group * group * stepElements), near.take<Bf16>(group * group * stepElements),
      near.take<Bf16>(group * group * stepElements)};
  packQueries(g, x);
  // One key alone has weight 1 whatever its score: exactly no gradient, where dP - delta would leave rounding.
  const float scale = h.L == 1 ? 0.0f : h.scale;
  for (int64_t key = 0; key < panels; key += group) {
    const Bf16 *k = x.q + h.row + key * 32 * h.qkvRow, *v = k + h.row;
    Bf16 *dk = x.dq + h.row + key * 32 * h.qkvRow, *dv = dk + h.row;
    const int64_t count = panels - key < group ? panels - key : group, left = h.L - key * 32;
    const int64_t positions = left < count * 32 ? left : count * 32;
    packPanels<packLeft>(g.keys, steps * stepElements, k, h.qkvRow, positions, h.hd);
    packPanels<packLeft>(g.values, steps * stepElements, v, h.qkvRow, positions, h.hd);
    packPanels<packLeftTransposed>(g.keyColumns, group * stepElements, k, h.qkvRow, positions, h.hd);
    for (int64_t query = h.causal ? key : 0; query < panels; query += group) {
      const Square square = {key, count, query, panels - query < group ? panels - query : group};
      differentiateSquare(g, square);
      accumulateSquare(g, square);
    }
    storeBlocks(g, dk, g.dKeys, positions, scale);
    storeBlocks(g, dv, g.dValues, positions, 1.0f);
  }
  storeQueries(g, x.dq, scale);
}

static void attentionGrad(const Args& args) {
  const int64_t R = args.n[0], L = args.n[1], H = args.n[2], hd = args.n[3];
  const AttentionHead head = {L, hd, 3 * H * hd, H * hd, args.f[0] == 1, float(args.f[1])};
  const TileUnit unit;
  const FlushToZero flush;
  for (int64_t r = 0; r < R; r++)
    for (int64_t h = 0; h < H; h++) {
      const int64_t wide = r * L * head.qkvRow + h * hd, narrow = r * L * head.row + h * hd;
      const HeadOperands x = {(const Bf16*)args.p[0] + wide, (const Bf16*)args.p[1] + narrow, (const Bf16*)args.p[3] + narrow,
                              (const float*)args.p[2] + (r * H + h) * L, (Bf16*)args.p[4] + wide};
      attendHeadGrad(head, x, (float*)args.p[5], args.scratch);
    }
}
