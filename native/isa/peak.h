// The multiply-add peak of one thread: a loop that touches registers only. The yardstick for shares of the peak.

static double multiplyAdds(int64_t rounds) {
  constexpr int chains = 12;  // covers latency x ports, and fits 16 registers
  Vector sums[chains];
  for (int i = 0; i < chains; i++) sums[i] = splat(float(i + 1));
  Vector factor = splat(0.9999999f), term = splat(1e-7f);
  for (int64_t round = 0; round < rounds; round++) {
    __asm__ volatile("" : "+m"(rounds));  // keeps the loop from being folded
#pragma GCC unroll 64
    for (int repeat = 0; repeat < 16; repeat++)
#pragma GCC unroll 16
      for (int i = 0; i < chains; i++) sums[i] = sums[i] * factor + term;
  }
  Vector total{};
  for (int i = 0; i < chains; i++) total += sums[i];
  volatile float sink = sum(total);
  (void)sink;
  return double(rounds) * 16 * chains * lanes * 2;
}
