// multiply: y = a * b; multiplyBroadcast: y[R,n] = x[R,n] * b[n].          (y may alias any input of its type)
//   a b y | n          x b y | R n

template <class T>
static void multiply(const Args& args) {
  mapInto((T*)args.p[2], args.n[0], [](Vector a, Vector b) __attribute__((always_inline)) { return a * b; },
          (const T*)args.p[0], (const T*)args.p[1]);
}

template <class T>
static void multiplyBroadcast(const Args& args) {
  const int64_t R = args.n[0], n = args.n[1];
  for (int64_t r = 0; r < R; r++)
    mapInto((T*)args.p[2] + r * n, n, [](Vector a, Vector b) __attribute__((always_inline)) { return a * b; },
            (const T*)args.p[0] + r * n, (const float*)args.p[1]);
}
