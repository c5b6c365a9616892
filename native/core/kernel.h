// What a kernel is: a function of untyped operands, integer sizes and real parameters, one table of them per
// instruction set. Shared by the plan runner and every ISA unit, so it holds plain data only: inline code in this
// header could be emitted by an ISA unit with instructions another CPU lacks and still win at link time.
#pragma once
#include <stdint.h>

namespace whorl {

constexpr int maxOperands = 12;
constexpr int maxSizes = 12;
constexpr int maxParams = 8;

struct Args {
  void* p[maxOperands];  // operands, nullptr for a missing optional one; aligned to their elements, no more
  int64_t n[maxSizes];   // sizes of the current micro-batch
  double f[maxParams];
  void* scratch;  // scratchBytes, 64-byte aligned, private to the thread
};

using Kernel = void (*)(const Args&);

// The gemm's share: packed B (1 MiB, half of a 2 MiB L2), packed rows of A, one transposed block of C.
constexpr int64_t packedBFloats = 256 * 1024;
constexpr int64_t packedAFloats = 64 * 1024;
constexpr int64_t blockCFloats = 64 * 1024;
constexpr int64_t scratchBytes = 3 << 20;
static_assert(4 * (packedBFloats + packedAFloats + blockCFloats) <= scratchBytes);

}  // namespace whorl
