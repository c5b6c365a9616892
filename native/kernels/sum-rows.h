// sumRows: db[n] += sum over r of dy[R,n], the gradient of a broadcast. The rows are summed before they meet db.
//   dy db(accumulated) | R n

template <class T>
static void sumRows(const Args& args) {
  const int64_t R = args.n[0], n = args.n[1];
  const T* dy = (const T*)args.p[0];
  float* db = (float*)args.p[1];
  for (int64_t j = 0; j < n; j += lanes) {
    const int64_t left = n - j;
    Vector sums[4] = {};
    for (int64_t r = 0; r < R; r++) sums[r & 3] += loadUpTo(dy + r * n + j, left);
    storeUpTo(db + j, loadUpTo(db + j, left) + ((sums[0] + sums[1]) + (sums[2] + sums[3])), left);
  }
}
