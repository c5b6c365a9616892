// swiglu: s = silu(gate) * up with gate and up the halves of each row of gu, and its gradient.
//   gu s | outer half          gu ds dgu | outer half       (dgu may alias gu)

template <class T>
static void swiglu(const Args& args) {
  const int64_t outer = args.n[0], half = args.n[1];
  for (int64_t o = 0; o < outer; o++) {
    const T* gate = (const T*)args.p[0] + 2 * o * half;
    mapInto(
        (T*)args.p[1] + o * half, half,
        [](Vector g, Vector u) __attribute__((always_inline)) { return g * sigmoid(g) * u; }, gate, gate + half);
  }
}

template <class T>
static void swigluGrad(const Args& args) {
  const int64_t outer = args.n[0], half = args.n[1];
  for (int64_t o = 0; o < outer; o++) {
    const T *gate = (const T*)args.p[0] + 2 * o * half, *up = gate + half;
    const T* ds = (const T*)args.p[1] + o * half;
    T *dgate = (T*)args.p[2] + 2 * o * half, *dup = dgate + half;
    for (int64_t i = 0; i < half; i += lanes) {
      const int64_t left = half - i;
      const Vector g = loadUpTo(gate + i, left), u = loadUpTo(up + i, left), d = loadUpTo(ds + i, left);
      const Vector s = sigmoid(g);
      storeUpTo(dgate + i, d * u * (s * (1.0f + g * (1.0f - s))), left);
      storeUpTo(dup + i, d * (g * s), left);
    }
  }
}
