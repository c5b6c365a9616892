// attention: o = softmax(scale * Q K^T) V per row and head, lse = log of the sum of exp of the scaled scores; gradient.
//   qkv o lse? work | R L H hd | mask(0 full, 1 causal) scale          qkv o lse do dqkv work | the same
// qkv[R,L,3*H*hd] holds H heads of Q, then of K, then of V. `work`: WHORL_ATTENTION_WORK / _GRAD_WORK floats.
//
// A strip of panelCols queries is in the lanes and keys run down: scores^T[L][panelCols]. That layout is the packed B
// of the next product, its softmax needs no reduction across lanes, and K, V, K^T, V^T are packed once per head.
// The maximum is exact (the whole strip is there); an online softmax in blocks of keys measured slower.

struct Head {
  int64_t L, H, hd, row;  // row: floats from one position of qkv to the next
  bool causal;
  float scale;
};

// A whole matrix as packed row blocks of tileRows; block b begins at b * tileRows * depth.
static void packBlocks(float* to, const float* a, int64_t aRow, int64_t aDepth, int64_t rows, int64_t depth) {
  for (int64_t row = 0; row < rows; row += tileRows) {
    const int64_t height = rows - row < tileRows ? rows - row : tileRows;
    packRows(to + row * depth, a + row * aRow, aRow, aDepth, height, depth, rows - row - height);
  }
}

// The lanes a strip of `count` queries uses, whole vectors: the last strip of 97 positions is one vector wide.
WHORL_INLINE int64_t usedLanes(int64_t count) { return (count + lanes - 1) / lanes * lanes; }

struct Blocks {
  const float* packed;
  int64_t depth;  // as packed; a product may use less of it
  int64_t rows;
};

// c[rows][panelCols] = blocks . panel[depth][panelCols], in the first `cols` columns
static void multiplyStrip(float* c, const Blocks& blocks, const float* panel, int64_t rows, int64_t depth, int64_t cols) {
  for (int64_t row = 0; row < rows; row += tileRows) {
    // the block has the height it was packed with: a causal strip may end inside and compute a few rows too many
    const int64_t height = blocks.rows - row < tileRows ? blocks.rows - row : tileRows;
    runTile(packedTiles, height, depth, blocks.packed + row * blocks.depth, panel,
            {c + row * panelCols, panelCols, cols, false});
  }
}

// c[rows][cols] += strip[rows][panelCols] . B[queries][cols], B packed in panels of depth `queries`
static void accumulateStrip(float* c, int64_t cRow, const float* strip, const float* packed, int64_t rows, int64_t cols,
                            int64_t queries) {
  for (int64_t col = 0; col < cols; col += panelCols) {
    const int64_t width = cols - col < panelCols ? cols - col : panelCols;
    for (int64_t row = 0; row < rows; row += tileRows) {
      const int64_t height = rows - row < tileRows ? rows - row : tileRows;
      runTile(stripTiles, height, queries, strip + row * panelCols, packed + col * queries,
              {c + row * cRow + col, cRow, width, true});
    }
  }
}

static void packMatrix(float* to, const float* b, int64_t bDepth, int64_t depth, int64_t cols) {
  for (int64_t col = 0; col < cols; col += panelCols)
    packPanel(to + col * depth, b + col, bDepth, 1, depth, cols - col < panelCols ? cols - col : panelCols);
}

WHORL_INLINE void scaleFloats(float* x, int64_t n, float by) {
  mapInto(x, n, [by](Vector v) __attribute__((always_inline)) { return v * by; }, x);
}

// to[queries][hd] (rows `stride` apart) = from[hd][panelCols]^T
static void storeTransposed(float* to, int64_t stride, const float* from, int64_t queries, int64_t hd) {
  for (int64_t q = 0; q < queries; q += lanes)
    for (int64_t d = 0; d < hd; d += lanes) {
      Vector block[lanes];
      loadBlock(block, from + d * panelCols + q, panelCols, hd - d, lanes);
      transpose(block);
      const int64_t count = queries - q < lanes ? queries - q : lanes;
      for (int64_t i = 0; i < count; i++) storeUpTo(to + (q + i) * stride + d, block[i], hd - d);
    }
}

// Sets the scores of keys behind their query to -infinity, for the strip that begins at query q0.
static void maskStrip(float* strip, int64_t q0, int64_t keys) {
  for (int64_t key = q0 + 1; key < keys; key++)
    for (int64_t q = 0; q < key - q0 && q < panelCols; q++) strip[key * panelCols + q] = -__builtin_inff();
}

WHORL_INLINE Vector expOrZero(Vector x) { return select(x < -87.0f, Vector{}, vexp(x)); }

// Replaces the scores of lanes v by exp(score - max); returns the sums and the maxima.
WHORL_INLINE void softmaxLanes(float* strip, int64_t keys, Vector& total, Vector& highest) {
  Vector high = load(strip);
  for (int64_t key = 1; key < keys; key++) high = vmax(high, load(strip + key * panelCols));
  Vector sums[4] = {};
  for (int64_t key = 0; key < keys; key++) {
    const Vector e = expOrZero(load(strip + key * panelCols) - high);
    store(strip + key * panelCols, e);
    sums[key & 3] += e;
  }
  total = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  highest = high;
}

static void attendHead(const Head& h, const float* q, float* o, float* lse, float* work) {
  const int64_t L = h.L, hd = h.hd, width = h.H * hd;
  const float *k = q + width, *v = k + width;
  float* keys = work;
  float* values = keys + (L + 16) * (hd + 16);
  float* strip = values + (L + 16) * (hd + 16);
  float* queries = strip + (L + 16) * 32;
  float* out = queries + (hd + 16) * 32;
  packBlocks(keys, k, h.row, 1, L, hd);
  packBlocks(values, v, 1, h.row, hd, L);
  for (int64_t q0 = 0; q0 < L; q0 += panelCols) {
    const int64_t count = L - q0 < panelCols ? L - q0 : panelCols;
    const int64_t used = usedLanes(count), seen = h.causal && q0 + count < L ? q0 + count : L;
    packPanel(queries, q + q0 * h.row, 1, h.row, hd, count);
    scaleFloats(queries, hd * panelCols, h.scale);
    multiplyStrip(strip, {keys, hd, L}, queries, seen, hd, used);
    if (h.causal) maskStrip(strip, q0, seen);
    Vector inverse[tileVectors] = {};
    for (int i = 0; i < used / lanes; i++) {
      Vector total, highest;
      softmaxLanes(strip + i * lanes, seen, total, highest);
      inverse[i] = 1.0f / total;
      for (int64_t lane = 0; lse && lane < lanes && i * lanes + lane < count; lane++)
        lse[q0 + i * lanes + lane] = float(double(highest[lane]) + __builtin_log(double(total[lane])));
    }
    multiplyStrip(out, {values, L, hd}, strip, hd, seen, used);
    for (int64_t d = 0; d < hd; d++)
      for (int i = 0; i < used / lanes; i++) {
        float* at = out + d * panelCols + i * lanes;
        store(at, load(at) * inverse[i]);
      }
    storeTransposed(o + q0 * width, width, out, count, hd);
  }
}

static void attention(const Args& args) {
  const int64_t R = args.n[0], L = args.n[1], H = args.n[2], hd = args.n[3];
  const Head head = {L, H, hd, 3 * H * hd, args.f[0] == 1, float(args.f[1])};
  for (int64_t r = 0; r < R; r++)
    for (int64_t h = 0; h < H; h++) {
      const float* q = (const float*)args.p[0] + r * L * head.row + h * hd;
      float* o = (float*)args.p[1] + r * L * H * hd + h * hd;
      float* lse = (float*)args.p[2];
      attendHead(head, q, o, lse ? lse + (r * H + h) * L : nullptr, (float*)args.p[3]);
    }
}

struct HeadGrad {
  const float *q, *o, *lse, *dOut;
  float* dq;
};

// scores -> P = exp(score - lse); dP -> dS = P * (dP - delta), both in place, delta = sum_d o * dO per query.
static void differentiateStrip(float* strip, float* dStrip, const float* lse, const float* delta, int64_t keys,
                              int64_t used) {
  for (int i = 0; i < used / lanes; i++) {
    const Vector base = load(lse + i * lanes), shift = load(delta + i * lanes);
    for (int64_t key = 0; key < keys; key++) {
      float *p = strip + key * panelCols + i * lanes, *d = dStrip + key * panelCols + i * lanes;
      const Vector probability = expOrZero(load(p) - base);
      store(p, probability);
      store(d, probability * (load(d) - shift));
    }
  }
}

static void attendHeadGrad(const Head& h, const HeadGrad& g, float* work) {
  const int64_t L = h.L, hd = h.hd, width = h.H * hd;
  const float *k = g.q + width, *v = k + width;
  float *dk = g.dq + width, *dv = dk + width;
  const int64_t matrix = (L + 16) * (hd + 16), panel = 32 * (hd + 32);
  float *keys = work, *values = keys + matrix, *keysTransposed = values + matrix;
  float *strip = keysTransposed + matrix, *dStrip = strip + 32 * (L + 16);
  float *queries = dStrip + 32 * (L + 16), *dOuts = queries + panel, *queryRows = dOuts + panel;
  float *dOutRows = queryRows + panel, *dQueries = dOutRows + panel;
  packBlocks(keys, k, h.row, 1, L, hd);
  packBlocks(values, v, h.row, 1, L, hd);
  packBlocks(keysTransposed, k, 1, h.row, hd, L);
  for (int64_t l = 0; l < L; l++) {
    __builtin_memset(dk + l * h.row, 0, size_t(hd) * 4);
    __builtin_memset(dv + l * h.row, 0, size_t(hd) * 4);
  }
  for (int64_t q0 = 0; q0 < L; q0 += panelCols) {
    const int64_t count = L - q0 < panelCols ? L - q0 : panelCols;
    const int64_t used = usedLanes(count), seen = h.causal && q0 + count < L ? q0 + count : L;
    const float *q = g.q + q0 * h.row, *o = g.o + q0 * width, *dOut = g.dOut + q0 * width;
    alignas(64) float lse[panelCols] = {}, delta[panelCols] = {};
    for (int64_t i = 0; i < count; i++) {
      lse[i] = g.lse[q0 + i];
      delta[i] = sumOfProducts(o + i * width, dOut + i * width, hd);
    }
    packPanel(queries, q, 1, h.row, hd, count);
    packPanel(dOuts, dOut, 1, width, hd, count);
    packMatrix(queryRows, q, h.row, count, hd);
    packMatrix(dOutRows, dOut, width, count, hd);
    scaleFloats(queries, hd * panelCols, h.scale);
    scaleFloats(queryRows, count * ((hd + panelCols - 1) / panelCols * panelCols), h.scale);
    multiplyStrip(strip, {keys, hd, L}, queries, seen, hd, used);
    multiplyStrip(dStrip, {values, hd, L}, dOuts, seen, hd, used);
    if (h.causal) maskStrip(strip, q0, seen);
    differentiateStrip(strip, dStrip, lse, delta, seen, used);
    // One key has weight 1 whatever its score: exactly no gradient, where dP - delta would leave rounding.
    if (L == 1) __builtin_memset(dStrip, 0, size_t(panelCols) * 4);
    accumulateStrip(dv, h.row, strip, dOutRows, seen, hd, count);
    accumulateStrip(dk, h.row, dStrip, queryRows, seen, hd, count);
    multiplyStrip(dQueries, {keysTransposed, L, hd}, dStrip, hd, seen, used);
    scaleFloats(dQueries, hd * panelCols, h.scale);
    storeTransposed(g.dq + q0 * h.row, h.row, dQueries, count, hd);
  }
}

static void attentionGrad(const Args& args) {
  const int64_t R = args.n[0], L = args.n[1], H = args.n[2], hd = args.n[3];
  const Head head = {L, H, hd, 3 * H * hd, args.f[0] == 1, float(args.f[1])};
  for (int64_t r = 0; r < R; r++)
    for (int64_t h = 0; h < H; h++) {
      const int64_t wide = r * L * head.row + h * hd, narrow = r * L * H * hd + h * hd;
      const HeadGrad grad = {(const float*)args.p[0] + wide, (const float*)args.p[1] + narrow,
                             (const float*)args.p[2] + (r * H + h) * L, (const float*)args.p[3] + narrow,
                             (float*)args.p[4] + wide};
      attendHeadGrad(head, grad, (float*)args.p[5]);
    }
}
