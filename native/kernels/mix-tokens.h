// mixTokens: y_r[N,D] = w[N,K] . x_r[K,D] for every row r (a linear layer over positions), and its two gradients.
//   x w y | R K N D      dy w dx | R K N D      dy x dw(accumulated) | R K N D

static void mixTokens(const Args& args) {
  const int64_t R = args.n[0], K = args.n[1], N = args.n[2], D = args.n[3];
  const float *x = (const float*)args.p[0], *w = (const float*)args.p[1];
  multiply({.a = w, .aRow = K, .aDepth = 1, .b = x, .bDepth = D, .bCol = 1, .c = (float*)args.p[2], .cRow = D,
            .rows = N, .cols = D, .depth = K, .accumulate = false, .outer = R, .bOuter = K * D, .cOuter = N * D},
           args.scratch);
}

static void mixTokensGradInput(const Args& args) {
  const int64_t R = args.n[0], K = args.n[1], N = args.n[2], D = args.n[3];
  const float *dy = (const float*)args.p[0], *w = (const float*)args.p[1];
  multiply({.a = w, .aRow = 1, .aDepth = K, .b = dy, .bDepth = D, .bCol = 1, .c = (float*)args.p[2], .cRow = D,
            .rows = K, .cols = D, .depth = N, .accumulate = false, .outer = R, .bOuter = N * D, .cOuter = K * D},
           args.scratch);
}

// to[N,K] += from[K,N]^T
static void addTransposed(float* to, int64_t toRow, const float* from, int64_t fromRow, int64_t N, int64_t K) {
  for (int64_t k = 0; k < K; k += lanes)
    for (int64_t n = 0; n < N; n += lanes) {
      Vector block[lanes];
      loadBlock(block, from + k * fromRow + n, fromRow, K - k, N - n);
      transpose(block);
      const int64_t count = N - n < lanes ? N - n : lanes;
      for (int64_t i = 0; i < count; i++) {
        float* at = to + (n + i) * toRow + k;
        storeUpTo(at, loadUpTo(at, K - k) + block[i], K - k);
      }
    }
}

// dw[N,K]: K is a position count (36, 97), a poor vector width, while N is a hidden width. Where padding K to vectors
// would waste more than an eighth, dw^T[K,N] is computed block by block in scratch and added transposed.
static void mixTokensGradWeight(const Args& args) {
  const int64_t R = args.n[0], K = args.n[1], N = args.n[2], D = args.n[3];
  const float *dy = (const float*)args.p[0], *x = (const float*)args.p[1];
  float* dw = (float*)args.p[2];
  const int64_t padded = (K + lanes - 1) / lanes * lanes;
  const int64_t width = K > 0 ? blockCFloats / K / panelCols * panelCols : 0;
  if (8 * (padded - K) <= K || N < panelCols || width < panelCols) {
    multiply({.a = dy, .aRow = D, .aDepth = 1, .b = x, .bDepth = 1, .bCol = D, .c = dw, .cRow = K, .rows = N,
              .cols = K, .depth = D, .accumulate = true, .batches = R, .aBatch = N * D, .bBatch = K * D},
             args.scratch);
    return;
  }
  float* block = static_cast<float*>(args.scratch) + packedBFloats + packedAFloats;
  for (int64_t n = 0; n < N; n += width) {
    const int64_t cols = N - n < width ? N - n : width;
    multiply({.a = x, .aRow = D, .aDepth = 1, .b = dy + n * D, .bDepth = 1, .bCol = D, .c = block, .cRow = cols,
              .rows = K, .cols = cols, .depth = D, .accumulate = false, .batches = R, .aBatch = K * D, .bBatch = N * D},
             args.scratch);
    addTransposed(dw + n * K, K, block, cols, cols, K);
  }
}
