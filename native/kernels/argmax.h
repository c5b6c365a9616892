// argmax: index of the first largest value of each row.
//   x y | M V

template <class T>
static void argmax(const Args& args) {
  const int64_t M = args.n[0], V = args.n[1];
  for (int64_t m = 0; m < M; m++) {
    const T* x = (const T*)args.p[0] + m * V;
    int64_t best = 0;
    for (int64_t i = 1; i < V; i++)
      if (x[i] > x[best]) best = i;
    ((int32_t*)args.p[1])[m] = int32_t(best);
  }
}
