#include "core/engine/device_host.hpp"

#include <atomic>
#include <future>

#include <gtest/gtest.h>

namespace synfire {
namespace {

// Says when it goes: held by a callback that only the actor holds.
struct Witness {
  std::atomic<bool>& gone;
  ~Witness() { gone = true; }
};

// A thread that outlives stop() runs into the destruction of statics when the process exits.
TEST(DeviceHost, StopWaitsForATurnUnderWay) {
  std::promise<void> opening, stopped;
  std::atomic<bool> gone = false;
  DeviceActorConfig config;
  config.name = "test:0";
  config.limits = {1, 1, 1};
  config.open = [&]() -> Result<LoadedDevice> {
    opening.set_value();
    // Only a stop() that does not wait comes back before this has.
    stopped.get_future().wait_for(std::chrono::milliseconds(50));
    return error(StatusCode::unavailable, "not opened");
  };
  const auto host = std::make_shared<DeviceHost>(std::move(config), Duration(0));
  auto witness = std::make_shared<Witness>(gone);
  ASSERT_TRUE(host->start([](std::uint32_t) {}, [held = std::move(witness)](StepDone) {}, {}).ok());
  opening.get_future().wait();
  host->stop();
  const bool gone_in_time = gone;
  stopped.set_value();
  EXPECT_TRUE(gone_in_time);
}

}  // namespace
}  // namespace synfire
