#include "core/serve/health_watch.hpp"

#include <utility>

namespace synfire {

HealthWatch::HealthWatch(const Engine& engine, Duration interval,
                         std::function<void(const DeviceStatus&)> on_lost)
    : engine_(engine),
      interval_(interval),
      on_lost_(std::move(on_lost)),
      thread_([this](const std::stop_token& stop) { run(stop); }) {}

void HealthWatch::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested() && !look())
    wake_.wait_for(lock, stop, interval_, [] { return false; });
}

bool HealthWatch::look() {
  for (const DeviceStatus& device : engine_.devices()) {
    if (!device.lost) continue;
    on_lost_(device);
    return true;
  }
  return false;
}

}  // namespace synfire
