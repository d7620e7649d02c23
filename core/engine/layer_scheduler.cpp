#include "core/engine/layer_scheduler.hpp"

#include <algorithm>
#include <utility>

namespace synfire {

LayerScheduler::LayerScheduler(const ExecutionPlan& plan, std::shared_ptr<const Fabric> fabric,
                               std::uint64_t epoch, std::vector<std::string> device_names)
    : plan_(plan), fabric_(std::move(fabric)), epoch_(epoch) {
  for (std::string& name : device_names) devices_.push_back({std::move(name), {}, 0, false});
  for (const DevicePlan& device : plan.devices) {
    std::vector<StagePorts>& stages = ports_.emplace_back();
    for (const StageSpec& stage : device.stages)
      stages.push_back({std::vector<std::uint32_t>(stage.inputs.size()),
                        std::vector<std::uint32_t>(stage.outputs.size())});
  }
  for (std::uint32_t channel = 0; channel < plan.channels.size(); ++channel) {
    const PortRef& from = plan.channels[channel].from;
    ports_[from.device][from.stage].outputs[from.port] = channel;
    for (const PortRef& to : plan.channels[channel].to)
      ports_[to.device][to.stage].inputs[to.port] = channel;
  }
}

void LayerScheduler::device_up(DeviceId device, DeviceRef ref, std::uint32_t generation) {
  devices_[device].ref = std::move(ref);
  devices_[device].generation = generation;
  devices_[device].up = true;
}

bool LayerScheduler::all_up() const {
  return std::all_of(devices_.begin(), devices_.end(), [](const Device& d) { return d.up; });
}

Result<std::uint64_t> LayerScheduler::begin(std::uint64_t request, const StepBatch& batch) {
  const MessageHeader header{epoch_, request, ++n_steps_};
  step_ = Step{header, std::vector<bool>(devices_.size(), false), {}};
  for (DeviceId d = 0; d < devices_.size(); ++d) {
    if (plan_.devices[d].stages.empty()) continue;
    const SendResult sent = devices_[d].ref.try_send(message_for(d, header, batch));
    step_->waiting[d] = sent == SendResult::ok;
    if (sent != SendResult::ok)
      record(error(StatusCode::unavailable, "device {}: its mailbox is {}", devices_[d].name,
                   sent == SendResult::full ? "full" : "closed"));
  }
  if (std::find(step_->waiting.begin(), step_->waiting.end(), true) == step_->waiting.end()) {
    Status status = *settle();
    return status.ok() ? error(StatusCode::internal, "the plan has no stages") : status;
  }
  return header.step;
}

RunStep LayerScheduler::message_for(DeviceId device, const MessageHeader& header,
                                    const StepBatch& batch) const {
  RunStep message{header, batch, {}};
  for (std::uint32_t stage = 0; stage < ports_[device].size(); ++stage) {
    StageRun& run = message.runs.emplace_back();
    run.stage = {epoch_, stage, devices_[device].generation};
    for (const std::uint32_t channel : ports_[device][stage].inputs)
      run.inputs.push_back(fabric_->port(channel, header.step));
    for (const std::uint32_t channel : ports_[device][stage].outputs)
      run.outputs.push_back(fabric_->port(channel, header.step));
  }
  return message;
}

std::optional<Status> LayerScheduler::on_done(const StepDone& done) {
  if (!step_ || done.header != step_->header || done.device >= devices_.size() ||
      !step_->waiting[done.device])
    return std::nullopt;
  step_->waiting[done.device] = false;
  if (!done.status.ok()) record(done.status);
  return settle();
}

std::optional<Status> LayerScheduler::on_down(const DeviceDown& down) {
  devices_[down.device].up = false;
  devices_[down.device].ref = DeviceRef();
  if (!step_ || !step_->waiting[down.device]) return std::nullopt;
  step_->waiting[down.device] = false;
  record(error(StatusCode::unavailable, "device {}: {}", devices_[down.device].name,
               down.status.ok() ? "stopped" : down.status.message()));
  return settle();
}

bool LayerScheduler::give_up_step(std::uint64_t step, Duration limit) {
  if (!step_ || step_->header.step != step) return false;
  std::string names;
  for (const DeviceId d : unanswered()) names += (names.empty() ? "" : ", ") + devices_[d].name;
  record(error(StatusCode::deadline_exceeded, "step {}: no answer from {} within {} ms", step,
               names, std::chrono::duration_cast<std::chrono::milliseconds>(limit).count()));
  return true;
}

std::optional<Status> LayerScheduler::on_deadline(std::uint64_t step) {
  if (!step_ || step_->header.step != step) return std::nullopt;
  std::fill(step_->waiting.begin(), step_->waiting.end(), false);
  return settle();
}

std::vector<DeviceId> LayerScheduler::unanswered() const {
  std::vector<DeviceId> ids;
  for (DeviceId d = 0; step_ && d < devices_.size(); ++d)
    if (step_->waiting[d]) ids.push_back(d);
  return ids;
}

// The first cause counts; ABORTED is what the others say because of it.
void LayerScheduler::record(const Status& status) {
  if (step_->status.ok() ||
      (step_->status.code() == StatusCode::aborted && status.code() != StatusCode::aborted))
    step_->status = status;
  fabric_->abort_all(step_->header.step);
}

std::optional<Status> LayerScheduler::settle() {
  if (std::find(step_->waiting.begin(), step_->waiting.end(), true) != step_->waiting.end())
    return std::nullopt;
  Status status = std::move(step_->status);
  if (status.ok()) {
    n_forks_ += plan_.forks;
    n_joins_ += plan_.joins;
  } else {
    fabric_->forget_aborts(step_->header.step);
  }
  step_.reset();
  return status;
}

const float* LayerScheduler::rows_of(std::uint32_t channel) const {
  return static_cast<const float*>(fabric_->address(fabric_->port(channel, n_steps_).buffer));
}

std::span<const float> LayerScheduler::logits(std::uint32_t index) {
  const auto part = [&](std::uint32_t channel) -> std::span<const float> {
    const std::uint32_t width = plan_.channels[channel].value.width;
    return {rows_of(channel) + std::size_t{index} * width, width};
  };
  if (plan_.logits.size() == 1) return part(plan_.logits.front());
  row_.clear();
  for (const std::uint32_t channel : plan_.logits) {
    const std::span<const float> logits = part(channel);
    row_.insert(row_.end(), logits.begin(), logits.end());
  }
  return row_;
}

std::span<const float> LayerScheduler::rows_of(std::uint32_t channel, std::uint32_t first,
                                               std::uint32_t n) const {
  const std::size_t width = plan_.channels[channel].value.width;
  return {rows_of(channel) + first * width, n * width};
}

std::vector<LayerTap> LayerScheduler::taps(std::uint32_t first_token,
                                           std::uint32_t n_tokens) const {
  std::vector<LayerTap> taps(plan_.taps.size());
  for (std::size_t layer = 0; layer < taps.size(); ++layer)
    taps[layer].rows = rows_of(plan_.taps[layer], first_token, n_tokens);
  for (std::size_t layer = 0; layer < plan_.gate_taps.size(); ++layer)
    taps[layer].gates = rows_of(plan_.gate_taps[layer], first_token, n_tokens);
  for (const auto& [layer, channel] : plan_.score_taps)
    taps[layer].scores = rows_of(channel, first_token, n_tokens);
  return taps;
}

}  // namespace synfire
