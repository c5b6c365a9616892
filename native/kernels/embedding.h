// embedding: y[m] = table[ids[m]] (zeros for an id outside 0..V-1); embeddingGrad: dtable[ids[m]] += dy[m], in order of m.
//   ids table y | M V D          ids dy dtable(accumulated) | M V D

template <class T>
static void embedding(const Args& args) {
  const int64_t M = args.n[0], V = args.n[1], D = args.n[2];
  const int32_t* ids = (const int32_t*)args.p[0];
  const float* table = (const float*)args.p[1];
  T* y = (T*)args.p[2];
  for (int64_t m = 0; m < M; m++) {
    if (ids[m] >= 0 && ids[m] < V)
      copyInto(y + m * D, table + ids[m] * D, D);
    else
      __builtin_memset(y + m * D, 0, size_t(D) * sizeof(T));
  }
}

template <class T>
static void embeddingGrad(const Args& args) {
  const int64_t M = args.n[0], V = args.n[1], D = args.n[2];
  const int32_t* ids = (const int32_t*)args.p[0];
  const T* dy = (const T*)args.p[1];
  float* dtable = (float*)args.p[2];
  for (int64_t m = 0; m < M; m++) {
    if (ids[m] < 0 || ids[m] >= V) continue;
    float* to = dtable + ids[m] * D;
    mapInto(to, D, [](Vector a, Vector b) __attribute__((always_inline)) { return a + b; }, to, dy + m * D);
  }
}
