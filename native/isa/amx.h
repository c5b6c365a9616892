// Products of bfloat16 matrices on AMX: C[i,j] = sum_k A(i,k) B(k,j), summed in float32 by tiles of 16 x 16.
//
// Operands are packed into panels of 32 rows of A ("left") or 32 columns of B ("right"). A panel is a run of steps, one
// for each 32 of depth, of 2 KiB: two tiles of 1 KiB in the very form that the tile unit reads. So a block of 32 x 32
// of C reads two streams of memory, and runs four tile products a step. Rows, columns and depth are padded with zeros.
//   left  step: [2][16 rows][32 depth]                  right step: [2][16 pairs of depth][16 columns][2]
//
// What is done with a finished block (rounding, SwiGLU, sums) would leave the tile unit idle: it is spread over the
// steps of the next block by `Pipeline`.

#define WHORL_MEMBER inline __attribute__((always_inline))

constexpr int64_t panelRows = 32;        // rows of a left panel, columns of a right one
constexpr int64_t stepDepth = 32;        // depth of one step
constexpr int64_t stepElements = 1024;   // bfloat16 numbers of one step of a panel
constexpr int64_t blockFloats = 1024;    // 32 x 32 of C
constexpr int64_t nearSteps = 16;        // steps of what stays in L1: 32 KiB, and most of a part of the depth

WHORL_INLINE int64_t panelsOf(int64_t n) { return (n + panelRows - 1) / panelRows; }
WHORL_INLINE int64_t stepsOf(int64_t depth) { return (depth + stepDepth - 1) / stepDepth; }

// Tiles 0-3 hold the block of C, 4-5 rows of A, 6-7 columns of B. Lives as long as a kernel: a released tile state makes
// context switches cheap.
struct TileUnit {
  TileUnit() {
    struct alignas(64) {
      uint8_t palette = 1, startRow = 0, reserved[14] = {};
      uint16_t rowBytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
      uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
    } config;
    __asm__ volatile("" : : "r"(&config) : "memory");  // the intrinsics do not tell g++ what memory they read
    _tile_loadconfig(&config);
  }
  ~TileUnit() { _tile_release(); }
};

// 32 x 32 numbers of C, rows `stride` floats apart.
struct Block {
  float* c;
  int64_t stride = panelRows;
};

// c = from + left panel . right panel, or without `from`; `tall` x `wide` tiles of it (columns beyond are zero). The panel that stays is loaded so
// that it is kept in L1, the other past it. `side.step()` is called after every step.
template <int tall, int wide, bool leftStays, class Side>
WHORL_INLINE void multiplyBlock(const Bf16* a, const Bf16* b, int64_t steps, const Block& to, const float* from, Side& side) {
  const int64_t row = to.stride * 4, below = 16 * to.stride;
  __asm__ volatile("" : : : "memory");  // what was packed is in memory: see TileUnit
  if (from) {
    _tile_loadd(0, from, row);
    _tile_loadd(1, from + 16, row);
    if (tall > 1) _tile_loadd(2, from + below, row);
    if (tall > 1) _tile_loadd(3, from + below + 16, row);
  } else {
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
  }
  for (int64_t s = 0; s < steps; s++, a += stepElements, b += stepElements) {
    if (leftStays) _tile_loadd(4, a, 64); else _tile_stream_loadd(4, a, 64);
    if (leftStays) _tile_stream_loadd(6, b, 64); else _tile_loadd(6, b, 64);
    _tile_dpbf16ps(0, 4, 6);
    if (wide > 1) {
      if (leftStays) _tile_stream_loadd(7, b + 512, 64); else _tile_loadd(7, b + 512, 64);
      _tile_dpbf16ps(1, 4, 7);
    }
    if (tall > 1) {
      if (leftStays) _tile_loadd(5, a + 512, 64); else _tile_stream_loadd(5, a + 512, 64);
      _tile_dpbf16ps(2, 5, 6);
      if (wide > 1) _tile_dpbf16ps(3, 5, 7);
    }
    side.step();
  }
  _tile_stored(0, to.c, row);
  _tile_stored(1, to.c + 16, row);
  if (tall > 1) _tile_stored(2, to.c + below, row);
  if (tall > 1) _tile_stored(3, to.c + below + 16, row);
}

struct NoSide {
  WHORL_MEMBER void step() {}
};

// Panels of one operand, `stride` elements apart, `size` rows or columns in all.
struct Panels {
  const Bf16* base;
  int64_t stride, size;
  const Bf16* at(int64_t i) const { return base + i * stride; }
  int64_t count() const { return panelsOf(size); }
  Panels after(int64_t steps) const { return {base + steps * stepElements, stride, size}; }
  int tiles(int64_t i) const { return size - i * panelRows > 16 ? 2 : 1; }  // of a panel that hold anything
};

struct BlockPlace {
  int64_t row, col;  // panels
};

template <bool leftStays, class Side>
static void multiplyAt(const Panels& left, const Panels& right, const BlockPlace& at, int64_t steps, const Block& to,
                       const float* from, Side& side) {
  const int tall = left.tiles(at.row), wide = right.tiles(at.col);
  const Bf16 *a = left.at(at.row), *b = right.at(at.col);
  if (tall > 1 && wide > 1) return multiplyBlock<2, 2, leftStays>(a, b, steps, to, from, side);
  if (tall > 1) return multiplyBlock<2, 1, leftStays>(a, b, steps, to, from, side);
  if (wide > 1) return multiplyBlock<1, 2, leftStays>(a, b, steps, to, from, side);
  multiplyBlock<1, 1, leftStays>(a, b, steps, to, from, side);
}

// Finishes blocks while others are multiplied. Finish: `units(place)` pieces of work, of which `unit(place, u, c)` does
// one, c being the block; `expect(place)` is told which block comes. `size`: floats of what is finished at once.
template <class Finish, int64_t size = blockFloats>
struct Pipeline {
  Finish& finish;
  float* blocks;  // two, used in turn
  struct Work {
    BlockPlace place{};
    const float* c = nullptr;
    int64_t units = 0;
  } waiting{};
  int64_t turn = 0, done = 0, perStep = 0;

  float* begin(const BlockPlace& place, int64_t steps) {
    finish.expect(place);
    perStep = (waiting.units + steps - 1) / steps;
    turn ^= 1;
    return blocks + turn * size;
  }
  WHORL_MEMBER void step() {
    const int64_t end = done + perStep < waiting.units ? done + perStep : waiting.units;
    for (; done < end; done++) finish.unit(waiting.place, done, waiting.c);
  }
  void end(const BlockPlace& place, const float* c) {
    flush();
    waiting = {place, c, finish.units(place)};
  }
  void flush() {
    for (; done < waiting.units; done++) finish.unit(waiting.place, done, waiting.c);
    waiting.units = done = 0;
  }
};

// Part of a long depth: sums are kept in memory, block by block, until the last part finishes them.
struct DepthPart {
  float* sums = nullptr;
  bool isFirst = true, isLast = true;
};

// Fetches memory into L2 while something else goes on, some lines a step.
template <class Side>
struct Fetching {
  Side& side;
  const char*& next;
  int64_t lines;

  WHORL_MEMBER void step() {
    side.step();
    for (int64_t i = 0; i < lines; i++, next += 64) __builtin_prefetch(next, 0, 2);
  }
};

template <bool leftStays, class Side>
static void multiplyAndFetch(const Panels& left, const Panels& right, const BlockPlace& at, int64_t steps, const Block& to,
                             const float* from, Side& side, const char*& next, int64_t lines) {
  if (lines == 0) return multiplyAt<leftStays>(left, right, at, steps, to, from, side);
  Fetching<Side> both = {side, next, lines};
  multiplyAt<leftStays>(left, right, at, steps, to, from, both);
}

// All blocks of left x right. As many panels of one side as fit L1 stay there while the panels of the other stream past and
// the next ones are fetched.
template <bool leftStays, class Finish>
static void multiplyPanels(const Panels& left, const Panels& right, int64_t steps, Pipeline<Finish>& pipeline,
                           const DepthPart& part = {}) {
  const Panels &near = leftStays ? left : right, &far = leftStays ? right : left;
  const int64_t group = steps < nearSteps ? nearSteps / steps : 1;
  NoSide none;
  for (int64_t first = 0; first < near.count(); first += group) {
    const int64_t end = first + group < near.count() ? first + group : near.count();
    const int64_t lines = end < near.count() ? (32 + far.count() - 1) / far.count() : 0;  // a step of a panel is 32 lines
    const char* next = (const char*)near.at(end);
    for (int64_t f = 0; f < far.count(); f++)
      for (int64_t n = first; n < end; n++) {
        const BlockPlace at = leftStays ? BlockPlace{n, f} : BlockPlace{f, n};
        float* sum = part.sums + (at.row * right.count() + at.col) * blockFloats;
        const float* from = part.isFirst ? nullptr : sum;
        if (part.isLast) {
          float* c = pipeline.begin(at, steps);
          multiplyAndFetch<leftStays>(left, right, at, steps, {c}, from, pipeline, next, lines);
          pipeline.end(at, c);
        } else {
          multiplyAndFetch<leftStays>(left, right, at, steps, {sum}, from, none, next, lines);
        }
      }
  }
}

// --- packing. Sources are row-major; `rows` and `cols` are those that exist, the rest is zero.

using Words = __m512i;

WHORL_INLINE Words loadWords(const Bf16* p, int64_t n) {
  if (n >= 32) return _mm512_loadu_si512(p);
  return n > 0 ? _mm512_maskz_loadu_epi16(__mmask32((1u << n) - 1), p) : _mm512_setzero_si512();
}

// 16 x 16 words of 32 bits
WHORL_INLINE void transposeWords(Words (&w)[16]) {
  Words t[16];
#pragma GCC unroll 8
  for (int i = 0; i < 8; i++) {
    t[2 * i] = _mm512_unpacklo_epi32(w[2 * i], w[2 * i + 1]);
    t[2 * i + 1] = _mm512_unpackhi_epi32(w[2 * i], w[2 * i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    w[4 * i] = _mm512_unpacklo_epi64(t[4 * i], t[4 * i + 2]);
    w[4 * i + 1] = _mm512_unpackhi_epi64(t[4 * i], t[4 * i + 2]);
    w[4 * i + 2] = _mm512_unpacklo_epi64(t[4 * i + 1], t[4 * i + 3]);
    w[4 * i + 3] = _mm512_unpackhi_epi64(t[4 * i + 1], t[4 * i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    t[i] = _mm512_shuffle_i32x4(w[i], w[4 + i], 0x88);
    t[4 + i] = _mm512_shuffle_i32x4(w[i], w[4 + i], 0xdd);
    t[8 + i] = _mm512_shuffle_i32x4(w[8 + i], w[12 + i], 0x88);
    t[12 + i] = _mm512_shuffle_i32x4(w[8 + i], w[12 + i], 0xdd);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    w[i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0x88);
    w[8 + i] = _mm512_shuffle_i32x4(t[i], t[8 + i], 0xdd);
    w[4 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0x88);
    w[12 + i] = _mm512_shuffle_i32x4(t[4 + i], t[12 + i], 0xdd);
  }
}

// Source rows are rows of the panel: one step of a left panel.
WHORL_INLINE void packLeftStep(Bf16* to, const Bf16* from, int64_t stride, int64_t rows, int64_t depth) {
#pragma GCC unroll 8
  for (int64_t r = 0; r < panelRows; r++)
    _mm512_store_si512(to + r * 32, r < rows ? loadWords(from + r * stride, depth) : _mm512_setzero_si512());
}

// Source rows are depth: pairs of rows are interleaved, which is one step of a right panel.
WHORL_INLINE void packRightStep(Bf16* to, const Bf16* from, int64_t stride, int64_t depth, int64_t cols) {
  const Words low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
#pragma GCC unroll 4
  for (int64_t p = 0; p < 16; p++) {
    const Words a = 2 * p < depth ? loadWords(from + 2 * p * stride, cols) : _mm512_setzero_si512();
    const Words b = 2 * p + 1 < depth ? loadWords(from + (2 * p + 1) * stride, cols) : _mm512_setzero_si512();
    const Words even = _mm512_unpacklo_epi16(a, b), odd = _mm512_unpackhi_epi16(a, b);
    _mm512_store_si512(to + p * 32, _mm512_permutex2var_epi64(even, low, odd));
    _mm512_store_si512(to + 512 + p * 32, _mm512_permutex2var_epi64(even, high, odd));
  }
}

// Source rows are columns of the panel: words of two are transposed. One step of a right panel.
WHORL_INLINE void packRightTransposedStep(Bf16* to, const Bf16* from, int64_t stride, int64_t cols, int64_t depth) {
  for (int64_t half = 0; half < 2; half++) {
    Words w[16];
#pragma GCC unroll 16
    for (int64_t j = 0; j < 16; j++)
      w[j] = half * 16 + j < cols ? loadWords(from + (half * 16 + j) * stride, depth) : _mm512_setzero_si512();
    transposeWords(w);
#pragma GCC unroll 16
    for (int64_t p = 0; p < 16; p++) _mm512_store_si512(to + half * 512 + p * 32, w[p]);
  }
}

// Source rows are depth: pairs of rows are interleaved, then transposed. One step of a left panel.
WHORL_INLINE void packLeftTransposedStep(Bf16* to, const Bf16* from, int64_t stride, int64_t depth, int64_t rows) {
  for (int64_t odd = 0; odd < 2; odd++) {
    Words w[16];
#pragma GCC unroll 16
    for (int64_t p = 0; p < 16; p++) {
      const Words a = 2 * p < depth ? loadWords(from + 2 * p * stride, rows) : _mm512_setzero_si512();
      const Words b = 2 * p + 1 < depth ? loadWords(from + (2 * p + 1) * stride, rows) : _mm512_setzero_si512();
      w[p] = odd ? _mm512_unpackhi_epi16(a, b) : _mm512_unpacklo_epi16(a, b);
    }
    transposeWords(w);  // w[i] is row 8 * (i / 4) + i % 4 (+ 4 if odd)
#pragma GCC unroll 16
    for (int64_t i = 0; i < 16; i++) _mm512_store_si512(to + (i / 4 * 8 + i % 4 + odd * 4) * 32, w[i]);
  }
}

// A whole matrix [rows, cols] in row-major order into panels. Left: panels over rows, or over columns if transposed.
enum Packing { packLeft, packLeftTransposed, packRight, packRightTransposed };

template <Packing how>
static void packPanels(Bf16* to, int64_t panelStride, const Bf16* from, int64_t stride, int64_t rows, int64_t cols) {
  constexpr bool rowsAreDepth = how == packLeftTransposed || how == packRight;
  const int64_t depth = rowsAreDepth ? rows : cols, size = rowsAreDepth ? cols : rows;
  for (int64_t panel = 0; panel < panelsOf(size); panel++)
    for (int64_t s = 0; s < stepsOf(depth); s++) {
      const int64_t r = (rowsAreDepth ? s : panel) * 32, c = (rowsAreDepth ? panel : s) * 32;
      Bf16* at = to + panel * panelStride + s * stepElements;
      const Bf16* source = from + r * stride + c;
      if (how == packLeft) packLeftStep(at, source, stride, rows - r, cols - c);
      if (how == packLeftTransposed) packLeftTransposedStep(at, source, stride, rows - r, cols - c);
      if (how == packRight) packRightStep(at, source, stride, rows - r, cols - c);
      if (how == packRightTransposed) packRightTransposedStep(at, source, stride, rows - r, cols - c);
    }
}

// --- rounding and the gate

// 32 floats to 32 bfloat16 numbers, ties to even
WHORL_INLINE Words roundRow(__m512 low, __m512 high) { return (Words)_mm512_cvtne2ps_pbh(high, low); }

// Rounds to bfloat16 in the order low[0] high[0] low[1] high[1] ..: additions and a shuffle, which are nearly free beside
// tile products, where vcvtne2ps2bf16 costs two cycles. Halves are rounded up.
WHORL_INLINE Words roundInterleaved(__m512 low, __m512 high) {
  const Words half = _mm512_set1_epi32(0x8000);
  const Words l = _mm512_add_epi32((Words)low, half), h = _mm512_add_epi32((Words)high, half);
  const Words upper = _mm512_set4_epi32(0x0f0e0f0e, 0x0b0a0b0a, 0x07060706, 0x03020302);  // bytes of the upper words
  return _mm512_mask_shuffle_epi8(h, 0x3333333333333333, l, upper);
}

WHORL_INLINE void storeWords(Bf16* p, Words w, int64_t n) {
  if (n >= 32)
    _mm512_storeu_si512(p, w);
  else if (n > 0)
    _mm512_mask_storeu_epi16(p, __mmask32((1u << n) - 1), w);
}

WHORL_INLINE __m512 widenLow(Words w) { return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_castsi512_si256(w)), 16); }
WHORL_INLINE __m512 widenHigh(Words w) { return (__m512)_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(w, 1)), 16); }

// 1 / (1 + 2^t) with t = -x log2(e): a third of bfloat16's rounding away at most (2e-4 relative)
WHORL_INLINE __m512 quickSigmoid(__m512 x) {
  const __m512 t = x * _mm512_set1_ps(-1.44269504f);
  const __m512 r = _mm512_reduce_ps(t, 1);  // t - floor(t)
  __m512 p = _mm512_fmadd_ps(_mm512_set1_ps(0.07802452f), r, _mm512_set1_ps(0.22606716f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.69583354f));
  p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.99992522f));
  const __m512 e = _mm512_scalef_ps(p, t);
  return _mm512_rcp14_ps(_mm512_set1_ps(1.0f) + e);
}
