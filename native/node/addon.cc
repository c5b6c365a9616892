// The Node-API surface: plans are created and checked here and run off the event loop. Runs of one environment are
// started strictly in the order they were asked for; runs of different environments wait for each other in the pool.
#define NAPI_VERSION 8
#include <node_api.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <thread>

#include "pool.h"

namespace {

using namespace whorl;

std::atomic<int64_t> planBytes{0};

struct Task;

// Per environment: tasks that wait for their turn.
struct Queue {
  std::deque<Task*> waiting;
  bool busy = false;
};

struct Task {
  Queue* queue;
  napi_async_work work = nullptr;
  napi_deferred deferred = nullptr;
  std::vector<napi_ref> references;
  Plan* plan = nullptr;
  Run run;
  int threads = 1;
  double* instructionSeconds = nullptr;  // set: this run is timed
  const FormatTable* peakTable = nullptr;  // set: this task measures the peak
  double seconds = 0;
  double result = 0;
  std::string problem;
};

// --- values

napi_value fail(napi_env env, const std::string& message) {
  napi_throw_error(env, nullptr, message.c_str());
  return nullptr;
}

napi_value textValue(napi_env env, const char* text) {
  napi_value value;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

napi_value numberValue(napi_env env, double number) {
  napi_value value;
  napi_create_double(env, number, &value);
  return value;
}

bool readInteger(napi_env env, napi_value value, int64_t& out) {
  double number;
  if (napi_get_value_double(env, value, &number) != napi_ok) return false;
  if (!(number >= 0 && number <= 9007199254740991.0) || number != double(int64_t(number))) return false;
  out = int64_t(number);
  return true;
}

bool readInteger(napi_env env, napi_value object, const char* key, int64_t& out) {
  napi_value value;
  return napi_get_named_property(env, object, key, &value) == napi_ok && readInteger(env, value, out);
}

std::string readText(napi_env env, napi_value value) {
  char text[32];
  size_t length = 0;
  if (napi_get_value_string_utf8(env, value, text, sizeof text, &length) != napi_ok) return "";
  return std::string(text, length);
}

const KernelTable* readIsa(napi_env env, napi_value value) { return findTable(readText(env, value).c_str()); }

struct View {
  char* bytes;
  size_t length;      // elements
  size_t byteLength;
  napi_typedarray_type type;
};

bool readView(napi_env env, napi_value value, View& view) {
  bool isView = false;
  if (napi_is_typedarray(env, value, &isView) != napi_ok || !isView) return false;
  void* bytes;
  if (napi_get_typedarray_info(env, value, &view.type, &view.length, &bytes, nullptr, nullptr) != napi_ok) return false;
  static const size_t sizes[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 8, 8};  // in the order of napi_typedarray_type
  if (size_t(view.type) >= sizeof sizes / sizeof *sizes) return false;
  view.bytes = static_cast<char*>(bytes);
  view.byteLength = view.length * sizes[view.type];
  return true;
}

// --- the queue

void startNext(napi_env env, Queue* queue);

void execute(napi_env, void* pointer) {
  Task& task = *static_cast<Task*>(pointer);
  if (!task.peakTable) {
    const int64_t before = task.plan->liveBytes();
    task.problem = runOnPool(*task.plan, task.run, task.threads, task.instructionSeconds);
    planBytes += task.plan->liveBytes() - before;
    return;
  }
  std::vector<double> rates(size_t(task.threads));
  callOnPool(task.threads, [&](int worker) {
    using Clock = std::chrono::steady_clock;
    const auto begin = Clock::now();
    double operations = 0, elapsed = 0;
    do {
      operations += task.peakTable->multiplyAdds(20000);
      elapsed = std::chrono::duration<double>(Clock::now() - begin).count();
    } while (elapsed < task.seconds);
    rates[size_t(worker)] = operations / elapsed;
  });
  for (const double rate : rates) task.result += rate;
}

void complete(napi_env env, napi_status status, void* pointer) {
  Task* task = static_cast<Task*>(pointer);
  if (status != napi_ok && task->problem.empty()) task->problem = "the run was cancelled";
  for (napi_ref reference : task->references) napi_delete_reference(env, reference);
  napi_value value;
  if (!task->problem.empty()) {
    napi_create_error(env, nullptr, textValue(env, task->problem.c_str()), &value);
    napi_reject_deferred(env, task->deferred, value);
  } else {
    if (task->peakTable)
      value = numberValue(env, task->result);
    else
      napi_get_undefined(env, &value);
    napi_resolve_deferred(env, task->deferred, value);
  }
  napi_delete_async_work(env, task->work);
  Queue* queue = task->queue;
  delete task;
  queue->busy = false;
  startNext(env, queue);
}

void startNext(napi_env env, Queue* queue) {
  if (queue->busy || queue->waiting.empty()) return;
  Task* task = queue->waiting.front();
  queue->waiting.pop_front();
  queue->busy = true;
  napi_create_async_work(env, nullptr, textValue(env, "whorl"), execute, complete, task, &task->work);
  napi_queue_async_work(env, task->work);
}

// Queues the task, or rejects at once when it already has a problem.
napi_value enqueue(napi_env env, Task* task) {
  napi_value promise;
  napi_create_promise(env, &task->deferred, &promise);
  if (!task->problem.empty()) {
    napi_value error;
    napi_create_error(env, nullptr, textValue(env, task->problem.c_str()), &error);
    napi_reject_deferred(env, task->deferred, error);
    for (napi_ref reference : task->references) napi_delete_reference(env, reference);
    delete task;
    return promise;
  }
  task->queue->waiting.push_back(task);
  startNext(env, task->queue);
  return promise;
}

Task* makeTask(napi_env env) {
  void* queue = nullptr;
  napi_get_instance_data(env, &queue);
  Task* task = new Task;
  task->queue = static_cast<Queue*>(queue);
  return task;
}

// --- functions

napi_value kernels(napi_env env, napi_callback_info) {
  napi_value list;
  const uint32_t count = formatCount * uint32_t(kernelCount);
  napi_create_array_with_length(env, count, &list);
  for (uint32_t i = 0; i < count; i++) napi_set_element(env, list, i, textValue(env, kernelName(int(i)).c_str()));
  return list;
}

napi_value formatsOf(napi_env env, const KernelTable& table) {
  napi_value list;
  napi_create_array(env, &list);
  uint32_t count = 0;
  for (int format = 0; format < formatCount; format++)
    if (table.formats[format]) napi_set_element(env, list, count++, textValue(env, formatNames[format]));
  return list;
}

napi_value cpu(napi_env env, napi_callback_info) {
  napi_value result, isas, features, formats;
  napi_create_object(env, &result);
  napi_create_object(env, &formats);
  napi_create_array(env, &isas);
  napi_create_array(env, &features);
  const KernelTable* tables[maxTables];
  const int count = supportedTables(tables);
  for (int i = 0; i < count; i++) {
    napi_set_element(env, isas, uint32_t(i), textValue(env, tables[i]->isa));
    napi_set_named_property(env, formats, tables[i]->isa, formatsOf(env, *tables[i]));
  }
  const char* names[32];
  const int flags = cpuFeatures(names, 32);
  for (int i = 0; i < flags; i++) napi_set_element(env, features, uint32_t(i), textValue(env, names[i]));
  napi_set_named_property(env, result, "isa", isas);
  napi_set_named_property(env, result, "formats", formats);
  napi_set_named_property(env, result, "features", features);
  napi_set_named_property(env, result, "cores", numberValue(env, double(std::thread::hardware_concurrency())));
#if defined(__clang__)
  napi_set_named_property(env, result, "compiler", textValue(env, "clang++ " __clang_version__));
#else
  napi_set_named_property(env, result, "compiler", textValue(env, "g++ " __VERSION__));
#endif
  return result;
}

void freePlan(napi_env, void* pointer, void*) {
  Plan* plan = static_cast<Plan*>(pointer);
  planBytes -= plan->liveBytes();
  delete plan;
}

// Tells plans from other externals, so that a foreign pointer is an error and not a crash.
constexpr napi_type_tag planTag = {0x77686f726c706c61, 0x6e2d76657273696f};

napi_value createPlan(napi_env env, napi_callback_info info) {
  size_t count = 6;
  napi_value arguments[6];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  constexpr int64_t mostBytes = int64_t(1) << 40;
  View program;
  int64_t arenaBytes, slotCount, prologue, preparedBytes;
  if (count < 6 || !readView(env, arguments[0], program) || program.type != napi_float64_array)
    return fail(env, "createPlan: the program must be a Float64Array, and five more arguments follow");
  if (!readInteger(env, arguments[1], arenaBytes) || arenaBytes > mostBytes)
    return fail(env, "createPlan: arenaBytes must be a whole number of bytes");
  if (!readInteger(env, arguments[2], slotCount) || slotCount < 2 || slotCount > 65536)
    return fail(env, "createPlan: slotCount must be 2 (the arena and the prepared block) to 65536");
  if (!readInteger(env, arguments[4], prologue) || prologue > INT32_MAX)
    return fail(env, "createPlan: prologue must be a number of instructions");
  if (!readInteger(env, arguments[5], preparedBytes) || preparedBytes > mostBytes)
    return fail(env, "createPlan: preparedBytes must be a whole number of bytes");
  const KernelTable* table = readIsa(env, arguments[3]);
  if (!table) return fail(env, "createPlan: instruction set '" + readText(env, arguments[3]) + "' is not available here");

  Plan* plan = new Plan{table, arenaBytes, int32_t(slotCount), int32_t(prologue), preparedBytes, {}, {}};
  const std::string problem = decodePlan(reinterpret_cast<const double*>(program.bytes), program.length, *plan);
  if (!problem.empty()) {
    delete plan;
    return fail(env, "createPlan: " + problem);
  }
  planBytes += plan->liveBytes();
  napi_value external;
  if (napi_create_external(env, plan, freePlan, nullptr, &external) != napi_ok) {
    freePlan(env, plan, nullptr);
    return fail(env, "createPlan: out of memory");
  }
  napi_type_tag_object(env, external, &planTag);
  return external;
}

// Reads one binding and keeps its array alive for the task.
bool readBinding(napi_env env, napi_value value, Task& task) {
  napi_value buffer;
  View view;
  Binding binding{};
  if (napi_get_named_property(env, value, "buffer", &buffer) != napi_ok || !readView(env, buffer, view) ||
      !readInteger(env, value, "rowStride", binding.rowStride) ||
      !readInteger(env, value, "laneStride", binding.laneStride) || binding.rowStride % 2 != 0 ||
      binding.laneStride % 2 != 0)
    return false;
  binding.base = view.bytes;
  binding.byteLength = int64_t(view.byteLength);
  task.run.bindings.push_back(binding);
  napi_ref reference;
  napi_create_reference(env, buffer, 1, &reference);
  task.references.push_back(reference);
  return true;
}

// An optional argument of runPlan; false when it is there and does not fit.
bool readSeconds(napi_env env, napi_value value, Task& task) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type == napi_undefined) return true;
  View view;
  if (!readView(env, value, view) || view.type != napi_float64_array || view.length < task.plan->instructions.size())
    return false;
  task.instructionSeconds = reinterpret_cast<double*>(view.bytes);
  napi_ref reference;
  napi_create_reference(env, value, 1, &reference);
  task.references.push_back(reference);
  return true;
}

// An optional argument of runPlan; false when it is there and does not fit.
bool readSameWeights(napi_env env, napi_value value, Run& run) {
  napi_valuetype type;
  if (napi_typeof(env, value, &type) != napi_ok || type == napi_undefined) return true;
  return napi_get_value_bool(env, value, &run.sameWeights) == napi_ok;
}

napi_value runPlan(napi_env env, napi_callback_info info) {
  size_t count = 9;
  napi_value arguments[9];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  Task* task = makeTask(env);
  bool isPlan = false;
  void* plan = nullptr;
  if (count < 7 || napi_check_object_type_tag(env, arguments[0], &planTag, &isPlan) != napi_ok || !isPlan ||
      napi_get_value_external(env, arguments[0], &plan) != napi_ok) {
    // A failed check on a non-object leaves an exception pending; the promise carries the error instead.
    napi_value ignored;
    napi_get_and_clear_last_exception(env, &ignored);
    task->problem = "runPlan: expected a plan and six more arguments";
    return enqueue(env, task);
  }
  task->plan = static_cast<Plan*>(plan);
  napi_ref reference;
  napi_create_reference(env, arguments[0], 1, &reference);
  task->references.push_back(reference);

  uint32_t bindings = 0;
  if (napi_get_array_length(env, arguments[1], &bindings) != napi_ok) {
    task->problem = "runPlan: bindings must be an array";
    return enqueue(env, task);
  }
  for (uint32_t i = 0; i < bindings; i++) {
    napi_value binding;
    if (napi_get_element(env, arguments[1], i, &binding) != napi_ok || !readBinding(env, binding, *task)) {
      task->problem = "runPlan: binding of slot " + std::to_string(i + 1) +
                      " must have a typed array `buffer`, and `rowStride` and `laneStride` in bytes, multiples of 2";
      return enqueue(env, task);
    }
  }
  int64_t threads = 0;
  Run& run = task->run;
  if (!readInteger(env, arguments[2], run.rows) || !readInteger(env, arguments[3], run.tokens) ||
      !readInteger(env, arguments[4], run.microBatch) || !readInteger(env, arguments[5], run.lanes) ||
      !readInteger(env, arguments[6], threads) || threads < 1 || threads > 1024) {
    task->problem = "runPlan: rows, tokens, microBatch, lanes and threads (1..1024) must be whole numbers";
    return enqueue(env, task);
  }
  task->threads = int(threads);
  if (!readSeconds(env, arguments[7], *task)) {
    task->problem = "runPlan: seconds must be a Float64Array with an element an instruction";
    return enqueue(env, task);
  }
  if (!readSameWeights(env, arguments[8], run)) {
    task->problem = "runPlan: reuse must be true or false";
    return enqueue(env, task);
  }
  const std::string problem = checkRun(*task->plan, run);
  if (!problem.empty()) task->problem = "runPlan: " + problem;
  return enqueue(env, task);
}

// The kernels of instruction set and number format; nullptr when there are none here.
const FormatTable* readFormat(napi_env env, napi_value isa, napi_value format) {
  const KernelTable* table = readIsa(env, isa);
  for (int i = 0; i < formatCount; i++)
    if (table && readText(env, format) == formatNames[i]) return table->formats[i];
  return nullptr;
}

napi_value peak(napi_env env, napi_callback_info info) {
  size_t count = 4;
  napi_value arguments[4];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  Task* task = makeTask(env);
  int64_t threads = 0;
  task->peakTable = count < 4 ? nullptr : readFormat(env, arguments[0], arguments[3]);
  if (!task->peakTable || !readInteger(env, arguments[1], threads) || threads < 1 || threads > 1024 ||
      napi_get_value_double(env, arguments[2], &task->seconds) != napi_ok)
    task->problem =
        "peak: expected an available instruction set, a thread count, a number of seconds and a number format of it";
  task->threads = int(threads);
  return enqueue(env, task);
}

napi_value liveBytes(napi_env env, napi_callback_info) { return numberValue(env, double(poolBytes() + planBytes)); }

napi_value trim(napi_env env, napi_callback_info) {
  trimPool();
  napi_value nothing;
  napi_get_undefined(env, &nothing);
  return nothing;
}

}  // namespace

NAPI_MODULE_INIT(/* napi_env env, napi_value exports */) {
  Queue* queue = new Queue;
  napi_set_instance_data(env, queue, [](napi_env, void* data, void*) { delete static_cast<Queue*>(data); }, nullptr);
  const struct {
    const char* name;
    napi_callback call;
  } functions[] = {{"kernels", kernels}, {"cpu", cpu},   {"createPlan", createPlan}, {"runPlan", runPlan},
                   {"peak", peak},       {"trim", trim}, {"liveBytes", liveBytes}};
  for (const auto& function : functions) {
    napi_value value;
    napi_create_function(env, function.name, NAPI_AUTO_LENGTH, function.call, nullptr, &value);
    napi_set_named_property(env, exports, function.name, value);
  }
  return exports;
}
