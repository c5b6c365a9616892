// packWeight: a float32 weight w[N,K] rounded to bfloat16 and packed into panels for the products (isa/amx.h).
//   w packed | N K | side(0 left, 1 right) transposed gated
// Panels run over N with depth K; transposed, over K with depth N. Gated: N are gates and then what they gate, in halves;
// 16 of the one and 16 of the other take turns, so that a product has both at hand.

static void packWeight(const Args& args) {
  const int64_t N = args.n[0], K = args.n[1], half = N / 2, width = stepsOf(K) * 32;
  const float* w = (const float*)args.p[0];
  const bool isRight = args.f[0] != 0, isTransposed = args.f[1] != 0, isGated = args.f[2] != 0;
  Bf16* stripe = (Bf16*)args.scratch;  // 32 rows
  const int64_t stripes = isGated ? (half + 15) / 16 : panelsOf(N);
  const int64_t panel = stepElements * (isTransposed ? stripes : stepsOf(K));
  for (int64_t i = 0; i < stripes; i++) {
    for (int64_t r = 0; r < 32; r++) {
      const int64_t row = isGated ? i * 16 + r % 16 : i * 32 + r, limit = isGated ? half : N;
      const float* from = w + (row + (isGated && r >= 16 ? half : 0)) * K;
      for (int64_t k = 0; k < width; k += 32) {
        const int64_t left = row < limit ? K - k : 0;
        const Vector low = loadUpTo(from + k, left), high = loadUpTo(from + k + 16, left - 16);
        _mm512_store_si512(stripe + r * width + k, roundRow((__m512)low, (__m512)high));
      }
    }
    for (int64_t j = 0; j < stepsOf(K); j++) {
      Bf16* to = (Bf16*)args.p[1] + (isTransposed ? j * panel + i * stepElements : i * panel + j * stepElements);
      const Bf16* from = stripe + j * 32;
      if (isRight && isTransposed)
        packRightStep(to, from, width, 32, 32);
      else if (isRight)
        packRightTransposedStep(to, from, width, 32, 32);
      else if (isTransposed)
        packLeftTransposedStep(to, from, width, 32, 32);
      else
        packLeftStep(to, from, width, 32, 32);
    }
  }
}
