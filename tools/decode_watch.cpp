#include "tools/decode_watch.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace synfire::cli {
namespace {

void add(const DeviceCounts& more, DeviceCounts& to) {
  to.stages += more.stages;
  to.tokens += more.tokens;
  to.busy_ns += more.busy_ns;
  to.wait_ns += more.wait_ns;
  to.weight_bytes += more.weight_bytes;
  to.neuron_bytes += more.neuron_bytes;
  to.neurons += more.neurons;
  to.active += more.active;
  to.gate_rows += more.gate_rows;
  to.up_rows += more.up_rows;
  to.down_rows += more.down_rows;
}

DeviceCounts difference(const DeviceCounts& from, const DeviceCounts& to) {
  return {to.stages - from.stages,
          to.tokens - from.tokens,
          to.busy_ns - from.busy_ns,
          to.wait_ns - from.wait_ns,
          to.weight_bytes - from.weight_bytes,
          to.neuron_bytes - from.neuron_bytes,
          to.neurons - from.neurons,
          to.active - from.active,
          to.gate_rows - from.gate_rows,
          to.up_rows - from.up_rows,
          to.down_rows - from.down_rows};
}

}  // namespace

class DecodeWatch::Sink final : public RequestSink {
 public:
  Sink(std::shared_ptr<DecodeWatch> watch, std::uint32_t request)
      : watch_(std::move(watch)), request_(request) {}
  void on_token(const TokenEvent&) override { watch_->on_token(request_); }
  void on_finish(const FinishEvent& finish) override { watch_->on_finish(finish); }

 private:
  std::shared_ptr<DecodeWatch> watch_;
  std::uint32_t request_;
};

DecodeWatch::DecodeWatch(const Engine& engine, const BenchShape& shape)
    : engine_(engine), decode_(shape.decode), steps_(shape.batch) {}

std::shared_ptr<RequestSink> DecodeWatch::sink(std::uint32_t request) {
  return std::make_shared<Sink>(shared_from_this(), request);
}

void DecodeWatch::on_token(std::uint32_t request) {
  const std::lock_guard lock(mutex_);
  std::vector<std::uint64_t>& steps = steps_[request];
  steps.push_back(engine_.stats().steps);
  if (steps.size() == 1 && ++begun_ == steps_.size()) {
    from_ = mark();
    last_ = request;
  }
  if (!from_ || to_ || request != last_ || steps.size() != decode_ + 1) return;
  to_ = mark();
  changed_.notify_all();
}

void DecodeWatch::on_finish(const FinishEvent& finish) {
  const std::lock_guard lock(mutex_);
  ++ended_;
  if (!to_ && failure_.ok()) failure_ = finish.status;
  changed_.notify_all();
}

void DecodeWatch::wait_for_sample() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return to_ || !failure_.ok() || ended_ == steps_.size(); });
}

void DecodeWatch::wait_for_ends(std::uint32_t requests) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ended_ >= requests; });
}

DecodeWatch::Mark DecodeWatch::mark() const {
  const EngineStats stats = engine_.stats();
  Mark made{std::chrono::steady_clock::now(), stats.steps, stats.compute_time, 0, {}, {}};
  for (const DeviceStatus& device : engine_.devices()) {
    add(device.counts, made.counts);
    made.busy_ns = std::max(made.busy_ns, device.counts.busy_ns);
    made.device_ns.push_back(device.counts.busy_ns);
  }
  return made;
}

Result<DecodeSample> DecodeWatch::sample() const {
  const std::lock_guard lock(mutex_);
  if (!failure_.ok()) return failure_;
  if (!from_ || !to_)
    return error(StatusCode::internal, "decode: {} of {} requests began, and ended too soon",
                 begun_, steps_.size());
  DecodeSample made;
  made.seconds = std::max(std::chrono::duration<double>(to_->at - from_->at).count(), 1e-9);
  made.steps = to_->steps - from_->steps;
  for (const std::vector<std::uint64_t>& steps : steps_)
    made.tokens += static_cast<std::uint64_t>(std::count_if(
        steps.begin(), steps.end(),
        [this](std::uint64_t step) { return step > from_->steps && step <= to_->steps; }));
  made.compute_seconds = std::chrono::duration<double>(to_->compute - from_->compute).count();
  made.busy_seconds = static_cast<double>(to_->busy_ns - from_->busy_ns) * 1e-9;
  for (std::size_t d = 0; d < to_->device_ns.size(); ++d)
    made.device_seconds.push_back(static_cast<double>(to_->device_ns[d] - from_->device_ns[d]) *
                                  1e-9);
  made.counts = difference(from_->counts, to_->counts);
  return made;
}

}  // namespace synfire::cli
