// selectRows: y_r = flag_r ? init, repeated over L : x_r; chooseRows: y_r = flag_r ? a_r : b_r; repeatRows: y_r = x. Copies,
// never products: what is not chosen may hold NaN.
//   flag init x y | R L D        flag a b y | R n        x y | R n        (y may alias x or b)

template <class T>
static void selectRows(const Args& args) {
  const int64_t R = args.n[0], L = args.n[1], D = args.n[2];
  const int32_t* flag = (const int32_t*)args.p[0];
  const float* init = (const float*)args.p[1];
  const T* x = (const T*)args.p[2];
  T* y = (T*)args.p[3];
  for (int64_t r = 0; r < R; r++) {
    T* to = y + r * L * D;
    if (flag[r])
      for (int64_t l = 0; l < L; l++) copyInto(to + l * D, init, D);
    else
      copyInto(to, x + r * L * D, L * D);
  }
}

template <class T>
static void chooseRows(const Args& args) {
  const int64_t R = args.n[0], n = args.n[1];
  for (int64_t r = 0; r < R; r++)
    copyInto((T*)args.p[3] + r * n, (const T*)args.p[((const int32_t*)args.p[0])[r] ? 1 : 2] + r * n, n);
}

template <class T>
static void repeatRows(const Args& args) {
  for (int64_t r = 0; r < args.n[0]; r++)
    copyInto((T*)args.p[1] + r * args.n[1], (const float*)args.p[0], args.n[1]);
}
