// The thread pool. The calling thread is worker 0; the others wait on a condition variable between runs. The pool is
// never destroyed: joining threads from a static destructor while Node tears down can hang the process.
#include "pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace whorl {
namespace {

struct Worker {
  Block arena, scratch;
};

struct Pool {
  std::mutex running;  // held for a whole run: concurrent runs wait here
  std::mutex state;    // guards the fields below
  std::condition_variable wake, done;
  std::vector<Worker> workers;
  int helpers = 0;  // threads besides the caller
  const std::function<void(int)>* work = nullptr;
  int wanted = 0;  // helpers that take part in the present call
  int pending = 0;
  uint64_t call = 0;
  std::atomic<int64_t> bytes{0};

  void help(int helper) {
    uint64_t seen = 0;
    for (;;) {
      const std::function<void(int)>* job = nullptr;
      {
        std::unique_lock<std::mutex> lock(state);
        wake.wait(lock, [&] { return call != seen; });
        seen = call;
        if (helper >= wanted) continue;
        job = work;
      }
      (*job)(helper + 1);
      std::lock_guard<std::mutex> lock(state);
      if (--pending == 0) done.notify_all();
    }
  }

  // Needs `running`.
  void callAll(int threads, const std::function<void(int)>& job) {
    {
      std::lock_guard<std::mutex> lock(state);
      while (helpers < threads - 1) {
        const int helper = helpers++;
        std::thread([this, helper] { help(helper); }).detach();
      }
      work = &job;
      wanted = pending = threads - 1;
      call++;
    }
    wake.notify_all();
    job(0);
    std::unique_lock<std::mutex> lock(state);
    done.wait(lock, [&] { return pending == 0; });
  }

  void countBytes() {
    int64_t total = 0;
    for (const Worker& worker : workers) total += worker.arena.size() + worker.scratch.size();
    bytes = total;
  }
};

Pool& pool() {
  static Pool* const shared = new Pool;
  return *shared;
}

double clockSeconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Blocks for `lanes` workers that run lanes and `packers` that run the prologue; false: no memory.
bool makeRoom(Pool& p, Plan& plan, int lanes, int packers) {
  const size_t used = size_t(std::max(lanes, packers));
  if (p.workers.size() < used) p.workers.resize(used);
  bool enough = plan.prepared.grow(plan.preparedBytes);
  for (size_t i = 0; i < used && enough; i++)
    enough = p.workers[i].scratch.grow(scratchBytes) &&
             (i >= size_t(lanes) || p.workers[i].arena.grow(std::max<int64_t>(plan.arenaBytes, 64)));
  p.countBytes();
  return enough;
}

}  // namespace

std::string runOnPool(Plan& plan, const Run& run, int threads, double* seconds) {
  Pool& p = pool();
  std::lock_guard<std::mutex> exclusive(p.running);
  if (!run.sameWeights) plan.isPrepared = false;
  const int64_t lanes = std::min(run.lanes, run.batches());
  if (lanes == 0) return "";
  const int32_t prologue = plan.isPrepared ? 0 : plan.prologue;
  const int used = int(std::min<int64_t>(std::max(threads, 1), lanes));
  const int packers = std::min(std::max(threads, 1), prologue);
  if (!makeRoom(p, plan, used, packers))
    return "not enough memory for an arena of " + std::to_string(plan.arenaBytes) + " bytes a thread and " +
           std::to_string(plan.preparedBytes) + " bytes of packed weights";

  const std::vector<double> zeros(seconds ? plan.instructions.size() : 0);
  std::vector<std::vector<double>> workerSeconds(size_t(std::max(used, packers)), zeros);
  // Calls job(index, worker, timing) for each index below `count`, on so many workers, and waits.
  const auto spread = [&](int workers, int64_t count, const auto& job) {
    std::atomic<int64_t> next{0};
    p.callAll(workers, [&](int worker) {
      const Timing timing = {clockSeconds, workerSeconds[size_t(worker)].data()};
      for (int64_t index; (index = next.fetch_add(1)) < count;)
        job(index, p.workers[size_t(worker)], seconds ? &timing : nullptr);
    });
  };
  if (prologue > 0)
    spread(packers, prologue, [&](int64_t index, const Worker& mine, const Timing* timing) {
      runPrologue(plan, run, int32_t(index), mine.scratch.bytes(), timing);
    });
  plan.isPrepared = true;
  spread(used, lanes, [&](int64_t lane, const Worker& mine, const Timing* timing) {
    runLane(plan, run, lane, mine.arena.bytes(), mine.scratch.bytes(), timing);
  });
  for (const std::vector<double>& of : workerSeconds)
    for (size_t i = 0; i < of.size(); i++) seconds[i] += of[i];
  return "";
}

void callOnPool(int threads, const std::function<void(int worker)>& work) {
  Pool& p = pool();
  std::lock_guard<std::mutex> exclusive(p.running);
  p.callAll(std::max(threads, 1), work);
}

void trimPool() {
  Pool& p = pool();
  std::unique_lock<std::mutex> exclusive(p.running, std::try_to_lock);
  if (!exclusive.owns_lock()) return;
  for (Worker& worker : p.workers) {
    worker.arena.release();
    worker.scratch.release();
  }
  p.countBytes();
}

int64_t poolBytes() { return pool().bytes; }

}  // namespace whorl
