#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "core/actor/actor.hpp"
#include "core/engine/batch_memory.hpp"
#include "core/engine/compute_time.hpp"
#include "core/engine/fabric.hpp"
#include "core/engine/messages.hpp"
#include "core/runtime/loaded_device.hpp"

namespace synfire {

using DeviceControl = std::variant<CancelStep, StopDevice>;
using DeviceRef = ActorRef<RunStep, DeviceControl>;

// What a device actor needs, and whom it tells.
struct DeviceActorConfig {
  DeviceId id = 0;
  std::string name;              // as users said it: "cpu:0[cores=0]"
  std::uint64_t epoch = 0;       // steps of another one are dropped
  std::uint32_t generation = 0;  // of its stages
  bool waits_itself =
      false;  // the device takes inputs that are not signalled yet (SF_DEVICE_ASYNC)
  BatchLimits limits;
  // Opens and loads the device, on the actor's thread.
  std::function<Result<LoadedDevice>()> open;
  std::shared_ptr<const Fabric> fabric;
  // Of all devices; told of each stage.
  std::shared_ptr<ComputeTime> compute_time = std::make_shared<ComputeTime>();
  // Called on the actor's thread; must not block.
  std::function<void(const host::Aborter&)> on_ready;
  std::function<void(StepDone)> on_done;
};

// The only owner of one device. Takes one RunStep at a time, submits its stages in order, each as
// soon as its input events are signalled (at once on devices that wait by themselves), and answers
// each step with exactly one StepDone. Waiting for an event never blocks the thread: the actor is
// woken by whoever signals it, and hears control meanwhile.
class DeviceActor final : public Actor<RunStep, DeviceControl> {
 public:
  explicit DeviceActor(DeviceActorConfig config);
  ~DeviceActor() override;

  void on_start() override;
  void receive(RunStep&& step) override;
  void receive_control(DeviceControl&& control) override;
  std::optional<Wait> poll() override;

 private:
  struct Step;

  [[nodiscard]] Status check(const RunStep& step) const;
  // Submits what can be; the wait for what cannot.
  std::optional<Wait> advance();
  [[nodiscard]] Wait wait() const;
  [[nodiscard]] Fabric::EventState inputs_state(const StageRun& run) const;
  Status open();
  void submit_next();
  void abort_rest() const;
  void finish();
  DeviceCounts counts();
  static void notify(void* context, std::uint32_t what, sf_error* error);

  DeviceActorConfig config_;
  // Destroyed in reverse: registrations before the device, the device before what its stages read.
  std::unique_ptr<Step> step_;  // under way
  bool counts_ = true;          // the device does, as far as is known
  BatchMemory batch_;
  std::optional<LoadedDevice> device_;
  host::HostRegistration fabric_registration_, batch_registration_;
};

}  // namespace synfire
