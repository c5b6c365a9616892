// Which instruction sets were compiled in and which of them this CPU and operating system can run.
// Built without ISA flags; on anything but x86-64 there is only the portable table.
#include "../core/table.h"

#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#define WHORL_X86 1
#if defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#define WHORL_AMX 1
#endif
#endif

extern "C" {
extern const whorl::FormatTable whorlFloat32_portable;
#ifdef WHORL_X86
extern const whorl::FormatTable whorlFloat32_avx2;
extern const whorl::FormatTable whorlFloat32_avx512;
#endif
#ifdef WHORL_AMX
// Missing where the compiler does not know AMX: then its address is null.
extern const whorl::FormatTable whorlBfloat16_amx __attribute__((weak));
#endif
}

namespace whorl {
namespace {

const KernelTable portable = {"portable", {&whorlFloat32_portable, nullptr}};
#ifdef WHORL_X86
const KernelTable avx2 = {"avx2", {&whorlFloat32_avx2, nullptr}};
const KernelTable avx512 = {"avx512", {&whorlFloat32_avx512, nullptr}};
#endif
#ifdef WHORL_AMX
const KernelTable amxBf16 = {"amx-bf16", {&whorlFloat32_avx512, &whorlBfloat16_amx}};
#endif

}  // namespace

#ifdef WHORL_X86
namespace {

struct Cpu {
  unsigned ecx1 = 0, ebx7 = 0, ecx7 = 0, edx7 = 0, eax71 = 0;
  uint64_t saved = 0;  // XCR0: register state the operating system saves

  Cpu() {
    unsigned a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d)) ecx1 = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d)) ebx7 = b, ecx7 = c, edx7 = d;
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) eax71 = a;
    if (ecx1 & bit_OSXSAVE) {
      unsigned low, high;
      __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
      saved = (uint64_t(high) << 32) | low;
    }
  }

  bool saves(uint64_t mask) const { return (saved & mask) == mask; }
  bool ymm() const { return saves(0x6); }
  bool zmm() const { return saves(0xe6); }
  bool tiles() const { return saves(0x60000); }
  bool avx2() const { return ymm() && (ebx7 >> 5 & 1) && (ecx1 >> 12 & 1); }
  // f, dq, bw, vl: what the avx512 unit is compiled for
  bool avx512() const { return avx2() && zmm() && (ebx7 >> 16 & 1) && (ebx7 >> 17 & 1) && (ebx7 >> 30 & 1) && (ebx7 >> 31 & 1); }
  // amx_tile, amx_bf16, avx512_bf16
  bool amxBf16() const { return avx512() && tiles() && (edx7 >> 24 & 1) && (edx7 >> 22 & 1) && (eax71 >> 5 & 1); }
};

#ifdef WHORL_AMX
// Tiles are 8 KiB of state a thread: Linux gives them only to a process that asks, once and for all its threads.
bool mayUseTiles() {
  constexpr int requestPermission = 0x1023, tileData = 18;  // ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA
  static const bool granted = syscall(SYS_arch_prctl, requestPermission, tileData) == 0;
  return granted;
}
#endif

}  // namespace

int cpuFeatures(const char** names, int limit) {
  const Cpu cpu;
  const struct {
    const char* name;
    bool present;
  } flags[] = {
      {"avx2", cpu.ymm() && (cpu.ebx7 >> 5 & 1)},
      {"fma", cpu.ymm() && (cpu.ecx1 >> 12 & 1)},
      {"avx512f", cpu.zmm() && (cpu.ebx7 >> 16 & 1)},
      {"avx512dq", cpu.zmm() && (cpu.ebx7 >> 17 & 1)},
      {"avx512bw", cpu.zmm() && (cpu.ebx7 >> 30 & 1)},
      {"avx512vl", cpu.zmm() && (cpu.ebx7 >> 31 & 1)},
      {"avx512_vnni", cpu.zmm() && (cpu.ecx7 >> 11 & 1)},
      {"avx512_bf16", cpu.zmm() && (cpu.eax71 >> 5 & 1)},
      {"avx512_fp16", cpu.zmm() && (cpu.edx7 >> 23 & 1)},
      {"amx_tile", cpu.tiles() && (cpu.edx7 >> 24 & 1)},
      {"amx_bf16", cpu.tiles() && (cpu.edx7 >> 22 & 1)},
      {"amx_int8", cpu.tiles() && (cpu.edx7 >> 25 & 1)},
  };
  int count = 0;
  for (const auto& flag : flags)
    if (flag.present && count < limit) names[count++] = flag.name;
  return count;
}

int supportedTables(const KernelTable** tables) {
  const Cpu cpu;
  int count = 0;
#ifdef WHORL_AMX
  if (&whorlBfloat16_amx && cpu.amxBf16() && mayUseTiles()) tables[count++] = &amxBf16;
#endif
  if (cpu.avx512()) tables[count++] = &avx512;
  if (cpu.avx2()) tables[count++] = &avx2;
  tables[count++] = &portable;
  return count;
}

#else

int cpuFeatures(const char** names, int limit) {
  if (limit < 1) return 0;
#if defined(__aarch64__)
  names[0] = "neon";
  return 1;
#else
  (void)names;
  return 0;
#endif
}

int supportedTables(const KernelTable** tables) {
  tables[0] = &portable;
  return 1;
}

#endif

const KernelTable* findTable(const char* isa) {
  const KernelTable* tables[maxTables];
  const int count = supportedTables(tables);
  for (int i = 0; i < count; i++)
    if (strcmp(tables[i]->isa, isa) == 0) return tables[i];
  return nullptr;
}

}  // namespace whorl
