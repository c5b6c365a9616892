// The MLP over features with its residual and norm, y = rms(h + down(swiglu(gateUp(h)))), in blocks of rows whose hidden
// layer stays in L2, packed for the second product; and its gradient.
//   featureMlp      h wGateUp wDown y rstd? gu? | M K N | eps
//   featureMlpGrad  h wGateUpT wDownT y rstd dy gu(overwritten) dGateUp(accumulated) dDown(accumulated) dh work | M K N
// h[M,K]; right panels: wGateUp[N,K] gated, wDown[K,N/2], wGateUpT gated and transposed, wDownT transposed. `gu` is what
// the gradient needs kept, gates and what they gate in the order in which they are computed: left panels over M whose depth
// are the interleaved N. Row-major it would be written in pieces far apart, which halves the speed of the whole kernel.
// N/2 is a multiple of 16. `work`: WHORL_FEATURE_MLP_GRAD_WORK floats.

// Left panels of bfloat16 numbers in memory: [rows / 32][steps][32][32]
struct LeftPanels {
  Bf16* base;
  int64_t steps;

  Bf16* at(int64_t panel, int64_t step) const { return base + (panel * steps + step) * stepElements; }
  Panels from(int64_t panel, int64_t step, int64_t rows) const { return {at(panel, step), steps * stepElements, rows}; }
};

WHORL_INLINE int64_t blockRows(int64_t rows, const BlockPlace& at) { return rows - at.row * 32 < 32 ? rows - at.row * 32 : 32; }

WHORL_INLINE void storeHalf(Bf16* p, __m512 x) { _mm256_store_si256((__m256i*)p, (__m256i)_mm512_cvtneps_pbh(x)); }

// Columns 0-15 of a block are gates, 16-31 what they gate.
struct GateFeatures {
  LeftPanels hidden, kept;  // `kept` may have no base
  int64_t rows;

  void expect(const BlockPlace&) {}
  int64_t units(const BlockPlace& at) const { return blockRows(rows, at); }
  WHORL_MEMBER void unit(const BlockPlace& at, int64_t u, const float* c) {
    const __m512 g = _mm512_load_ps(c + u * 32), up = _mm512_load_ps(c + u * 32 + 16);
    storeHalf(hidden.at(at.row, at.col / 2) + u * 32 + at.col % 2 * 16, g * quickSigmoid(g) * up);
    if (kept.base) _mm512_store_si512(kept.at(at.row, at.col) + u * 32, roundRow(g, up));
  }
};

// Adds the residual, rounds into y, and sums squares along the features.
struct AddFeatures {
  const Bf16* h;
  Bf16* y;
  int64_t rows, cols;
  float* squares;  // [rows][16]

  void expect(const BlockPlace&) {}
  int64_t units(const BlockPlace& at) const { return rows - at.row * 32 < 32 ? rows - at.row * 32 : 32; }
  WHORL_MEMBER void unit(const BlockPlace& at, int64_t u, const float* c) {
    const int64_t row = at.row * 32 + u, from = row * cols + at.col * 32, left = cols - at.col * 32;
    const Words before = loadWords(h + from, left);
    const Words total = roundRow(_mm512_load_ps(c + u * 32) + widenLow(before), _mm512_load_ps(c + u * 32 + 16) + widenHigh(before));
    const __m512 low = widenLow(total), high = widenHigh(total);
    float* sum = squares + row * 16;
    const __m512 earlier = at.col == 0 ? _mm512_setzero_ps() : _mm512_load_ps(sum);
    _mm512_store_ps(sum, earlier + low * low + high * high);
    storeWords(y + from, total, left);
  }
};

static void normFeatures(const AddFeatures& total, float eps, float* rstd) {
  for (int64_t i = 0; i < total.rows; i++) {
    const float scale = 1.0f / __builtin_sqrtf(_mm512_reduce_add_ps(_mm512_load_ps(total.squares + i * 16)) / float(total.cols) + eps);
    if (rstd) rstd[i] = scale;
    for (int64_t k = 0; k < total.cols; k += 32) {
      Bf16* y = total.y + i * total.cols + k;
      const Words s = loadWords(y, total.cols - k);
      storeWords(y, roundRow(widenLow(s) * scale, widenHigh(s) * scale), total.cols - k);
    }
  }
}

// As many rows as keep input, hidden layer and sums in 2.25 MiB: measured, though L2 is smaller.
WHORL_INLINE int64_t featureRows(int64_t rows, int64_t rowBytes) {
  const int64_t fitting = (9 << 18) / rowBytes / 32 * 32, most = fitting < 32 ? 32 : fitting;
  const int64_t count = (rows + most - 1) / most;
  return panelsOf((rows + count - 1) / count) * 32;
}

static void featureMlp(const Args& args) {
  const int64_t M = args.n[0], K = args.n[1], half = args.n[2] / 2, inSteps = stepsOf(K), hiddenSteps = stepsOf(half);
  const Bf16 *h = (const Bf16*)args.p[0], *down = (const Bf16*)args.p[2];
  Bf16* y = (Bf16*)args.p[3];
  float* rstd = (float*)args.p[4];
  const LeftPanels kept = {(Bf16*)args.p[5], half / 16};
  const int64_t height = featureRows(M, 64 * (inSteps + hiddenSteps) + 128 * panelsOf(K) + 64);
  float* blocks = static_cast<float*>(args.scratch);
  float* sums = blocks + 2 * blockFloats;
  float* squares = sums + height / 32 * panelsOf(K) * blockFloats;
  const LeftPanels input = {(Bf16*)(squares + height * 16), inSteps};
  const LeftPanels hidden = {input.at(height / 32, 0), hiddenSteps};
  const Panels gateUp = {(const Bf16*)args.p[1], inSteps * stepElements, half * 2};
  const TileUnit unit;
  for (int64_t m = 0; m < M; m += height) {
    const int64_t rows = M - m < height ? M - m : height;
    packPanels<packLeft>(input.base, inSteps * stepElements, h + m * K, K, rows, K);
    if (half % 32 != 0) __builtin_memset(hidden.base, 0, size_t(panelsOf(rows) * hiddenSteps * stepElements) * 2);  // the depth's padding
    GateFeatures gate = {hidden, {kept.base ? kept.at(m / 32, 0) : nullptr, kept.steps}, rows};
    Pipeline<GateFeatures> gates = {gate, blocks};
    multiplyPanels<false>(input.from(0, 0, rows), gateUp, inSteps, gates);
    gates.flush();
    AddFeatures total = {h + m * K, y + m * K, rows, K, squares};
    Pipeline<AddFeatures> totals = {total, blocks};
    for (int64_t step = 0; step < hiddenSteps; step += nearSteps) {
      const int64_t steps = hiddenSteps - step < nearSteps ? hiddenSteps - step : nearSteps;
      multiplyPanels<false>(hidden.from(0, step, rows), {down + step * stepElements, hiddenSteps * stepElements, K}, steps,
                            totals, {sums, step == 0, step + steps == hiddenSteps});
    }
    totals.flush();
    normFeatures(total, float(args.f[0]), rstd ? rstd + m : nullptr);
  }
}

// --- the gradient

// The gradient of the sum before the norm, rounded, into left panels
static void normFeaturesGrad(const LeftPanels& ds, const Bf16* y, const float* rstd, const Bf16* dy, int64_t M, int64_t K) {
  for (int64_t m = 0; m < M; m++) {
    const Bf16 *out = y + m * K, *g = dy + m * K;
    __m512 dots[2] = {};
    for (int64_t k = 0; k < K; k += 32) {
      const Words a = loadWords(out + k, K - k), b = loadWords(g + k, K - k);
      dots[0] += widenLow(a) * widenLow(b);
      dots[1] += widenHigh(a) * widenHigh(b);
    }
    const float dot = _mm512_reduce_add_ps(dots[0] + dots[1]) / float(K), scale = rstd[m];
    for (int64_t k = 0; k < K; k += 32) {
      const Words a = loadWords(out + k, K - k), b = loadWords(g + k, K - k);
      _mm512_store_si512(ds.at(m / 32, k / 32) + m % 32 * 32,
                         roundRow(scale * (widenLow(b) - widenLow(a) * dot), scale * (widenHigh(b) - widenHigh(a) * dot)));
    }
  }
}

// A block of gradients of hidden values becomes the gradients of the two blocks of gates they come from; and the hidden
// values are made again.
struct GateFeaturesGrad {
  LeftPanels gates, hidden;
  int64_t rows;

  void expect(const BlockPlace& at) {
    for (int64_t i = 0; i < 64; i++) __builtin_prefetch(gates.at(at.row, 2 * at.col) + i * 32, 1, 3);
  }
  int64_t units(const BlockPlace& at) const { return blockRows(rows, at); }
  WHORL_MEMBER void unit(const BlockPlace& at, int64_t u, const float* c) {
    __m512 out[2];
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
      out[i] = _mm512_setzero_ps();
      if (2 * at.col + i >= gates.steps) continue;
      Bf16* row = gates.at(at.row, 2 * at.col + i) + u * 32;
      const Words gu = _mm512_load_si512(row);
      const __m512 g = widenLow(gu), up = widenHigh(gu), d = _mm512_load_ps(c + u * 32 + i * 16);
      const __m512 sigmoid = quickSigmoid(g), silu = g * sigmoid;
      out[i] = silu * up;
      _mm512_store_si512(row, roundRow(d * up * (sigmoid + silu - silu * sigmoid), d * silu));
    }
    _mm512_store_si512(hidden.at(at.row, at.col) + u * 32, roundRow(out[0], out[1]));
  }
};

// Rounds the gradient of h: the residual's and the product's.
struct AddFeaturesGrad {
  LeftPanels ds;
  Bf16* dh;
  int64_t rows, cols;

  void expect(const BlockPlace&) {}
  int64_t units(const BlockPlace& at) const { return blockRows(rows, at); }
  WHORL_MEMBER void unit(const BlockPlace& at, int64_t u, const float* c) {
    const Words d = _mm512_load_si512(ds.at(at.row, at.col) + u * 32);
    storeWords(dh + (at.row * 32 + u) * cols + at.col * 32,
               roundRow(_mm512_load_ps(c + u * 32) + widenLow(d), _mm512_load_ps(c + u * 32 + 16) + widenHigh(d)), cols - at.col * 32);
  }
};

// Adds blocks to the gradient of a gated weight: 16 rows of gates and the 16 rows `half` rows further that they gate.
struct AddToGated {
  float* c;
  int64_t half, cols;

  float* row(const BlockPlace& at, int64_t u) const { return c + (u < 16 ? u : half + u - 16) * cols + at.col * 32; }
  void expect(const BlockPlace& at) {
    for (int64_t u = 0; u < 32; u++) {
      __builtin_prefetch(row(at, u), 1, 3);
      __builtin_prefetch(row(at, u) + 16, 1, 3);
    }
  }
  int64_t units(const BlockPlace&) const { return 32; }
  WHORL_MEMBER void unit(const BlockPlace& at, int64_t u, const float* block) { addRow(row(at, u), block + u * 32, cols - at.col * 32); }
};

// Work space for the gradients of the weights: `whole` is one operand, packed, for all rows; `panel` one panel of the other.
struct RowSums {
  float *blocks, *sums;
  Bf16 *panel, *whole;
  int64_t M, steps, stride;
};

// dGateUp += gates^T . h
static void addGateUpGrad(const RowSums& r, const LeftPanels& gates, const Bf16* h, int64_t K, float* dGateUp) {
  packPanels<packRight>(r.whole, r.stride, h, K, r.M, K);
  for (int64_t i = 0; i < gates.steps; i++) {
    for (int64_t s = 0; s < r.steps; s++) packLeftTransposedStep(r.panel + s * stepElements, gates.at(s, i), 32, r.M - s * 32, 32);
    multiplyPanel<true>({r.panel, 0, 32}, {r.whole, r.stride, K}, r.steps, r.blocks, r.sums, AddToGated{dGateUp + i * 16 * K, gates.steps * 16, K});
  }
}

// dDown[K][half] += ds^T . hidden
static void addDownGrad(const RowSums& r, const LeftPanels& ds, const LeftPanels& hidden, int64_t K, int64_t half, float* dDown) {
  for (int64_t i = 0; i < ds.steps; i++)
    for (int64_t s = 0; s < r.steps; s++)
      packLeftTransposedStep(r.whole + i * r.stride + s * stepElements, ds.at(s, i), 32, r.M - s * 32, 32);
  for (int64_t j = 0; j < hidden.steps; j++) {
    for (int64_t s = 0; s < r.steps; s++) packRightStep(r.panel + s * stepElements, hidden.at(s, j), 32, r.M - s * 32, 32);
    const int64_t size = half - j * 32 < 32 ? half - j * 32 : 32;
    multiplyPanel<false>({r.panel, 0, size}, {r.whole, r.stride, K}, r.steps, r.blocks, r.sums, AddTo{dDown + j * 32, K, size, half});
  }
}

static void featureMlpGrad(const Args& args) {
  const int64_t M = args.n[0], K = args.n[1], half = args.n[2] / 2, inSteps = stepsOf(K), hiddenSteps = stepsOf(half);
  const int64_t gateSteps = half / 16, rowSteps = stepsOf(M), rowStride = rowSteps * stepElements;
  const LeftPanels ds = {(Bf16*)args.p[10], inSteps}, hidden = {ds.at(rowSteps, 0), hiddenSteps}, gates = {(Bf16*)args.p[6], gateSteps};
  Bf16 *whole = hidden.at(rowSteps, 0), *panel = whole + inSteps * rowStride;
  const Bf16 *gateUpT = (const Bf16*)args.p[1], *downT = (const Bf16*)args.p[2], *h = (const Bf16*)args.p[0];
  Bf16* dh = (Bf16*)args.p[9];
  float* blocks = static_cast<float*>(args.scratch);
  float* sums = blocks + 2 * blockFloats;
  const TileUnit unit;
  normFeaturesGrad(ds, (const Bf16*)args.p[3], (const float*)args.p[4], (const Bf16*)args.p[5], M, K);

  GateFeaturesGrad gate = {gates, hidden, M};
  Pipeline<GateFeaturesGrad> gatesGrad = {gate, blocks};
  multiplyPanels<false>(ds.from(0, 0, M), {downT, inSteps * stepElements, half}, inSteps, gatesGrad);
  gatesGrad.flush();

  const int64_t height = featureRows(M, 64 * nearSteps + 128 * panelsOf(K));
  for (int64_t m = 0; m < M; m += height) {
    const int64_t rows = M - m < height ? M - m : height;
    AddFeaturesGrad add = {{ds.at(m / 32, 0), inSteps}, dh + m * K, rows, K};
    Pipeline<AddFeaturesGrad> adds = {add, blocks};
    for (int64_t step = 0; step < gateSteps; step += nearSteps) {
      const int64_t steps = gateSteps - step < nearSteps ? gateSteps - step : nearSteps;
      multiplyPanels<false>(gates.from(m / 32, step, rows), {gateUpT + step * stepElements, gateSteps * stepElements, K}, steps,
                            adds, {sums, step == 0, step + steps == gateSteps});
    }
    adds.flush();
  }

  const RowSums rows = {blocks, sums, panel, whole, M, rowSteps, rowStride};
  addGateUpGrad(rows, gates, h, K, (float*)args.p[7]);
  addDownGrad(rows, ds, hidden, K, half, (float*)args.p[8]);
}
