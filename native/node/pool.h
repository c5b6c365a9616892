// The persistent threads that run plans, with one arena and one scratch block each. Knows plans, not Node.
#pragma once
#include <stdint.h>

#include <functional>

#include "../core/plan.h"

namespace whorl {

/**
 * Runs a plan, its prologue and then all lanes; returns when done, or with the text of what went wrong. Calls are
 * serialised; what changes of the plan is its prepared block.
 * `seconds`, if any, gets the time of each instruction added, summed over threads.
 */
std::string runOnPool(Plan& plan, const Run& run, int threads, double* seconds = nullptr);

/** Calls work(worker) on `threads` workers at once and waits. Serialised with runs. */
void callOnPool(int threads, const std::function<void(int worker)>& work);

/** Frees arenas and scratch blocks unless a run is under way. */
void trimPool();

/** Bytes held by arenas and scratch blocks. */
int64_t poolBytes();

}  // namespace whorl
