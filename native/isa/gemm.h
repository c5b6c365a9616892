// The one matrix product: C[i,j] (+)= sum_p A(i,p) B(p,j) in float32, any strides for A and B, C with unit column
// stride. Both operands are packed: B into panels of [depth][panelCols], a block of the panels filling half of L2; A,
// one register block of rows at a time, into [depth][rows], which stays in L1 while all panels stream past it.
// The tile of C lives in registers; its size is the ISA's (AVX-512: 14 x 2 vectors of 32 registers). Row blocks are
// evened out (97 rows are 6 x 14 + 13, not 6 x 14 and a lone row). The order of all sums is fixed by the shapes.
//
// Two kinds of repetition are part of the product, so that packing is shared:
//   outer:   column panels of several matrices B_r, C_r beside each other (mixTokens: one A, every row its B)
//   batches: the depth runs through several pairs A_r, B_r (mixTokensGradWeight: sum over rows)

#if WHORL_VECTOR_BYTES == 64
constexpr int tileRows = 14, tileVectors = 2;
#elif WHORL_VECTOR_BYTES == 32
constexpr int tileRows = 6, tileVectors = 2;
#elif defined(__aarch64__)
constexpr int tileRows = 4, tileVectors = 4;
#else
constexpr int tileRows = 4, tileVectors = 2;
#endif
static_assert(tileRows <= lanes, "packRows stores whole vectors at distance rows");
constexpr int panelCols = tileVectors * lanes;
constexpr int64_t maxDepth = 512;  // depth of a packed block: 28 KiB of A beside the passing B in a 48 KiB L1
static_assert(maxDepth * tileRows + lanes <= packedAFloats, "packed A exceeds the scratch");

struct Gemm {
  const float* a;
  int64_t aRow, aDepth;
  const float* b;
  int64_t bDepth, bCol;
  float* c;
  int64_t cRow;
  int64_t rows, cols, depth;
  bool accumulate;
  int64_t outer = 1, bOuter = 0, cOuter = 0;
  int64_t batches = 1, aBatch = 0, bBatch = 0;
};

// --- register tile

struct TileTarget {
  float* c;
  int64_t cRow;
  int64_t cols;  // valid columns, more than (vectors - 1) * lanes
  bool accumulate;
};

// a: element (i, p) at a[i * aRow + p * aStep]; b: panel [depth][panelCols].
template <int rows, int vectors, int aRow, int aStep>
static void tile(int64_t depth, const float* __restrict a, const float* __restrict b, const TileTarget& target) {
  Vector sums[rows][vectors] = {};
  for (int64_t p = 0; p < depth; p++) {
    Vector bs[vectors];
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) bs[v] = load(b + v * lanes);
#pragma GCC unroll 16
    for (int i = 0; i < rows; i++) {
      const Vector x = splat(a[i * aRow]);
#pragma GCC unroll 4
      for (int v = 0; v < vectors; v++) sums[i][v] += x * bs[v];
    }
    a += aStep;
    b += panelCols;
  }
  const int64_t last = target.cols - (vectors - 1) * lanes;
#pragma GCC unroll 16
  for (int i = 0; i < rows; i++) {
#pragma GCC unroll 4
    for (int v = 0; v < vectors; v++) {
      float* c = target.c + i * target.cRow + v * lanes;
      const int64_t n = v == vectors - 1 ? last : lanes;
      Vector s = sums[i][v];
      if (target.accumulate) s += loadUpTo(c, n);
      storeUpTo(c, s, n);
    }
  }
}

using Tile = void (*)(int64_t depth, const float* a, const float* b, const TileTarget& target);

struct TileTable {
  Tile at[tileRows][tileVectors];
};

template <int rows, int aRow, int... v>
constexpr void fillTileRow(Tile (&row)[tileVectors], Indices<v...>) {
  // aRow 0 stands for packed A, whose step is the row count itself
  ((row[v] = tile<rows, v + 1, aRow == 0 ? 1 : aRow, aRow == 0 ? rows : 1>), ...);
}

template <int aRow, int... r>
constexpr TileTable makeTileTable(Indices<r...>) {
  TileTable table{};
  (fillTileRow<r + 1, aRow>(table.at[r], typename MakeIndices<tileVectors>::Type{}), ...);
  return table;
}

constexpr TileTable packedTiles = makeTileTable<0>(typename MakeIndices<tileRows>::Type{});
// A read in place from rows panelCols apart: the strips of attention
constexpr TileTable stripTiles = makeTileTable<panelCols>(typename MakeIndices<tileRows>::Type{});

WHORL_INLINE void runTile(const TileTable& tiles, int64_t rows, int64_t depth, const float* a, const float* b,
                          const TileTarget& target) {
  tiles.at[rows - 1][(target.cols - 1) / lanes](depth, a, b, target);
}

// --- packing

// A(0..rows, 0..depth) into to[depth][rows], rows <= tileRows. Stores whole vectors: the excess of a step is overwritten
// by the next, so `lanes` floats past the end must be writable. `beyond`: rows that may be read past `rows`.
static void packRows(float* to, const float* a, int64_t aRow, int64_t aDepth, int64_t rows, int64_t depth,
                     int64_t beyond) {
  if (aRow == 1) {
    const bool whole = rows + beyond >= lanes;
    for (int64_t p = 0; p < depth; p++)
      store(to + p * rows, whole ? load(a + p * aDepth) : loadPart(a + p * aDepth, rows));
    return;
  }
  if (aDepth == 1) {
    for (int64_t p = 0; p < depth; p += lanes) {
      Vector block[lanes];
      loadBlock(block, a + p, aRow, rows, depth - p);
      transpose(block);
      const int64_t count = depth - p < lanes ? depth - p : lanes;
      for (int64_t i = 0; i < count; i++) store(to + (p + i) * rows, block[i]);
    }
    return;
  }
  for (int64_t p = 0; p < depth; p++)
    for (int64_t i = 0; i < rows; i++) to[p * rows + i] = a[i * aRow + p * aDepth];
}

// B(0..depth, 0..cols) into one panel to[depth][panelCols], cols <= panelCols, zero padded.
static void packPanel(float* to, const float* b, int64_t bDepth, int64_t bCol, int64_t depth, int64_t cols) {
  if (bCol == 1) {
    if (cols == panelCols) {
      for (int64_t p = 0; p < depth; p++)
#pragma GCC unroll 4
        for (int v = 0; v < tileVectors; v++) store(to + p * panelCols + v * lanes, load(b + p * bDepth + v * lanes));
      return;
    }
    for (int64_t p = 0; p < depth; p++)
      for (int v = 0; v < tileVectors; v++)
        store(to + p * panelCols + v * lanes, loadUpTo(b + p * bDepth + v * lanes, cols - v * lanes));
    return;
  }
  if (bDepth == 1) {
    for (int v = 0; v < tileVectors; v++)
      for (int64_t p = 0; p < depth; p += lanes) {
        Vector block[lanes];
        loadBlock(block, b + v * lanes * bCol + p, bCol, cols - v * lanes, depth - p);
        transpose(block);
        const int64_t count = depth - p < lanes ? depth - p : lanes;
        float* at = to + p * panelCols + v * lanes;
        for (int64_t i = 0; i < count; i++) store(at + i * panelCols, block[i]);
      }
    return;
  }
  for (int64_t p = 0; p < depth; p++)
    for (int64_t j = 0; j < panelCols; j++) to[p * panelCols + j] = j < cols ? b[p * bDepth + j * bCol] : 0.0f;
}

// --- the product

struct Panel {
  int64_t outer, col, cols;
};

WHORL_INLINE Panel panelAt(const Gemm& g, int64_t index) {
  const int64_t perOuter = (g.cols + panelCols - 1) / panelCols;
  const int64_t outer = index / perOuter, col = index % perOuter * panelCols;
  return {outer, col, g.cols - col < panelCols ? g.cols - col : panelCols};
}

// One block of depth: `batches` from `batch`, each `depth` long from `from`.
struct DepthBlock {
  int64_t batch, batches, from, depth;
};

// Row blocks of A, evened out: the first `taller` have one row more.
struct RowBlocks {
  int64_t count, height, taller;
  int64_t rows(int64_t block) const { return height + (block < taller); }
};

WHORL_INLINE RowBlocks splitRows(int64_t rows) {
  const int64_t count = (rows + tileRows - 1) / tileRows;
  return {count, rows / count, rows % count};
}

static void packRowBlock(const Gemm& g, const DepthBlock& d, int64_t row, int64_t rows, float* packedA) {
  for (int64_t r = 0; r < d.batches; r++) {
    const float* a = g.a + (d.batch + r) * g.aBatch + row * g.aRow + d.from * g.aDepth;
    packRows(packedA + r * d.depth * rows, a, g.aRow, g.aDepth, rows, d.depth, g.rows - row - rows);
  }
}

static void packPanels(const Gemm& g, const DepthBlock& d, int64_t first, int64_t count, float* packedB) {
  const int64_t total = d.batches * d.depth;
  for (int64_t i = 0; i < count; i++) {
    const Panel panel = panelAt(g, first + i);
    for (int64_t r = 0; r < d.batches; r++) {
      const float* b = g.b + panel.outer * g.bOuter + (d.batch + r) * g.bBatch + d.from * g.bDepth + panel.col * g.bCol;
      packPanel(packedB + (i * total + r * d.depth) * panelCols, b, g.bDepth, g.bCol, d.depth, panel.cols);
    }
  }
}

// All panels against one row block at a time: A is packed as it is needed, B waits in L2.
static void multiplyByBlocks(const Gemm& g, const DepthBlock& d, int64_t first, int64_t count, float* packedB,
                             float* packedA, bool accumulate) {
  const RowBlocks blocks = splitRows(g.rows);
  const int64_t total = d.batches * d.depth;
  packPanels(g, d, first, count, packedB);
  for (int64_t block = 0, row = 0; block < blocks.count; row += blocks.rows(block++)) {
    const int64_t rows = blocks.rows(block);
    packRowBlock(g, d, row, rows, packedA);
    for (int64_t i = 0; i < count; i++) {
      const Panel panel = panelAt(g, first + i);
      float* c = g.c + panel.outer * g.cOuter + row * g.cRow + panel.col;
      runTile(packedTiles, rows, total, packedA, packedB + i * total * panelCols, {c, g.cRow, panel.cols, accumulate});
    }
  }
}

// Few rows: all of A is packed once and waits in L2, and one panel of B at a time is packed and used up while near.
static void multiplyByPanels(const Gemm& g, const DepthBlock& d, int64_t panels, float* packedB, float* packedA,
                             bool accumulate) {
  const RowBlocks blocks = splitRows(g.rows);
  const int64_t total = d.batches * d.depth;
  for (int64_t block = 0, row = 0; block < blocks.count; row += blocks.rows(block++))
    packRowBlock(g, d, row, blocks.rows(block), packedA + row * total);
  for (int64_t i = 0; i < panels; i++) {
    const Panel panel = panelAt(g, i);
    packPanels(g, d, i, 1, packedB);
    for (int64_t block = 0, row = 0; block < blocks.count; row += blocks.rows(block++)) {
      float* c = g.c + panel.outer * g.cOuter + row * g.cRow + panel.col;
      runTile(packedTiles, blocks.rows(block), total, packedA + row * total, packedB,
              {c, g.cRow, panel.cols, accumulate});
    }
  }
}

static void multiply(const Gemm& g, void* scratch) {
  if (g.rows <= 0 || g.cols <= 0 || g.outer <= 0) return;
  float* packedB = static_cast<float*>(scratch);
  float* packedA = packedB + packedBFloats;
  if (g.depth <= 0 || g.batches <= 0) {
    for (int64_t o = 0; o < g.outer && !g.accumulate; o++)
      for (int64_t i = 0; i < g.rows; i++) __builtin_memset(g.c + o * g.cOuter + i * g.cRow, 0, size_t(g.cols) * 4);
    return;
  }
  const int64_t panels = (g.cols + panelCols - 1) / panelCols * g.outer;
  const int64_t depthBlocks = (g.depth + maxDepth - 1) / maxDepth;
  const int64_t blockDepth = (g.depth + depthBlocks - 1) / depthBlocks;
  const int64_t group = depthBlocks == 1 ? (maxDepth / g.depth < g.batches ? maxDepth / g.depth : g.batches) : 1;
  const int64_t panelLimit = packedBFloats / (group * blockDepth * panelCols);

  const bool fewRows = g.rows * group * blockDepth + lanes <= packedAFloats;
  const int64_t step = fewRows ? panels : panelLimit;
  for (int64_t first = 0; first < panels; first += step)
    for (int64_t batch = 0; batch < g.batches; batch += group)
      for (int64_t from = 0; from < g.depth; from += blockDepth) {
        const int64_t batches = g.batches - batch < group ? g.batches - batch : group;
        const int64_t depth = g.depth - from < blockDepth ? g.depth - from : blockDepth;
        const DepthBlock block = {batch, batches, from, depth};
        const bool accumulate = g.accumulate || batch > 0 || from > 0;
        if (fewRows) {
          multiplyByPanels(g, block, panels, packedB, packedA, accumulate);
          continue;
        }
        const int64_t count = panels - first < panelLimit ? panels - first : panelLimit;
        multiplyByBlocks(g, block, first, count, packedB, packedA, accumulate);
      }
}
