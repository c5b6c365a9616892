// linear: y[M,N] = x[M,K] . w[N,K]^T, and its two gradients.
//   x w y | M K N        dy w dx | M K N        dy x dw(accumulated) | M K N

static void linear(const Args& args) {
  const int64_t M = args.n[0], K = args.n[1], N = args.n[2];
  const float *x = (const float*)args.p[0], *w = (const float*)args.p[1];
  multiply({.a = x, .aRow = K, .aDepth = 1, .b = w, .bDepth = 1, .bCol = K, .c = (float*)args.p[2], .cRow = N,
            .rows = M, .cols = N, .depth = K, .accumulate = false},
           args.scratch);
}

static void linearGradInput(const Args& args) {
  const int64_t M = args.n[0], K = args.n[1], N = args.n[2];
  const float *dy = (const float*)args.p[0], *w = (const float*)args.p[1];
  multiply({.a = dy, .aRow = N, .aDepth = 1, .b = w, .bDepth = K, .bCol = 1, .c = (float*)args.p[2], .cRow = K,
            .rows = M, .cols = K, .depth = N, .accumulate = false},
           args.scratch);
}

static void linearGradWeight(const Args& args) {
  const int64_t M = args.n[0], K = args.n[1], N = args.n[2];
  const float *dy = (const float*)args.p[0], *x = (const float*)args.p[1];
  multiply({.a = dy, .aRow = 1, .aDepth = N, .b = x, .bDepth = K, .bCol = 1, .c = (float*)args.p[2], .cRow = K,
            .rows = N, .cols = K, .depth = M, .accumulate = true},
           args.scratch);
}
