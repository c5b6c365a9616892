// Decoding, checking and running plans. The program format and the addressing rule are those of the planner:
//   [kernel, operands, sizes, params, (slot, byteOffset)*, (coefficient, symbolMask)*, param*]
//   address = base[slot] + rowStride[slot] * firstRow + laneStride[slot] * lane + byteOffset
#include "plan.h"

#include <math.h>

#include <algorithm>

namespace whorl {
namespace {

struct KernelShape {
  const char* name;
  int operands, sizes, params;
  unsigned optional;
  bool (*extents)(const int64_t* n, int64_t* e);  // false: the sizes contradict each other
};

const KernelShape shapes[kernelCount] = {
#define X(name, operands, sizes, params, optional, legal, ...)        \
  {#name, operands, sizes, params, optional,                          \
   [](const int64_t* n, int64_t* e) -> bool {                         \
     const int64_t spans[] = {__VA_ARGS__};                           \
     static_assert(sizeof spans / sizeof *spans == operands, #name); \
     for (int i = 0; i < operands; i++) e[i] = spans[i];              \
     return n[0] >= 0 && (legal);                                     \
   }},
    WHORL_KERNELS(X)
#undef X
};

constexpr double maxInteger = 9007199254740991.0;

bool isIndex(double value) { return value >= 0 && value <= maxInteger && value == floor(value); }

// With three decimals. Not std::to_string(double): that brings all of printf into the WebAssembly build.
std::string text(double value) {
  if (!(fabs(value) <= maxInteger)) return value == value ? "a number beyond 2^53" : "nan";
  const int64_t whole = int64_t(fabs(value)), thousandths = int64_t((fabs(value) - double(whole)) * 1000);
  const std::string digits = (value < 0 ? "-" : "") + std::to_string(whole);
  return isIndex(fabs(value)) ? digits : digits + "." + std::to_string(1000 + thousandths).substr(1);
}

std::string place(size_t index, const char* kernel) {
  return "instruction " + std::to_string(index) + " (" + kernel + ")";
}

// Reads one instruction at `at` and moves it past; the text of what is wrong otherwise.
std::string decodeInstruction(const double* program, size_t length, size_t& at, size_t index, const Plan& plan,
                              Instruction& out) {
  if (length - at < 4) return "program ends inside the head of instruction " + std::to_string(index);
  const double kernel = program[at];
  if (!isIndex(kernel) || kernel >= int(kernelCount))
    return "instruction " + std::to_string(index) + ": kernel id " + text(kernel) + " is not in 0.." +
           std::to_string(kernelCount - 1);
  const KernelShape& shape = shapes[int(kernel)];
  const std::string where = place(index, shape.name);
  const int expected[3] = {shape.operands, shape.sizes, shape.params};
  const char* const kinds[3] = {"operands", "sizes", "params"};
  for (int i = 0; i < 3; i++)
    if (program[at + 1 + i] != expected[i])
      return where + ": " + text(program[at + 1 + i]) + " " + kinds[i] + ", expected " + std::to_string(expected[i]);
  at += 4;
  if (length - at < size_t(2 * shape.operands + 2 * shape.sizes + shape.params)) return where + ": program ends early";

  out = Instruction{};
  out.kernel = int32_t(kernel);
  for (int i = 0; i < shape.operands; i++, at += 2) {
    const double slot = program[at], offset = program[at + 1];
    const std::string operand = where + ": operand " + std::to_string(i);
    if (slot == -1) {
      if (!(shape.optional >> i & 1)) return operand + " is missing but not optional";
      out.operands[i] = {-1, 0};
      continue;
    }
    if (!isIndex(slot) || slot >= plan.slotCount)
      return operand + ": slot " + text(slot) + " is not in 0.." + std::to_string(plan.slotCount - 1);
    if (!isIndex(offset) || int64_t(offset) % 4 != 0)
      return operand + ": byte offset " + text(offset) + " is not a multiple of 4";
    if (slot == 0 && int64_t(offset) >= plan.arenaBytes)
      return operand + ": byte offset " + text(offset) + " is outside the arena of " + std::to_string(plan.arenaBytes) + " bytes";
    out.operands[i] = {int32_t(slot), int64_t(offset)};
  }
  for (int i = 0; i < shape.sizes; i++, at += 2) {
    const double coefficient = program[at], mask = program[at + 1];
    const std::string size = where + ": size " + std::to_string(i);
    if (!isIndex(coefficient) || coefficient > 1e12) return size + ": coefficient " + text(coefficient) + " is not a size";
    if (!isIndex(mask) || mask > 3) return size + ": symbol mask " + text(mask) + " is not in 0..3";
    out.sizes[i] = {int64_t(coefficient), int32_t(mask)};
  }
  for (int i = 0; i < shape.params; i++) out.params[i] = program[at++];
  return "";
}

// Extents in bytes of an instruction at `rows` rows; false when its sizes are illegal or absurdly large.
bool byteExtents(const Instruction& it, int64_t rows, int64_t tokens, int64_t* bytes) {
  const KernelShape& shape = shapes[it.kernel];
  int64_t n[maxSizes] = {};
  double product = 1;  // the extents are small multiples of products of sizes: no overflow below this limit
  for (int i = 0; i < shape.sizes; i++) {
    n[i] = it.sizes[i].at(rows, tokens);
    product *= double(n[i]) + 64;
  }
  if (product > 1e18 || !shape.extents(n, bytes)) return false;
  for (int i = 0; i < shape.operands; i++) bytes[i] *= 4;
  return true;
}

// All micro-batches of `rows` rows begin at or before firstRow, in lanes up to lastLane.
std::string checkBatch(const Plan& plan, const Run& run, int64_t rows, int64_t firstRow, int64_t lastLane) {
  for (size_t index = 0; index < plan.instructions.size(); index++) {
    const Instruction& it = plan.instructions[index];
    const KernelShape& shape = shapes[it.kernel];
    int64_t bytes[maxOperands];
    const std::string where = place(index, shape.name);
    if (!byteExtents(it, rows, run.tokens, bytes)) return where + ": sizes contradict each other or are too large";
    for (int i = 0; i < shape.operands; i++) {
      const Operand& operand = it.operands[i];
      if (operand.slot < 0) continue;
      int64_t end = operand.offset + bytes[i], limit = plan.arenaBytes;
      if (operand.slot > 0) {
        const Binding& binding = run.bindings[operand.slot - 1];
        end += binding.rowStride * firstRow + binding.laneStride * lastLane;
        limit = binding.byteLength;
      }
      if (end > limit)
        return where + ": operand " + std::to_string(i) + " reaches byte " + std::to_string(end) + " of slot " +
               std::to_string(operand.slot) + ", which has " + std::to_string(limit);
    }
  }
  return "";
}

}  // namespace

const char* kernelName(int kernel) { return shapes[kernel].name; }

std::string decodePlan(const double* program, size_t length, Plan& plan) {
  size_t at = 0;
  while (at < length) {
    Instruction instruction;
    const std::string problem = decodeInstruction(program, length, at, plan.instructions.size(), plan, instruction);
    if (!problem.empty()) return problem;
    plan.instructions.push_back(instruction);
  }
  plan.instructions.shrink_to_fit();
  return "";
}

std::string checkRun(const Plan& plan, const Run& run) {
  if (int64_t(run.bindings.size()) + 1 != plan.slotCount)
    return std::to_string(run.bindings.size()) + " bindings, but the plan has " + std::to_string(plan.slotCount - 1);
  if (run.rows < 0 || run.tokens < 0 || run.microBatch < 1 || run.lanes < 1)
    return "rows and tokens must be 0 or more, microBatch and lanes 1 or more";
  for (size_t i = 0; i < run.bindings.size(); i++) {
    const Binding& b = run.bindings[i];
    // In double: the products may exceed 64 bits before they are known to fit the buffer.
    const double need = std::max(double(b.rowStride) * double(run.rows), double(b.laneStride) * double(run.lanes - 1));
    if (b.rowStride < 0 || b.laneStride < 0) return "binding of slot " + std::to_string(i + 1) + ": negative stride";
    if (need > double(b.byteLength))
      return "binding of slot " + std::to_string(i + 1) + " has " + std::to_string(b.byteLength) + " bytes, needs " +
             text(need);
  }
  const int64_t full = run.rows / run.microBatch, rest = run.rows % run.microBatch;
  std::string problem;
  if (full > 0)
    problem = checkBatch(plan, run, run.microBatch, (full - 1) * run.microBatch, std::min(full, run.lanes) - 1);
  if (problem.empty() && rest > 0) problem = checkBatch(plan, run, rest, full * run.microBatch, full % run.lanes);
  return problem;
}

void runLane(const Plan& plan, const Run& run, int64_t lane, char* arena, void* scratch, const Timing* timing) {
  std::vector<char*> bases(size_t(plan.slotCount));
  Args args{};
  args.scratch = scratch;
  for (int64_t batch = lane; batch < run.batches(); batch += run.lanes) {
    const int64_t firstRow = batch * run.microBatch, rows = std::min(run.microBatch, run.rows - firstRow);
    bases[0] = arena;
    for (int32_t slot = 1; slot < plan.slotCount; slot++) {
      const Binding& b = run.bindings[size_t(slot) - 1];
      bases[size_t(slot)] = b.base + b.rowStride * firstRow + b.laneStride * lane;
    }
    double before = timing ? timing->clock() : 0;
    for (size_t index = 0; index < plan.instructions.size(); index++) {
      const Instruction& it = plan.instructions[index];
      const KernelShape& shape = shapes[it.kernel];
      for (int i = 0; i < shape.operands; i++) {
        const Operand& operand = it.operands[i];
        args.p[i] = operand.slot < 0 ? nullptr : bases[size_t(operand.slot)] + operand.offset;
      }
      for (int i = 0; i < shape.sizes; i++) args.n[i] = it.sizes[i].at(rows, run.tokens);
      for (int i = 0; i < shape.params; i++) args.f[i] = it.params[i];
      plan.table->kernels[it.kernel](args);
      if (timing) {
        const double now = timing->clock();
        timing->seconds[index] += now - before;
        before = now;
      }
    }
  }
}

}  // namespace whorl
