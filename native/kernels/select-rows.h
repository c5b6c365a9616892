// selectRows: y_r = flag_r ? init, repeated over L : x_r. A copy, never a product: x_r may hold NaN where flag_r is set.
//   flag init x y | R L D        (y may alias x)

static void selectRows(const Args& args) {
  const int64_t R = args.n[0], L = args.n[1], D = args.n[2];
  const int32_t* flag = (const int32_t*)args.p[0];
  const float *init = (const float*)args.p[1], *x = (const float*)args.p[2];
  float* y = (float*)args.p[3];
  for (int64_t r = 0; r < R; r++) {
    float* to = y + r * L * D;
    if (flag[r])
      for (int64_t l = 0; l < L; l++) __builtin_memcpy(to + l * D, init, size_t(D) * 4);
    else if (x != y)
      __builtin_memcpy(to, x + r * L * D, size_t(L * D) * 4);
  }
}
