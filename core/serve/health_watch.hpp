#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

#include "core/base/clock.hpp"
#include "core/engine/engine.hpp"

namespace synfire {

// Looks at the engine's devices again and again, and tells when one is lost. A thread of its own; a
// lost device never comes back, so it ends once it has told.
class HealthWatch {
 public:
  // `engine` outlives the watch. `on_lost` is called once, at most, from the watch's thread.
  HealthWatch(const Engine& engine, Duration interval,
              std::function<void(const DeviceStatus&)> on_lost);

 private:
  void run(const std::stop_token& stop);
  [[nodiscard]] bool look();

  const Engine& engine_;
  const Duration interval_;
  const std::function<void(const DeviceStatus&)> on_lost_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::jthread thread_;  // last: it uses the others
};

}  // namespace synfire
