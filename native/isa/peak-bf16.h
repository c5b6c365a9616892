// The multiply-add peak of one thread in bfloat16: tile products on tiles that were loaded once. Included by amx.cc only.

// Of ldtilecfg: eight tiles of 16 rows of 64 bytes.
struct alignas(64) PeakTiles {
  uint8_t palette = 1, startRow = 0, reserved[14] = {};
  uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

static double multiplyAdds(int64_t rounds) {
  // HAZARD: to g++, the tile instructions read no memory (ldtilecfg: eight bytes), so it drops stores that only they
  // need. Hence a static configuration, and the barrier below.
  static const PeakTiles tiles;
  alignas(64) uint16_t data[4][512];
  uint32_t state = 1;
  for (auto& tile : data)
    for (uint16_t& bits : tile) {  // random in +-1 .. 2: zeros would draw less power and run at another clock
      state = state * 1664525u + 1013904223u;
      bits = uint16_t(0x3f80 | (state >> 16 & 0x807f));
    }
  __asm__ volatile("" : : "r"(data) : "memory");
  _tile_loadconfig(&tiles);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_loadd(4, data[0], 64);
  _tile_loadd(5, data[1], 64);
  _tile_loadd(6, data[2], 64);
  _tile_loadd(7, data[3], 64);
  for (int64_t round = 0; round < rounds; round++) {
    _tile_dpbf16ps(0, 4, 6);  // four sums: a product takes 52 cycles and one begins every 16
    _tile_dpbf16ps(1, 4, 7);
    _tile_dpbf16ps(2, 5, 6);
    _tile_dpbf16ps(3, 5, 7);
  }
  _tile_release();
  return double(rounds) * 4 * (2.0 * 16 * 16 * 32);
}
