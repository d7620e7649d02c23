#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/actor/actor_handle.hpp"
#include "core/actor/thread_executor.hpp"
#include "core/engine/device_actor.hpp"

namespace synfire {

// One device's thread and actor, and the means to begin again with a new pair when the old one died
// or hangs. Held by a shared_ptr. Thread-safe.
class DeviceHost : public std::enable_shared_from_this<DeviceHost> {
 public:
  // `config` without generation and callbacks. `spin`: how long the thread polls for work before it
  // sleeps.
  DeviceHost(DeviceActorConfig config, Duration spin);

  // Starts the next generation; `on_ready` is called on its thread once it is loaded, `on_down`
  // once at its end.
  Status start(std::function<void(std::uint32_t generation)> on_ready,
               std::function<void(StepDone)> on_done, DownListener on_down);

  [[nodiscard]] const std::string& name() const { return config_.name; }
  [[nodiscard]] DeviceRef ref() const;
  // Ends what the device is doing, and its actor: for a device that does not answer.
  void give_up(const Status& why);
  // Ends the actor, and waits for its thread: only one that hangs in the plugin is left behind.
  void stop();

 private:
  struct Generation {
    std::uint32_t number = 0;
    std::shared_ptr<ThreadExecutor> thread;
    ActorHandle<RunStep, DeviceControl> actor;
    std::optional<host::Aborter> aborter;
  };

  DeviceActorConfig config_;
  Duration spin_;
  mutable std::mutex mutex_;
  Generation current_;
};

}  // namespace synfire
