// The bfloat16 products of kernels that are not fused further, on the panels of amx.h.

// Rounds rows of a block to bfloat16: y[row][col], `stride` elements apart.
struct StoreRounded {
  Bf16* y;
  int64_t rows, cols, stride;

  void expect(const BlockPlace&) {}
  int64_t units(const BlockPlace& at) const { return rows - at.row * 32 < 32 ? rows - at.row * 32 : 32; }
  WHORL_MEMBER void unit(const BlockPlace& at, int64_t u, const float* c) {
    const Words row = roundRow(_mm512_load_ps(c + u * 32), _mm512_load_ps(c + u * 32 + 16));
    storeWords(y + (at.row * 32 + u) * stride + at.col * 32, row, cols - at.col * 32);
  }
};

struct RowProduct {
  const Bf16* x;
  int64_t rows, depth;    // x[rows][depth]
  const Bf16* weights;    // right panels
  int64_t cols;
};

constexpr int64_t packedBytes = 1 << 20;     // of x: half of L2
constexpr int64_t longDepthCols = 512;       // columns at a time if sums are kept in memory
constexpr int64_t longDepthRows = 416;       // rows: 1.7 MiB of x, weights and sums together

// x . weights in blocks of rows; `finishAt(row, col)` makes what finishes the blocks from there.
template <class FinishAt>
static void multiplyRows(const RowProduct& p, void* scratch, FinishAt finishAt) {
  const int64_t steps = stepsOf(p.depth), stride = steps * stepElements;
  float* blocks = static_cast<float*>(scratch);
  float* sums = blocks + 2 * blockFloats;
  const bool isLong = steps > nearSteps;
  Bf16* input = (Bf16*)(sums + (isLong ? longDepthRows * longDepthCols : 0));
  const int64_t partSteps = isLong ? nearSteps : steps;
  const int64_t most = isLong ? longDepthRows : packedBytes / (64 * steps) / 32 * 32;
  const int64_t count = (p.rows + most - 1) / most, height = panelsOf((p.rows + count - 1) / count) * 32;
  const int64_t width = isLong ? longDepthCols : p.cols;
  for (int64_t row = 0; row < p.rows; row += height)
    for (int64_t col = 0; col < p.cols; col += width) {
      const int64_t rows = p.rows - row < height ? p.rows - row : height, cols = p.cols - col < width ? p.cols - col : width;
      auto finish = finishAt(row, col);
      Pipeline<decltype(finish)> pipeline = {finish, blocks};
      for (int64_t s = 0; s < steps; s += partSteps) {
        const int64_t here = steps - s < partSteps ? steps - s : partSteps, depth = p.depth - s * 32;
        packPanels<packLeft>(input, here * stepElements, p.x + row * p.depth + s * 32, p.depth, rows, depth < here * 32 ? depth : here * 32);
        multiplyPanels<false>({input, here * stepElements, rows}, {p.weights + col / 32 * stride + s * stepElements, stride, cols},
                              here, pipeline, {sums, s == 0, s + here == steps});
      }
      pipeline.flush();
    }
}

WHORL_INLINE void addRow(float* to, const float* row, int64_t n) {
  storeUpTo(to, loadUpTo(to, n) + load(row), n);
  if (n > 16) storeUpTo(to + 16, loadUpTo(to + 16, n - 16) + load(row + 16), n - 16);
}

// Adds blocks to a float32 matrix, whose lines are fetched while the block before is multiplied.
struct AddTo {
  float* c;
  int64_t rows, cols, stride;

  void expect(const BlockPlace& at) {
    const float* first = c + at.row * 32 * stride + at.col * 32;
    for (int64_t i = 0; i < units(at); i++) {
      __builtin_prefetch(first + i * stride, 1, 3);
      __builtin_prefetch(first + i * stride + 16, 1, 3);
    }
  }
  int64_t units(const BlockPlace& at) const { return rows - at.row * 32 < 32 ? rows - at.row * 32 : 32; }
  WHORL_MEMBER void unit(const BlockPlace& at, int64_t u, const float* block) {
    addRow(c + (at.row * 32 + u) * stride + at.col * 32, block + u * 32, cols - at.col * 32);
  }
};

// One panel (left or right) against all of the other side, in parts of the depth that leave it in L1. `sums` has a block for
// every panel of the other side.
template <bool isLeft, class Finish>
static void multiplyPanel(const Panels& panel, const Panels& others, int64_t steps, float* blocks, float* sums, Finish finish) {
  Pipeline<Finish> pipeline = {finish, blocks};
  const int64_t parts = (steps + nearSteps - 1) / nearSteps, most = (steps + parts - 1) / parts;
  for (int64_t s = 0; s < steps; s += most) {
    const int64_t here = steps - s < most ? steps - s : most;
    const Panels near = panel.after(s), far = others.after(s);
    multiplyPanels<isLeft>(isLeft ? near : far, isLeft ? far : near, here, pipeline, {sums, s == 0, s + here == steps});
  }
  pipeline.flush();
}

// c[N][K] += sum over rows of dy[row][n] x[row][k]. The smaller of the two is packed whole and streams from L2, the other
// panel by panel.
static void addOuterProducts(float* c, const Bf16* dy, const Bf16* x, int64_t M, int64_t N, int64_t K, void* scratch) {
  const int64_t smaller = panelsOf(N < K ? N : K), fitting = packedBytes / (64 * smaller) / 32 * 32, most = fitting < 32 ? 32 : fitting;
  const int64_t count = (M + most - 1) / most, height = panelsOf((M + count - 1) / count) * 32;
  float* blocks = static_cast<float*>(scratch);
  float* sums = blocks + 2 * blockFloats;
  Bf16* panel = (Bf16*)(sums + smaller * blockFloats);
  for (int64_t m = 0; m < M; m += height) {
    const int64_t rows = M - m < height ? M - m : height, steps = stepsOf(rows), stride = steps * stepElements;
    const Bf16 *left = dy + m * N, *right = x + m * K;
    Bf16* whole = panel + stride;
    if (K <= N) {
      packPanels<packRight>(whole, stride, right, K, rows, K);
      for (int64_t n = 0; n < N; n += 32) {
        const int64_t size = N - n < 32 ? N - n : 32;
        packPanels<packLeftTransposed>(panel, stride, left + n, N, rows, size);
        multiplyPanel<true>({panel, 0, size}, {whole, stride, K}, steps, blocks, sums, AddTo{c + n * K, size, K, K});
      }
    } else {
      packPanels<packLeftTransposed>(whole, stride, left, N, rows, N);
      for (int64_t k = 0; k < K; k += 32) {
        const int64_t size = K - k < 32 ? K - k : 32;
        packPanels<packRight>(panel, stride, right + k, K, rows, size);
        multiplyPanel<false>({panel, 0, size}, {whole, stride, N}, steps, blocks, sums, AddTo{c + k, N, size, K});
      }
    }
  }
}
