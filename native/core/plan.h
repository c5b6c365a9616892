// A plan: a decoded program for one micro-batch, and its execution. Knows neither Node nor threads; a host gives it
// an arena, a scratch block and bound buffers and says which lane to run.
#pragma once
#include <stddef.h>

#include <string>
#include <vector>

#include "block.h"
#include "table.h"

namespace whorl {

struct Operand {
  int32_t slot;  // -1 missing, 0 the arena, the last one the prepared block, else a bound buffer
  int64_t offset;
};

struct Size {
  int64_t coefficient;
  int32_t mask;  // bit 0: times rows of the micro-batch, bit 1: times tokens

  int64_t at(int64_t rows, int64_t tokens) const {
    return coefficient * (mask & 1 ? rows : 1) * (mask & 2 ? tokens : 1);
  }
};

struct Instruction {
  int32_t kernel;  // number in the program: the format is part of it
  Operand operands[maxOperands];
  Size sizes[maxSizes];
  double params[maxParams];
};

/**
 * The first `prologue` instructions pack weights into the prepared block, which all threads then read. They need each
 * other in no order, and no rows: they run once a run, or not at all when the weights are those of the run before.
 */
struct Plan {
  const KernelTable* table;
  int64_t arenaBytes;
  int32_t slotCount;  // arena and prepared block included
  int32_t prologue;
  int64_t preparedBytes;
  std::vector<Instruction> instructions;
  Block prepared;           // filled by the host; of size 0 until the first run
  bool isPrepared = false;  // false: the prologue has to run whatever the caller promises

  int32_t preparedSlot() const { return slotCount - 1; }
  int64_t liveBytes() const {
    return int64_t(sizeof(Plan) + instructions.capacity() * sizeof(Instruction)) + prepared.size();
  }
};

struct Binding {
  char* base;
  int64_t byteLength;
  int64_t rowStride;   // bytes
  int64_t laneStride;  // bytes
};

struct Run {
  std::vector<Binding> bindings;  // slot 1.. in order, without the prepared block
  int64_t rows;
  int64_t tokens;
  int64_t microBatch;
  int64_t lanes;
  bool sameWeights = false;  // the caller's promise: whole buffers are as in the last run of this plan

  int64_t batches() const { return (rows + microBatch - 1) / microBatch; }
};

/** Where the time of a run goes: one clock reading an instruction, only when asked for. */
struct Timing {
  double (*clock)();  // seconds since any moment
  double* seconds;    // one an instruction, added to
};

/** Of kernel number 0 .. formatCount * kernelCount - 1. */
std::string kernelName(int kernel);

/** Decodes and checks a program; an empty string means the plan is good, else what is wrong and where. */
std::string decodePlan(const double* program, size_t length, Plan& plan);

/** Checks every operand of every micro-batch against arena and buffers; empty means safe to run. */
std::string checkRun(const Plan& plan, const Run& run);

/** Runs one instruction of the prologue; the prepared block must be there. */
void runPrologue(const Plan& plan, const Run& run, int32_t index, void* scratch, const Timing* timing = nullptr);

/** Runs micro-batches lane, lane + lanes, ... in that order. */
void runLane(const Plan& plan, const Run& run, int64_t lane, char* arena, void* scratch,
             const Timing* timing = nullptr);

}  // namespace whorl
