#pragma once

#include <chrono>
#include <cstdint>
#include <future>
#include <numeric>
#include <vector>

#include "plugins/sdk/backend.hpp"

// Plain probes for Device::measure() of devices in host memory.
namespace synfire::sdk {

// Runs `body` until `enough` seconds have passed; returns seconds per run.
template <typename Body>
double seconds_per_run(double enough, const Body& body) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  for (double runs = 1;; ++runs) {
    body();
    const double passed = std::chrono::duration<double>(Clock::now() - start).count();
    if (passed >= enough) return passed / runs;
  }
}

// Bytes/s of the calling thread reading a buffer that no cache holds.
inline double one_core_read_bandwidth() {
  const std::vector<std::uint64_t> buffer(16u << 20, 1);  // 128 MiB
  volatile std::uint64_t sink = 0;
  const double seconds = seconds_per_run(
      0.2, [&] { sink = sink + std::accumulate(buffer.begin(), buffer.end(), std::uint64_t{0}); });
  return static_cast<double>(buffer.size() * sizeof(std::uint64_t)) / seconds;
}

// Runs a stage without ports and blocks until it ended, on whatever thread the device runs it.
inline void run_and_wait(Device& device, Stage& stage) {
  std::promise<void> done;
  sf_batch batch{};
  sf_submission submission{};
  submission.batch = &batch;
  submission.context = &done;
  submission.notify = [](void* context, std::uint32_t, sf_error* error) {
    if (error != nullptr) host()->error_destroy(error);
    static_cast<std::promise<void>*>(context)->set_value();
  };
  device.submit(stage, submission);
  done.get_future().wait();
}

// Seconds from the submission of nothing to its end.
inline double empty_submit_seconds(Device& device) {
  sf_stage_desc nothing{};
  nothing.struct_size = sizeof nothing;
  nothing.name = "empty stage";
  const std::unique_ptr<Stage> stage = device.compile_stage(nothing);
  return seconds_per_run(0.01, [&] { run_and_wait(device, *stage); });
}

}  // namespace synfire::sdk
