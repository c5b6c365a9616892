// The MLP over positions with its residual and norm, for one panel of 32 channels after the other: what lies between
// stays in L1. Gates and hidden values are not kept for the gradient but computed again: writing them would take longer.
//   tokenMlp      y = rms(h + down(swiglu(gateUp(h)))):  h wGateUp wDown y rstd? | R K N D | eps
//   tokenMlpGrad  h wGateUp wGateUpT wDownT y rstd dy dGateUp(accumulated) dDown(accumulated) dh work | R K N D
// h[R,K,D] has K positions of D channels, wGateUp[N,K] gates and then what they gate, wDown[K,N/2]. Left panels: wGateUp
// gated, wGateUpT gated and transposed, wDownT transposed. `work`: WHORL_TOKEN_MLP_GRAD_WORK floats.

// The sizes of a call, and what follows from them.
struct TokenMlp {
  int64_t rows, tokens, half, channels;

  explicit TokenMlp(const Args& args) : rows(args.n[0]), tokens(args.n[1]), half(args.n[2] / 2), channels(args.n[3]) {}
  int64_t inSteps() const { return stepsOf(tokens); }
  int64_t gatePanels() const { return (half + 15) / 16; }
  int64_t hiddenPanels() const { return panelsOf(half); }
  Panels gateUp(const void* w) const { return {(const Bf16*)w, inSteps() * stepElements, gatePanels() * 32}; }
};

WHORL_INLINE __m512 silu(__m512 g) { return g * quickSigmoid(g); }

// Two rows of 32 numbers as a row of pairs of a right step: columns 0-15, and 512 elements on, columns 16-31.
WHORL_INLINE void storePairs(Bf16* to, const __m512 (&even)[2], const __m512 (&odd)[2]) {
  _mm512_store_si512(to, roundInterleaved(even[0], odd[0]));
  _mm512_store_si512(to + 512, roundInterleaved(even[1], odd[1]));
}

// Rows 0-15 of a block are gates, 16-31 what they gate; two rows of the hidden layer are a row of pairs.
struct GateTokens {
  Bf16* hidden;  // right panel

  void expect(const BlockPlace&) {}
  int64_t units(const BlockPlace&) const { return 8; }
  WHORL_MEMBER void unit(const BlockPlace& at, int64_t u, const float* c) {
    __m512 out[2][2];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      const float* gate = c + 2 * u * 32 + i * 16;
      out[i / 2][i % 2] = silu(_mm512_load_ps(gate)) * _mm512_load_ps(gate + 512);
    }
    storePairs(hidden + at.row / 2 * stepElements + (at.row % 2 * 8 + u) * 32, out[0], out[1]);
  }
};

// Adds the residual, rounds, and sums squares down the channels.
struct AddTokens {
  const Bf16* h;
  Bf16* sum;  // [tokens][32]
  int64_t tokens, stride, cols;
  __m512 squares[2];

  void expect(const BlockPlace&) {}
  int64_t units(const BlockPlace& at) const { return tokens - at.row * 32 < 32 ? tokens - at.row * 32 : 32; }
  WHORL_MEMBER void unit(const BlockPlace& at, int64_t u, const float* c) {
    const int64_t row = at.row * 32 + u;
    const Words before = loadWords(h + row * stride, cols);
    const Words total = roundRow(_mm512_load_ps(c + u * 32) + widenLow(before), _mm512_load_ps(c + u * 32 + 16) + widenHigh(before));
    squares[0] += widenLow(total) * widenLow(total);
    squares[1] += widenHigh(total) * widenHigh(total);
    _mm512_store_si512(sum + row * 32, total);
  }
};

// y = sum / rms for one panel of channels
static void normTokens(const AddTokens& total, float eps, Bf16* y, float* rstd) {
  __m512 scale[2];
  for (int i = 0; i < 2; i++) {
    scale[i] = 1.0f / _mm512_sqrt_ps(total.squares[i] / float(total.tokens) + eps);
    if (rstd) storeUpTo(rstd + i * 16, (Vector)scale[i], total.cols - i * 16);
  }
  for (int64_t t = 0; t < total.tokens; t++) {
    const Words s = _mm512_load_si512(total.sum + t * 32);
    storeWords(y + t * total.stride, roundRow(widenLow(s) * scale[0], widenHigh(s) * scale[1]), total.cols);
  }
}

static void tokenMlp(const Args& args) {
  const TokenMlp m(args);
  const int64_t D = m.channels, hiddenSteps = m.hiddenPanels();
  const TileUnit unit;
  float* blocks = static_cast<float*>(args.scratch);
  Bf16* input = (Bf16*)(blocks + 2 * blockFloats);
  Bf16* hidden = input + m.inSteps() * stepElements;
  Bf16* sum = hidden + hiddenSteps * stepElements;
  __builtin_memset(hidden + (hiddenSteps - 1) * stepElements, 0, size_t(stepElements) * 2);  // the depth's padding
  const Panels down = {(const Bf16*)args.p[2], hiddenSteps * stepElements, m.tokens};
  for (int64_t r = 0; r < m.rows; r++)
    for (int64_t d = 0; d < D; d += 32) {
      const int64_t at = r * m.tokens * D + d, cols = D - d < 32 ? D - d : 32;
      const Bf16* h = (const Bf16*)args.p[0] + at;
      packPanels<packRight>(input, 0, h, D, m.tokens, cols);
      GateTokens gate = {hidden};
      Pipeline<GateTokens> gates = {gate, blocks};
      multiplyPanels<false>(m.gateUp(args.p[1]), {input, 0, cols}, m.inSteps(), gates);
      gates.flush();
      AddTokens total = {h, sum, m.tokens, D, cols, {}};
      Pipeline<AddTokens> totals = {total, blocks};
      multiplyPanels<false>(down, {hidden, 0, cols}, hiddenSteps, totals);
      totals.flush();
      normTokens(total, float(args.f[0]), (Bf16*)args.p[3] + at, args.p[4] ? (float*)args.p[4] + r * D + d : nullptr);
    }
}

// --- the gradient

// What the products of one row need packed. `Kept` is of all channels, for the gradients of the weights.
struct TokenKept {
  Bf16 *hidden, *gates;  // left panels [half] and [gates, interleaved], depth channels
  Bf16 *input, *sum;     // right panels [tokens], depth channels: h, and the gradient of the sum before the norm
  float *dGateUp, *dDownT;  // [gates, interleaved][width], [half][width], over the rows of the call
  int64_t stride, width;    // of the panels; of the sums, in floats

  TokenKept(const TokenMlp& m, float* work) : stride(stepsOf(m.channels) * stepElements), width(panelsOf(m.tokens) * 32) {
    dGateUp = work;
    dDownT = dGateUp + m.gatePanels() * 32 * width;
    hidden = (Bf16*)(dDownT + m.hiddenPanels() * 32 * width);
    gates = hidden + m.hiddenPanels() * stride;
    input = gates + m.gatePanels() * stride;
    sum = input + panelsOf(m.tokens) * stride;
  }
};

// Of one panel of channels: the gradient of the sum before the norm, rounded, [tokens][32]
static void normTokensGrad(Bf16* ds, const Bf16* y, const float* rstd, const Bf16* dy, int64_t tokens, int64_t stride, int64_t cols) {
  __m512 dot[2] = {};
  for (int64_t t = 0; t < tokens; t++) {
    const Words out = loadWords(y + t * stride, cols), g = loadWords(dy + t * stride, cols);
    dot[0] += widenLow(out) * widenLow(g);
    dot[1] += widenHigh(out) * widenHigh(g);
  }
  const __m512 scale[2] = {(__m512)loadUpTo(rstd, cols), (__m512)loadUpTo(rstd + 16, cols - 16)};
  dot[0] /= float(tokens);
  dot[1] /= float(tokens);
  for (int64_t t = 0; t < tokens; t++) {
    const Words out = loadWords(y + t * stride, cols), g = loadWords(dy + t * stride, cols);
    _mm512_store_si512(ds + t * 32, roundRow(scale[0] * (widenLow(g) - widenLow(out) * dot[0]),
                                             scale[1] * (widenHigh(g) - widenHigh(out) * dot[1])));
  }
}

// Three blocks at once: gates and what they gate of 16 hidden values, of 16 more, and the gradients of these 32.
struct GateTokensGrad {
  Bf16* paired;          // right panel of the gates' gradients, interleaved
  Bf16 *hidden, *gates;  // left panels at this step of the depth
  int64_t stride, half;

  void expect(const BlockPlace&) {}
  int64_t units(const BlockPlace& at) const { return half - at.row * 32 > 16 ? 16 : 8; }
  WHORL_MEMBER void unit(const BlockPlace& at, int64_t u, const float* c) {
    const int64_t second = u / 8, row = u % 8 * 2, panel = at.row * 2 + second;
    const float *gate = c + second * blockFloats + row * 32, *ds = c + 2 * blockFloats + u * 64;
    __m512 dGate[2][2], dUp[2][2], out[2][2];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
      const __m512 g = _mm512_load_ps(gate + i * 16), up = _mm512_load_ps(gate + 512 + i * 16), d = _mm512_load_ps(ds + i * 16);
      const __m512 sigmoid = quickSigmoid(g), s = g * sigmoid;
      out[i / 2][i % 2] = s * up;
      dUp[i / 2][i % 2] = d * s;
      dGate[i / 2][i % 2] = d * up * (sigmoid + s - s * sigmoid);
    }
    storePairs(paired + panel * stepElements + row / 2 * 32, dGate[0], dGate[1]);
    storePairs(paired + panel * stepElements + (8 + row / 2) * 32, dUp[0], dUp[1]);
    for (int i = 0; i < 2; i++) {
      _mm512_store_si512(hidden + at.row * stride + (2 * u + i) * 32, roundRow(out[i][0], out[i][1]));
      _mm512_store_si512(gates + panel * stride + (row + i) * 32, roundRow(dGate[i][0], dGate[i][1]));
      _mm512_store_si512(gates + panel * stride + (16 + row + i) * 32, roundRow(dUp[i][0], dUp[i][1]));
    }
  }
};

// Rounds the gradient of h: the residual's and the product's.
struct AddTokensGrad {
  const Bf16* ds;  // [tokens][32]
  Bf16* dh;
  int64_t tokens, stride, cols;

  void expect(const BlockPlace&) {}
  int64_t units(const BlockPlace& at) const { return tokens - at.row * 32 < 32 ? tokens - at.row * 32 : 32; }
  WHORL_MEMBER void unit(const BlockPlace& at, int64_t u, const float* c) {
    const int64_t row = at.row * 32 + u;
    const Words d = _mm512_load_si512(ds + row * 32);
    storeWords(dh + row * stride, roundRow(_mm512_load_ps(c + u * 32) + widenLow(d), _mm512_load_ps(c + u * 32 + 16) + widenHigh(d)), cols);
  }
};

WHORL_INLINE void fetchBlock(const float* c, int64_t stride) {
  for (int64_t i = 0; i < 32; i++) {
    __builtin_prefetch(c + i * stride, 1, 3);
    __builtin_prefetch(c + i * stride + 16, 1, 3);
  }
}

// c (+)= left . right for the sums over channels: blocks of c stay in memory between rows.
static void addChannels(float* c, int64_t width, const Panels& left, const Panels& right, int64_t steps, bool isFirst) {
  NoSide none;
  for (int64_t i = 0; i < left.count(); i++)
    for (int64_t j = 0; j < right.count(); j++) {
      float* block = c + i * 32 * width + j * 32;
      fetchBlock(j + 1 < right.count() ? block + 32 : c + (i + 1) * 32 * width, width);
      multiplyAt<true>(left, right, {i, j}, steps, {block, width}, isFirst ? nullptr : block, none);
    }
}

// dGateUp[N][tokens] and dDown[tokens][half] += the sums of a call
static void addWeightGrads(const TokenMlp& m, const TokenKept& kept, float* dGateUp, float* dDown) {
  for (int64_t n = 0; n < 2 * m.half; n++) {
    const int64_t i = n % m.half, row = i / 16 * 32 + i % 16 + (n < m.half ? 0 : 16);
    const float* from = kept.dGateUp + row * kept.width;
    mapInto(dGateUp + n * m.tokens, m.tokens, [](Vector a, Vector b) __attribute__((always_inline)) { return a + b; },
            dGateUp + n * m.tokens, from);
  }
  for (int64_t n = 0; n < m.half; n += lanes)
    for (int64_t t = 0; t < m.tokens; t += lanes) {
      Vector block[lanes];
      loadBlock(block, kept.dDownT + n * kept.width + t, kept.width, lanes, lanes);
      transpose(block);
      for (int64_t i = 0; i < lanes && t + i < m.tokens; i++) {
        float* to = dDown + (t + i) * m.half + n;
        storeUpTo(to, loadUpTo(to, m.half - n) + block[i], m.half - n);
      }
    }
}

// Blocks in L1, and right panels of one panel of channels
struct TokenGradScratch {
  float *blocks, *sums;
  Bf16 *input, *ds, *dsPaired, *paired;

  TokenGradScratch(const TokenMlp& m, void* scratch) {
    blocks = static_cast<float*>(scratch);
    sums = blocks + 6 * blockFloats;
    input = (Bf16*)(sums + panelsOf(m.tokens) * blockFloats);
    dsPaired = input + m.inSteps() * stepElements;
    paired = dsPaired + m.inSteps() * stepElements;
    ds = paired + m.gatePanels() * stepElements;
  }
};

// Gates, hidden values and their gradients of one panel of channels
static void gateTokensGrad(const TokenMlp& m, const Panels& gateUp, const Panels& downT, const TokenGradScratch& s, GateTokensGrad& finish, int64_t cols) {
  Pipeline<GateTokensGrad, 3 * blockFloats> pipeline = {finish, s.blocks};
  const Panels input = {s.input, 0, cols}, ds = {s.dsPaired, 0, cols};
  for (int64_t i = 0; i < m.hiddenPanels(); i++) {
    float* c = pipeline.begin({i, 0}, 3 * m.inSteps());
    multiplyAt<false>(gateUp, input, {2 * i, 0}, m.inSteps(), {c}, nullptr, pipeline);
    if (2 * i + 1 < m.gatePanels())
      multiplyAt<false>(gateUp, input, {2 * i + 1, 0}, m.inSteps(), {c + blockFloats}, nullptr, pipeline);
    multiplyAt<false>(downT, ds, {i, 0}, m.inSteps(), {c + 2 * blockFloats}, nullptr, pipeline);
    pipeline.end({i, 0}, c);
  }
  pipeline.flush();
}

static void tokenMlpGrad(const Args& args) {
  const TokenMlp m(args);
  const int64_t D = m.channels, steps = stepsOf(D), gateSteps = m.gatePanels();
  const TileUnit unit;
  const TokenKept kept(m, (float*)args.p[10]);
  const TokenGradScratch s(m, args.scratch);
  const Panels gateUpT = {(const Bf16*)args.p[2], gateSteps * stepElements, m.tokens};
  const Panels downT = {(const Bf16*)args.p[3], m.inSteps() * stepElements, m.half};
  for (int64_t r = 0; r < m.rows; r++) {
    for (int64_t d = 0; d < D; d += 32) {
      const int64_t at = r * m.tokens * D + d, cols = D - d < 32 ? D - d : 32, step = d / 32 * stepElements;
      const Bf16 *h = (const Bf16*)args.p[0] + at, *y = (const Bf16*)args.p[4] + at, *dy = (const Bf16*)args.p[6] + at;
      normTokensGrad(s.ds, y, (const float*)args.p[5] + r * D + d, dy, m.tokens, D, cols);
      packPanels<packRight>(s.input, 0, h, D, m.tokens, cols);
      packPanels<packRight>(s.dsPaired, 0, s.ds, 32, m.tokens, cols);
      packPanels<packRightTransposed>(kept.input + step, kept.stride, h, D, m.tokens, cols);
      packPanels<packRightTransposed>(kept.sum + step, kept.stride, s.ds, 32, m.tokens, cols);
      GateTokensGrad gate = {s.paired, kept.hidden + step, kept.gates + step, kept.stride, m.half};
      gateTokensGrad(m, m.gateUp(args.p[1]), downT, s, gate, cols);
      AddTokensGrad add = {s.ds, (Bf16*)args.p[9] + at, m.tokens, D, cols};
      Pipeline<AddTokensGrad> adds = {add, s.blocks};
      for (int64_t g = 0; g < gateSteps; g += nearSteps) {
        const int64_t here = gateSteps - g < nearSteps ? gateSteps - g : nearSteps, offset = g * stepElements;
        multiplyPanels<false>({gateUpT.base + offset, gateUpT.stride, m.tokens}, {s.paired + offset, 0, cols}, here, adds,
                              {s.sums, g == 0, g + here == gateSteps});
      }
      adds.flush();
    }
    addChannels(kept.dGateUp, kept.width, {kept.gates, kept.stride, gateSteps * 32}, {kept.input, kept.stride, m.tokens}, steps, r == 0);
    addChannels(kept.dDownT, kept.width, {kept.hidden, kept.stride, m.half}, {kept.sum, kept.stride, m.tokens}, steps, r == 0);
  }
  if (m.rows > 0) addWeightGrads(m, kept, (float*)args.p[7], (float*)args.p[8]);
}
