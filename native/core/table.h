// The kernels of one instruction set, and the choice among those this binary was built with.
#pragma once
#include "kernel-list.h"
#include "kernel.h"

namespace whorl {

enum KernelId : int {
#define X(name, ...) kernelId_##name,
  WHORL_KERNELS(X)
#undef X
      kernelCount
};

/** Of the operands marked 'f'. Kernel id k in format f is number f * kernelCount + k of a program. */
enum NumberFormat : int { format_float32, format_bfloat16, formatCount };
constexpr const char* formatNames[formatCount] = {"float32", "bfloat16"};

/** What one ISA unit exports: kernels of one number format, nullptr where there is none. */
struct FormatTable {
  Kernel kernels[kernelCount];
  double (*multiplyAdds)(int64_t rounds);  // a register-only loop for measuring the peak: returns its FLOP
};

struct KernelTable {
  const char* isa;
  const FormatTable* formats[formatCount];  // nullptr: not on this instruction set
};

// Tables compiled in and runnable here, best first; at most maxTables of them. Defined in isa/choose.cc.
constexpr int maxTables = 8;
int supportedTables(const KernelTable** tables);
const KernelTable* findTable(const char* isa);

// Interesting raw CPU flags, as names. Returns how many were written (at most limit).
int cpuFeatures(const char** names, int limit);

}  // namespace whorl
