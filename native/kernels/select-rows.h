// selectRows: y_r = flag_r ? init, repeated over L : x_r. A copy, never a product: x_r may hold NaN where flag_r is set.
//   flag init x y | R L D        (y may alias x)

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
