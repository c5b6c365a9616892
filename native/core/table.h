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

struct KernelTable {
  const char* isa;
  Kernel kernels[kernelCount];
  double (*multiplyAdds)(int64_t rounds);  // a register-only loop for measuring the peak: returns its FLOP
};

// Tables compiled in and runnable here, best first; at most maxTables of them. Defined in isa/choose.cc.
constexpr int maxTables = 8;
int supportedTables(const KernelTable** tables);
const KernelTable* findTable(const char* isa);

// Interesting raw CPU flags, as names. Returns how many were written (at most limit).
int cpuFeatures(const char** names, int limit);

}  // namespace whorl
