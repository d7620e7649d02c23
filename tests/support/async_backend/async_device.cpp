#include "tests/support/async_backend/async_device.hpp"

#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

namespace synfire::async_backend {

AsyncDevice::AsyncDevice(const AsyncOptions& options)
    : KernelDevice(&reference::find_kernel),
      disturbance_(options),
      thread_([this] { run_jobs(); }) {}

AsyncDevice::~AsyncDevice() {
  abort();
  {
    const std::lock_guard lock(mutex_);
    closing_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

// ---- Memory ----

void AsyncDevice::copy(void* to, std::uint32_t to_kind, const void* from, std::uint32_t from_kind,
                       std::uint64_t bytes) {
  void* const target = to_kind == SF_MEMORY_DEVICE ? memory_.touchable(to, bytes) : to;
  const void* const source = from_kind == SF_MEMORY_DEVICE ? memory_.touchable(from, bytes) : from;
  std::memcpy(target, source, bytes);
}

std::unique_ptr<sdk::Weights> AsyncDevice::upload_weights(const sf_tensor_desc& tensor) {
  sf_tensor_desc copied = tensor;
  copied.flags &= ~std::uint32_t{SF_TENSOR_BORROW};
  return KernelDevice::upload_weights(copied);
}

void AsyncDevice::upload_groups(sdk::Neurons& neurons, std::span<const sf_group_source> groups) {
  require_idle("upload_groups");
  std::vector<sf_group_source> copied(groups.begin(), groups.end());
  for (sf_group_source& group : copied) group.flags &= ~std::uint32_t{SF_TENSOR_BORROW};
  KernelDevice::upload_groups(neurons, copied);
}

void AsyncDevice::evict_groups(sdk::Neurons& neurons, std::span<const std::uint32_t> ids) {
  require_idle("evict_groups");
  KernelDevice::evict_groups(neurons, ids);
}

void AsyncDevice::require_idle(const char* what) const {
  if (under_way_.load(std::memory_order_acquire) != 0)
    throw sdk::Error(sdk::kFailedPrecondition,
                     std::string("async: ") + what + " while a stage is under way");
}

// ---- Stages ----

std::unique_ptr<sdk::Stage> AsyncDevice::compile_stage(const sf_stage_desc& desc) {
  return std::make_unique<AsyncStage>(desc, disturbance_, counters_);
}

void AsyncDevice::require_known(const sf_batch& batch) const {
  const std::size_t n = batch.n_tokens * sizeof(std::uint32_t);
  known_.require(batch.tokens, n, "batch tokens");
  known_.require(batch.positions, n, "batch positions");
  known_.require(batch.sequences, n, "batch sequences");
  known_.require(batch.wanted, batch.n_wanted * sizeof(std::uint32_t), "batch wanted");
  known_.require(batch.block_tables,
                 std::size_t{batch.n_sequences} * batch.max_blocks * sizeof(std::uint32_t),
                 "batch block_tables");
}

void AsyncDevice::require_known(const AsyncStage& stage, const sf_submission& submission) const {
  const auto require = [&](const sf_port_binding& port, const char* kind, std::uint32_t index) {
    const std::string name = stage.name() + " " + kind + " port " + std::to_string(index);
    known_.require(port.address, port.bytes, name);
    if (port.flag != nullptr) known_.require(port.flag, sizeof *port.flag, name + " flag");
  };
  for (std::uint32_t i = 0; i < stage.n_inputs(); ++i) require(submission.inputs[i], "input", i);
  for (std::uint32_t i = 0; i < stage.n_outputs(); ++i) require(submission.outputs[i], "output", i);
  require_known(*submission.batch);
}

void AsyncDevice::submit(sdk::Stage& stage, const sf_submission& submission) {
  auto& made = static_cast<AsyncStage&>(stage);
  require_known(made, submission);
  under_way_.fetch_add(1, std::memory_order_relaxed);
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back({this, &made, submission});
  }
  changed_.notify_all();
}

void AsyncDevice::abort() {
  KernelDevice::abort();
  disturbance_.release();
}

void AsyncDevice::run_jobs() {
  for (;;) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closing_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    Job job = jobs_.front();
    jobs_.pop_front();
    lock.unlock();
    run(job);
  }
}

void AsyncDevice::run(Job& job) {
  disturbance_.begin_submission();
  sf_submission own = job.submission;
  own.notify = &forward;
  own.context = &job;
  job.stage->run(own, stop_);
}

// The device is idle by the time that the host hears of the end.
void AsyncDevice::forward(void* context, std::uint32_t what, sf_error* error) {
  const Job& job = *static_cast<Job*>(context);
  if (what == SF_STAGE_DONE) job.device->under_way_.fetch_sub(1, std::memory_order_release);
  if (job.submission.notify != nullptr)
    job.submission.notify(job.submission.context, what, error);
  else if (error != nullptr)
    sdk::host()->error_destroy(error);
}

// ---- Probe ----

void AsyncDevice::measure(sf_measurement& measurement) {
  using Clock = std::chrono::steady_clock;
  KernelDevice::measure(measurement);
  constexpr std::size_t kBytes = 64u << 20;
  const std::vector<std::byte> from(kBytes);
  void* const to = alloc(kBytes);
  const Clock::time_point start = Clock::now();
  copy(to, SF_MEMORY_DEVICE, from.data(), SF_MEMORY_HOST, kBytes);
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  free(to);
  measurement.host_bandwidth = static_cast<double>(kBytes) / seconds;
}

}  // namespace synfire::async_backend
