// mixTokens in bfloat16: y_r[N,D] = w[N,K] . x_r[K,D] for every row r, with w packed ahead, and its gradients.
//   x w y | R K N D      dy w dx | R K N D      dy x dw(accumulated, float32) | R K N D
// The general form; tokenMlp is the fused one that TRM's layers use.

// to_r[out,D] = weights[out,in] . from_r[in,D]
static void mixRows(const Args& args, int64_t in, int64_t out) {
  const int64_t R = args.n[0], D = args.n[3], steps = stepsOf(in);
  const TileUnit unit;
  float* blocks = static_cast<float*>(args.scratch);
  Bf16* input = (Bf16*)(blocks + 2 * blockFloats);
  const Panels left = {(const Bf16*)args.p[1], steps * stepElements, out};
  for (int64_t r = 0; r < R; r++)
    for (int64_t d = 0; d < D; d += 32) {
      const int64_t cols = D - d < 32 ? D - d : 32;
      packPanels<packRight>(input, 0, (const Bf16*)args.p[0] + r * in * D + d, D, in, cols);
      StoreRounded finish = {(Bf16*)args.p[2] + r * out * D + d, out, cols, D};
      Pipeline<StoreRounded> pipeline = {finish, blocks};
      multiplyPanels<false>(left, {input, 0, cols}, steps, pipeline);
      pipeline.flush();
    }
}

static void mixTokens(const Args& args) { mixRows(args, args.n[1], args.n[2]); }
static void mixTokensGradInput(const Args& args) { mixRows(args, args.n[2], args.n[1]); }

static void mixTokensGradWeight(const Args& args) {
  const int64_t R = args.n[0], K = args.n[1], N = args.n[2], D = args.n[3], steps = stepsOf(D), stride = steps * stepElements;
  const TileUnit unit;
  float* blocks = static_cast<float*>(args.scratch);
  Bf16* left = (Bf16*)(blocks + 2 * blockFloats);
  Bf16* right = left + stride;
  AddTo finish = {(float*)args.p[2], N, K, K};
  for (int64_t r = 0; r < R; r++) {
    Pipeline<AddTo> pipeline = {finish, blocks};
    packPanels<packRightTransposed>(right, stride, (const Bf16*)args.p[1] + r * K * D, D, K, D);
    for (int64_t n = 0; n < N; n += 32) {
      const int64_t rows = N - n < 32 ? N - n : 32;
      packPanels<packLeft>(left, stride, (const Bf16*)args.p[0] + (r * N + n) * D, D, rows, D);
      for (int64_t j = 0; j < panelsOf(K); j++) {
        float* block = pipeline.begin({n / 32, j}, steps);
        multiplyAt<true>({left, 0, rows}, {right, stride, K}, {0, j}, steps, {block}, nullptr, pipeline);
        pipeline.end({n / 32, j}, block);
      }
    }
    pipeline.flush();
  }
}
