#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/actor/actor_handle.hpp"
#include "core/actor/manual_executor.hpp"
#include "core/engine/assets.hpp"
#include "core/engine/device_actor.hpp"
#include "tests/support/tiny_model.hpp"

namespace synfire::test {

// A tiny model on reference devices, ready to be opened. `devices` as users write them.
std::shared_ptr<const EngineAssets> tiny_assets(
    std::string_view devices, const std::function<void(EngineConfig&)>& change = {},
    const TinyShape& shape = {});

// The device actors of an engine, all on one manual executor, without their engine.
class ManualDevices {
 public:
  struct Events {
    std::function<void(DeviceId, std::uint32_t generation)> on_ready;
    std::function<void(StepDone)> on_done;
    std::function<void(DeviceId, const Down&)> on_down;
  };

  ManualDevices(std::shared_ptr<const EngineAssets> assets,
                std::shared_ptr<ManualExecutor> executor, Events events);

  // The next generation of a device that is not there.
  void start(DeviceId device);
  // Declares it dead, as the engine does with one that does not answer.
  void kill(DeviceId device, Status why);

  [[nodiscard]] DeviceRef ref(DeviceId device) const { return slots_[device].actor.ref(); }
  [[nodiscard]] bool alive(DeviceId device) const { return slots_[device].actor.alive(); }
  // Its actor was destroyed, so nothing of it touches shared memory any more.
  [[nodiscard]] bool gone(DeviceId device) const { return slots_[device].presence.expired(); }
  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  [[nodiscard]] const std::shared_ptr<const Fabric>& fabric() const { return fabric_; }

 private:
  struct Slot {
    ActorHandle<RunStep, DeviceControl> actor;
    std::uint32_t generation = 0;
    std::weak_ptr<int> presence;  // held by the actor
  };

  std::shared_ptr<const EngineAssets> assets_;
  std::shared_ptr<ManualExecutor> executor_;
  Events events_;
  std::shared_ptr<const Fabric> fabric_;
  std::vector<Slot> slots_;
};

}  // namespace synfire::test
