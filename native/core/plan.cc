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
  const char* types;
  bool (*extents)(const int64_t* n, int64_t* e, bool bfloat16);  // false: the sizes contradict each other
};

const KernelShape shapes[kernelCount] = {
#define X(name, operands, sizes, params, optional, types, legal, ...)             \
  {#name, operands, sizes, params, optional, types,                               \
   [](const int64_t* n, int64_t* e, [[maybe_unused]] bool bfloat16) -> bool {     \
     const int64_t spans[] = {__VA_ARGS__};                                       \
     static_assert(sizeof spans / sizeof *spans == operands, #name);              \
     static_assert(sizeof types == operands + 1, #name);                          \
     for (int i = 0; i < operands; i++) e[i] = spans[i];                          \
     return n[0] >= 0 && (legal);                                                 \
   }},
    WHORL_KERNELS(X)
#undef X
};

constexpr int kernelNumbers = formatCount * int(kernelCount);

const KernelShape& shapeOf(const Instruction& it) { return shapes[it.kernel % int(kernelCount)]; }
bool isBfloat16(const Instruction& it) { return it.kernel / int(kernelCount) == format_bfloat16; }

Kernel kernelOf(const Plan& plan, int32_t kernel) {
  const FormatTable* table = plan.table->formats[kernel / int(kernelCount)];
  return table ? table->kernels[kernel % int(kernelCount)] : nullptr;
}

constexpr double maxInteger = 9007199254740991.0;

bool isIndex(double value) { return value >= 0 && value <= maxInteger && value == floor(value); }

// With three decimals. Not std::to_string(double): that brings all of printf into the WebAssembly build.
std::string text(double value) {
  if (!(fabs(value) <= maxInteger)) return value == value ? "a number beyond 2^53" : "nan";
  const int64_t whole = int64_t(fabs(value)), thousandths = int64_t((fabs(value) - double(whole)) * 1000);
  std::string digits = value < 0 ? "-" : "";
  digits += std::to_string(whole);
  return isIndex(fabs(value)) ? digits : digits + "." + std::to_string(1000 + thousandths).substr(1);
}

std::string place(size_t index, int32_t kernel) {
  return "instruction " + std::to_string(index) + " (" + kernelName(kernel) + ")";
}

// Reads one operand of the instruction at `index`; the text of what is wrong otherwise.
std::string decodeOperand(double slot, double offset, size_t index, const Plan& plan, Operand& out) {
  if (!isIndex(slot) || slot >= plan.slotCount)
    return "slot " + text(slot) + " is not in 0.." + std::to_string(plan.slotCount - 1);
  if (!isIndex(offset) || int64_t(offset) % 2 != 0) return "byte offset " + text(offset) + " is not a multiple of 2";
  const bool isArena = slot == 0, isPrepared = slot == plan.preparedSlot();
  if (isArena && int64_t(index) < plan.prologue) return "the prologue has no arena";
  const int64_t limit = isPrepared ? plan.preparedBytes : plan.arenaBytes;
  if ((isArena || isPrepared) && int64_t(offset) >= limit)
    return "byte offset " + text(offset) + " is outside the " + (isPrepared ? "prepared block" : "arena") + " of " +
           std::to_string(limit) + " bytes";
  out = {int32_t(slot), int64_t(offset)};
  return "";
}

// Reads the head of an instruction at `at` and moves it past; the text of what is wrong otherwise.
std::string decodeHead(const double* program, size_t length, size_t& at, size_t index, const Plan& plan,
                       Instruction& out) {
  if (length - at < 4) return "program ends inside the head of instruction " + std::to_string(index);
  const double kernel = program[at];
  if (!isIndex(kernel) || kernel >= kernelNumbers)
    return "instruction " + std::to_string(index) + ": kernel id " + text(kernel) + " is not in 0.." +
           std::to_string(kernelNumbers - 1);
  out = Instruction{};
  out.kernel = int32_t(kernel);
  const KernelShape& shape = shapeOf(out);
  const std::string where = place(index, out.kernel);
  if (!kernelOf(plan, out.kernel)) return where + ": not available on " + plan.table->isa;
  const int expected[3] = {shape.operands, shape.sizes, shape.params};
  const char* const kinds[3] = {"operands", "sizes", "params"};
  for (int i = 0; i < 3; i++)
    if (program[at + 1 + i] != expected[i])
      return where + ": " + text(program[at + 1 + i]) + " " + kinds[i] + ", expected " + std::to_string(expected[i]);
  at += 4;
  if (length - at < size_t(2 * shape.operands + 2 * shape.sizes + shape.params)) return where + ": program ends early";
  return "";
}

// Reads one instruction at `at` and moves it past; the text of what is wrong otherwise.
std::string decodeInstruction(const double* program, size_t length, size_t& at, size_t index, const Plan& plan,
                              Instruction& out) {
  const std::string problem = decodeHead(program, length, at, index, plan, out);
  if (!problem.empty()) return problem;
  const KernelShape& shape = shapeOf(out);
  const std::string where = place(index, out.kernel);
  for (int i = 0; i < shape.operands; i++, at += 2) {
    const std::string operand = where + ": operand " + std::to_string(i);
    if (program[at] == -1) {
      if (!(shape.optional >> i & 1)) return operand + " is missing but not optional";
      out.operands[i] = {-1, 0};
      continue;
    }
    const std::string wrong = decodeOperand(program[at], program[at + 1], index, plan, out.operands[i]);
    if (!wrong.empty()) return operand + ": " + wrong;
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
  const KernelShape& shape = shapeOf(it);
  int64_t n[maxSizes] = {};
  double product = 1;  // the extents are small multiples of products of sizes: no overflow below this limit
  for (int i = 0; i < shape.sizes; i++) {
    n[i] = it.sizes[i].at(rows, tokens);
    product *= double(n[i]) + 64;
  }
  if (product > 1e18 || !shape.extents(n, bytes, isBfloat16(it))) return false;
  for (int i = 0; i < shape.operands; i++) bytes[i] *= isBfloat16(it) && shape.types[i] == 'f' ? 2 : 4;
  return true;
}

// Instructions begin .. end; all their micro-batches of `rows` rows begin at or before firstRow, in lanes up to lastLane.
struct Batch {
  size_t begin, end;
  int64_t rows, firstRow, lastLane;
};

std::string checkOperand(const Plan& plan, const Run& run, const Batch& batch, const Operand& operand, int64_t bytes) {
  int64_t end = operand.offset + bytes, limit = plan.arenaBytes;
  if (operand.slot == plan.preparedSlot()) {
    limit = plan.preparedBytes;
  } else if (operand.slot > 0) {
    const Binding& binding = run.bindings[size_t(operand.slot) - 1];
    end += binding.rowStride * batch.firstRow + binding.laneStride * batch.lastLane;
    limit = binding.byteLength;
    if (batch.end <= size_t(plan.prologue) && (binding.rowStride > 0 || binding.laneStride > 0))
      return "is in slot " + std::to_string(operand.slot) + ", which is not the same for all rows and lanes";
  }
  if (end <= limit) return "";
  return "reaches byte " + std::to_string(end) + " of slot " + std::to_string(operand.slot) + ", which has " +
         std::to_string(limit);
}

std::string checkBatch(const Plan& plan, const Run& run, const Batch& batch) {
  for (size_t index = batch.begin; index < batch.end; index++) {
    const Instruction& it = plan.instructions[index];
    int64_t bytes[maxOperands];
    const std::string where = place(index, it.kernel);
    if (!byteExtents(it, batch.rows, run.tokens, bytes)) return where + ": sizes contradict each other or are too large";
    for (int i = 0; i < shapeOf(it).operands; i++) {
      if (it.operands[i].slot < 0) continue;
      const std::string wrong = checkOperand(plan, run, batch, it.operands[i], bytes[i]);
      if (!wrong.empty()) return where + ": operand " + std::to_string(i) + " " + wrong;
    }
  }
  return "";
}

std::string checkBinding(const Run& run, const Binding& b) {
  // In double: the products may exceed 64 bits before they are known to fit the buffer.
  const double need = std::max(double(b.rowStride) * double(run.rows), double(b.laneStride) * double(run.lanes - 1));
  if (b.rowStride < 0 || b.laneStride < 0) return ": negative stride";
  if (need > double(b.byteLength)) return " has " + std::to_string(b.byteLength) + " bytes, needs " + text(need);
  return "";
}

void runInstruction(const Plan& plan, const Instruction& it, char* const* bases, int64_t rows, int64_t tokens,
                    Args& args) {
  const KernelShape& shape = shapeOf(it);
  for (int i = 0; i < shape.operands; i++) {
    const Operand& operand = it.operands[i];
    args.p[i] = operand.slot < 0 ? nullptr : bases[operand.slot] + operand.offset;
  }
  for (int i = 0; i < shape.sizes; i++) args.n[i] = it.sizes[i].at(rows, tokens);
  for (int i = 0; i < shape.params; i++) args.f[i] = it.params[i];
  kernelOf(plan, it.kernel)(args);
}

// Addresses of all slots for the micro-batch that begins at firstRow.
void placeSlots(const Plan& plan, const Run& run, int64_t firstRow, int64_t lane, char* arena,
                std::vector<char*>& bases) {
  bases.resize(size_t(plan.slotCount));
  bases.front() = arena;
  for (size_t i = 0; i < run.bindings.size(); i++) {
    const Binding& b = run.bindings[i];
    bases[i + 1] = b.base + b.rowStride * firstRow + b.laneStride * lane;
  }
  bases.back() = plan.prepared.bytes();
}

}  // namespace

std::string kernelName(int kernel) {
  const std::string name = shapes[kernel % int(kernelCount)].name;
  return kernel < int(kernelCount) ? name : name + ".bf16";
}

std::string decodePlan(const double* program, size_t length, Plan& plan) {
  size_t at = 0;
  while (at < length) {
    Instruction instruction;
    const std::string problem = decodeInstruction(program, length, at, plan.instructions.size(), plan, instruction);
    if (!problem.empty()) return problem;
    plan.instructions.push_back(instruction);
  }
  plan.instructions.shrink_to_fit();
  if (size_t(plan.prologue) > plan.instructions.size())
    return "a prologue of " + std::to_string(plan.prologue) + " instructions, but the program has " +
           std::to_string(plan.instructions.size());
  return "";
}

std::string checkRun(const Plan& plan, const Run& run) {
  if (int64_t(run.bindings.size()) + 2 != plan.slotCount)
    return std::to_string(run.bindings.size()) + " bindings, but the plan has " + std::to_string(plan.slotCount - 2);
  if (run.rows < 0 || run.tokens < 0 || run.microBatch < 1 || run.lanes < 1)
    return "rows and tokens must be 0 or more, microBatch and lanes 1 or more";
  for (size_t i = 0; i < run.bindings.size(); i++) {
    const std::string wrong = checkBinding(run, run.bindings[i]);
    if (!wrong.empty()) return "binding of slot " + std::to_string(i + 1) + wrong;
  }
  const size_t prologue = size_t(plan.prologue), all = plan.instructions.size();
  const int64_t full = run.rows / run.microBatch, rest = run.rows % run.microBatch;
  std::string problem = checkBatch(plan, run, {0, prologue, 0, 0, 0});
  if (problem.empty() && full > 0) {
    const int64_t lastLane = std::min(full, run.lanes) - 1;
    problem = checkBatch(plan, run, {prologue, all, run.microBatch, (full - 1) * run.microBatch, lastLane});
  }
  if (problem.empty() && rest > 0)
    problem = checkBatch(plan, run, {prologue, all, rest, full * run.microBatch, full % run.lanes});
  return problem;
}

void runPrologue(const Plan& plan, const Run& run, int32_t index, void* scratch, const Timing* timing) {
  std::vector<char*> bases;
  placeSlots(plan, run, 0, 0, nullptr, bases);
  Args args{};
  args.scratch = scratch;
  const double before = timing ? timing->clock() : 0;
  runInstruction(plan, plan.instructions[size_t(index)], bases.data(), 0, run.tokens, args);
  if (timing) timing->seconds[index] += timing->clock() - before;
}

void runLane(const Plan& plan, const Run& run, int64_t lane, char* arena, void* scratch, const Timing* timing) {
  std::vector<char*> bases;
  Args args{};
  args.scratch = scratch;
  for (int64_t batch = lane; batch < run.batches(); batch += run.lanes) {
    const int64_t firstRow = batch * run.microBatch, rows = std::min(run.microBatch, run.rows - firstRow);
    placeSlots(plan, run, firstRow, lane, arena, bases);
    double before = timing ? timing->clock() : 0;
    for (size_t index = size_t(plan.prologue); index < plan.instructions.size(); index++) {
      runInstruction(plan, plan.instructions[index], bases.data(), rows, run.tokens, args);
      if (timing) {
        const double now = timing->clock();
        timing->seconds[index] += now - before;
        before = now;
      }
    }
  }
}

}  // namespace whorl
