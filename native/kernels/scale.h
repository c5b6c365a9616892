// scale: y = c * x (y may alias x); fill: y = c.
//   x y | n | c          y | n | c

template <class T>
static void scale(const Args& args) {
  const float c = float(args.f[0]);
  mapInto((T*)args.p[1], args.n[0], [c](Vector x) __attribute__((always_inline)) { return x * c; },
          (const T*)args.p[0]);
}

template <class T>
static void fill(const Args& args) {
  const Vector c = splat(float(args.f[0]));
  T* y = (T*)args.p[0];
  for (int64_t i = 0; i < args.n[0]; i += lanes) storeUpTo(y + i, c, args.n[0] - i);
}
