#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/engine/device_actor.hpp"
#include "core/engine/fabric.hpp"
#include "core/engine/messages.hpp"
#include "core/engine/tap_sink.hpp"
#include "core/runtime/stage_plan.hpp"

namespace synfire {

// Sends a step to the devices and waits for all of them. It sends, it never computes: one RunStep
// per device and step, with all its stages; the devices meet at the events of the plan's channels.
// Touched by the engine's actor alone.
class LayerScheduler {
 public:
  struct Device {
    std::string name;
    DeviceRef ref;                 // of its actor, while it is up
    std::uint32_t generation = 0;  // rises with every restart
    bool up = false;
  };

  LayerScheduler(const ExecutionPlan& plan, std::shared_ptr<const Fabric> fabric,
                 std::uint64_t epoch, std::vector<std::string> device_names);

  void device_up(DeviceId device, DeviceRef ref, std::uint32_t generation);
  [[nodiscard]] bool all_up() const;
  [[nodiscard]] bool busy() const { return step_.has_value(); }
  [[nodiscard]] std::uint64_t step_number() const { return n_steps_; }

  // Begins a step; its number. An error when a device does not take it, and then nothing is under
  // way.
  Result<std::uint64_t> begin(std::uint64_t request, const StepBatch& batch);

  // Each gives the step's outcome once it is known, and nullopt before, or when it is about
  // something else.
  [[nodiscard]] std::optional<Status> on_done(const StepDone& done);
  [[nodiscard]] std::optional<Status> on_down(const DeviceDown& down);
  // For a step that was given up: ends it without those that have not answered.
  [[nodiscard]] std::optional<Status> on_deadline(std::uint64_t step);

  // Fails the step under way, so that devices which wait for others answer. False: that step is not
  // under way.
  [[nodiscard]] bool give_up_step(std::uint64_t step, Duration limit);

  // Devices that have not answered the step under way.
  [[nodiscard]] std::vector<DeviceId> unanswered() const;

  // Row `index` of the last step's logits, in the order of batch.wanted. Valid until the next call.
  [[nodiscard]] std::span<const float> logits(std::uint32_t index);

  // How many layers' taps the host reads, and those of some tokens of the last step, valid until
  // the next one.
  [[nodiscard]] std::uint32_t n_taps() const {
    return static_cast<std::uint32_t>(plan_.taps.size());
  }
  [[nodiscard]] std::vector<LayerTap> taps(std::uint32_t first_token, std::uint32_t n_tokens) const;

  [[nodiscard]] std::uint64_t forks() const { return n_forks_; }
  [[nodiscard]] std::uint64_t joins() const { return n_joins_; }

 private:
  struct Step {
    MessageHeader header;
    std::vector<bool> waiting;  // by device
    Status status;              // the first error
  };

  [[nodiscard]] RunStep message_for(DeviceId device, const MessageHeader& header,
                                    const StepBatch& batch) const;
  // What the last step wrote to a channel of rows.
  [[nodiscard]] const float* rows_of(std::uint32_t channel) const;
  [[nodiscard]] std::span<const float> rows_of(std::uint32_t channel, std::uint32_t first,
                                               std::uint32_t n) const;
  void record(const Status& status);
  [[nodiscard]] std::optional<Status> settle();

  const ExecutionPlan& plan_;
  std::shared_ptr<const Fabric> fabric_;
  std::uint64_t epoch_;
  std::vector<Device> devices_;
  // By device and stage: the channels of the ports.
  struct StagePorts {
    std::vector<std::uint32_t> inputs, outputs;
  };
  std::vector<std::vector<StagePorts>> ports_;
  std::vector<float> row_;  // of logits, where several devices have parts of it
  std::optional<Step> step_;
  std::uint64_t n_steps_ = 0, n_forks_ = 0, n_joins_ = 0;
};

}  // namespace synfire
