// slice, pad (its gradient) and concat: copies along the middle axis of [outer, n, inner].
//   x y | outer n m start inner      x y | outer n m start inner      a b y | outer na nb inner

static void slice(const Args& args) {
  const int64_t outer = args.n[0], n = args.n[1], m = args.n[2], start = args.n[3], inner = args.n[4];
  const float* x = (const float*)args.p[0];
  float* y = (float*)args.p[1];
  for (int64_t o = 0; o < outer; o++)
    __builtin_memmove(y + o * m * inner, x + (o * n + start) * inner, size_t(m * inner) * 4);
}

static void pad(const Args& args) {
  const int64_t outer = args.n[0], n = args.n[1], m = args.n[2], start = args.n[3], inner = args.n[4];
  const float* x = (const float*)args.p[0];
  float* y = (float*)args.p[1];
  for (int64_t o = 0; o < outer; o++) {
    float* to = y + o * n * inner;
    __builtin_memset(to, 0, size_t(start * inner) * 4);
    __builtin_memcpy(to + start * inner, x + o * m * inner, size_t(m * inner) * 4);
    __builtin_memset(to + (start + m) * inner, 0, size_t((n - start - m) * inner) * 4);
  }
}

static void concat(const Args& args) {
  const int64_t outer = args.n[0], a = args.n[1] * args.n[3], b = args.n[2] * args.n[3];
  float* y = (float*)args.p[2];
  for (int64_t o = 0; o < outer; o++) {
    __builtin_memcpy(y + o * (a + b), (const float*)args.p[0] + o * a, size_t(a) * 4);
    __builtin_memcpy(y + o * (a + b) + a, (const float*)args.p[1] + o * b, size_t(b) * 4);
  }
}
