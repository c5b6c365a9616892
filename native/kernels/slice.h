// slice, pad (its gradient) and concat: copies along the middle axis of [outer, n, inner].
//   x y | outer n m start inner      x y | outer n m start inner      a b y | outer na nb inner

template <class T>
static void slice(const Args& args) {
  const int64_t outer = args.n[0], n = args.n[1], m = args.n[2], start = args.n[3], inner = args.n[4];
  const T* x = (const T*)args.p[0];
  T* y = (T*)args.p[1];
  for (int64_t o = 0; o < outer; o++)
    __builtin_memmove(y + o * m * inner, x + (o * n + start) * inner, size_t(m * inner) * sizeof(T));
}

template <class T>
static void pad(const Args& args) {
  const int64_t outer = args.n[0], n = args.n[1], m = args.n[2], start = args.n[3], inner = args.n[4];
  const T* x = (const T*)args.p[0];
  T* y = (T*)args.p[1];
  for (int64_t o = 0; o < outer; o++) {
    T* to = y + o * n * inner;
    __builtin_memset(to, 0, size_t(start * inner) * sizeof(T));
    __builtin_memcpy(to + start * inner, x + o * m * inner, size_t(m * inner) * sizeof(T));
    __builtin_memset(to + (start + m) * inner, 0, size_t((n - start - m) * inner) * sizeof(T));
  }
}

template <class T>
static void concat(const Args& args) {
  const int64_t outer = args.n[0], a = args.n[1] * args.n[3], b = args.n[2] * args.n[3];
  T* y = (T*)args.p[2];
  for (int64_t o = 0; o < outer; o++) {
    __builtin_memcpy(y + o * (a + b), (const T*)args.p[0] + o * a, size_t(a) * sizeof(T));
    __builtin_memcpy(y + o * (a + b) + a, (const T*)args.p[1] + o * b, size_t(b) * sizeof(T));
  }
}
