// linear in bfloat16: y[M,N] = x[M,K] . w[N,K]^T with w packed ahead, and its gradients.
//   x w y | M K N        dy w dx | M K N        dy x dw(accumulated, float32) | M K N

static void linear(const Args& args) {
  const int64_t M = args.n[0], K = args.n[1], N = args.n[2];
  Bf16* y = (Bf16*)args.p[2];
  const TileUnit unit;
  multiplyRows({(const Bf16*)args.p[0], M, K, (const Bf16*)args.p[1], N}, args.scratch,
               [=](int64_t row, int64_t col) { return StoreRounded{y + row * N + col, M - row, N - col, N}; });
}

static void linearGradInput(const Args& args) {
  const int64_t M = args.n[0], K = args.n[1], N = args.n[2];
  Bf16* dx = (Bf16*)args.p[2];
  const TileUnit unit;
  multiplyRows({(const Bf16*)args.p[0], M, N, (const Bf16*)args.p[1], K}, args.scratch,
               [=](int64_t row, int64_t col) { return StoreRounded{dx + row * K + col, M - row, K - col, K}; });
}

static void linearGradWeight(const Args& args) {
  const TileUnit unit;
  addOuterProducts((float*)args.p[2], (const Bf16*)args.p[0], (const Bf16*)args.p[1], args.n[0], args.n[2], args.n[1], args.scratch);
}
