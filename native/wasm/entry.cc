// The surface of the WebAssembly build: memory, plans, runs and texts as C functions. One memory is shared by the
// instance of the main thread, which allocates and creates, and those of the workers, which only call runLanes.
// Sizes cross the border as doubles: JavaScript has no 64-bit integers to pass without BigInt.
#include <stdlib.h>

#include <atomic>

#include "../core/plan.h"

// --- what the C++ library would do for one thread and with WASI imports for its last words

namespace {

std::atomic_flag heapLock = ATOMIC_FLAG_INIT;

// Held for microseconds, so waiting is spinning: the main thread may not sleep.
struct HeapGuard {
  HeapGuard() {
    while (heapLock.test_and_set(std::memory_order_acquire)) {
    }
  }
  ~HeapGuard() { heapLock.clear(std::memory_order_release); }
};

}  // namespace

void* operator new(size_t bytes) {
  void* memory;
  {
    const HeapGuard guard;
    memory = malloc(bytes);
  }
  if (!memory) __builtin_trap();  // not while the lock is held: a trap gives nothing back
  return memory;
}

void operator delete(void* memory) noexcept {
  const HeapGuard guard;
  free(memory);
}

void operator delete(void* memory, size_t) noexcept { operator delete(memory); }

_LIBCPP_BEGIN_NAMESPACE_STD
[[noreturn]] void __libcpp_verbose_abort(const char*, ...) { __builtin_trap(); }
_LIBCPP_END_NAMESPACE_STD

// --- the surface

#define WHORL_EXPORT(name) extern "C" __attribute__((export_name(#name)))

extern "C" const whorl::FormatTable whorlFloat32_simd128;

namespace {

using namespace whorl;

const KernelTable table = {"simd128", {&whorlFloat32_simd128, nullptr}};

std::string text;  // the last problem, or the kernel names: read by the main thread only, before its next call

struct LaneRun {
  const Plan* plan;
  Run run;
  int64_t lanes;  // that have work
  std::atomic<int32_t> next;
};

}  // namespace

/** 64-byte aligned memory, or 0 when there is no more. */
WHORL_EXPORT(allocate) void* allocate(double bytes) {
  if (bytes > 4294000000.0) return nullptr;
  const HeapGuard guard;
  void* memory = nullptr;
  return posix_memalign(&memory, 64, size_t(bytes)) == 0 ? memory : nullptr;
}

WHORL_EXPORT(release) void release(void* memory) { operator delete(memory); }

/** NUL-terminated: what was wrong with the last createPlan or createRun. */
WHORL_EXPORT(problem) const char* problem() { return text.c_str(); }

/** NUL-terminated: the kernel names in the order of their ids, separated by spaces. */
WHORL_EXPORT(kernels) const char* kernels() {
  text.clear();
  for (int i = 0; i < formatCount * int(kernelCount); i++) text += (i > 0 ? " " : "") + kernelName(i);
  return text.c_str();
}

WHORL_EXPORT(scratchBytes) double scratchSize() { return double(scratchBytes); }

/** Of programs in float32, which have no prologue. 0 when the program is faulty; `problem` then says how. */
WHORL_EXPORT(createPlan)
Plan* createPlan(const double* program, int32_t length, double arenaBytes, int32_t slotCount) {
  Plan* plan = new Plan{&table, int64_t(arenaBytes), slotCount, 0, 0, {}, {}};
  text = decodePlan(program, size_t(length), *plan);
  if (text.empty()) return plan;
  delete plan;
  return nullptr;
}

WHORL_EXPORT(planBytes) double planBytes(const Plan* plan) { return double(plan->liveBytes()); }

WHORL_EXPORT(freePlan) void freePlan(Plan* plan) { delete plan; }

/**
 * Checks and prepares a run. `bindings`: base, byteLength, rowStride, laneStride of slot 1, 2, ... but the last.
 * 0 when something does not fit; `problem` then says what.
 */
WHORL_EXPORT(createRun)
LaneRun* createRun(const Plan* plan, const double* bindings, int32_t count, int32_t rows, int32_t tokens,
                   int32_t microBatch, int32_t lanes) {
  LaneRun* made = new LaneRun{plan, {{}, rows, tokens, microBatch, lanes}, 0, 0};
  for (const double* b = bindings; b < bindings + 4 * count; b += 4)
    made->run.bindings.push_back({reinterpret_cast<char*>(uintptr_t(b[0])), int64_t(b[1]), int64_t(b[2]), int64_t(b[3])});
  text = checkRun(*plan, made->run);
  if (!text.empty()) {
    delete made;
    return nullptr;
  }
  const int64_t batches = made->run.batches();
  made->lanes = batches < lanes ? batches : lanes;
  return made;
}

WHORL_EXPORT(freeRun) void freeRun(LaneRun* run) { delete run; }

/** Runs lanes, each of them whole, until none is left. Several threads call it with an arena and a scratch each. */
WHORL_EXPORT(runLanes) void runLanes(LaneRun* run, char* arena, void* scratch) {
  for (int32_t lane; (lane = run->next.fetch_add(1)) < run->lanes;) runLane(*run->plan, run->run, lane, arena, scratch);
}
