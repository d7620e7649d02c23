#include "backends/reference/reference_device.hpp"

#include <chrono>
#include <cstdint>
#include <future>
#include <numeric>
#include <vector>

namespace synfire::reference {
namespace {

using Clock = std::chrono::steady_clock;

// Runs `body` until `enough` seconds have passed; returns seconds per run.
template <typename Body>
double seconds_per_run(double enough, const Body& body) {
  const Clock::time_point start = Clock::now();
  for (double runs = 1;; ++runs) {
    body();
    const double passed = std::chrono::duration<double>(Clock::now() - start).count();
    if (passed >= enough) return passed / runs;
  }
}

// Bytes/s of one core reading a buffer that no cache holds.
double read_bandwidth() {
  const std::vector<std::uint64_t> buffer(16u << 20, 1);  // 128 MiB
  volatile std::uint64_t sink = 0;
  const double seconds = seconds_per_run(
      0.2, [&] { sink = sink + std::accumulate(buffer.begin(), buffer.end(), std::uint64_t{0}); });
  return static_cast<double>(buffer.size() * sizeof(std::uint64_t)) / seconds;
}

// Also for devices derived from this one, whose stages may end on another thread.
void run_and_wait(sdk::Device& device, sdk::Stage& stage) {
  std::promise<void> done;
  sf_batch batch{};
  sf_submission submission{};
  submission.batch = &batch;
  submission.context = &done;
  submission.notify = [](void* context, std::uint32_t, sf_error* error) {
    if (error != nullptr) sdk::host()->error_destroy(error);
    static_cast<std::promise<void>*>(context)->set_value();
  };
  device.submit(stage, submission);
  done.get_future().wait();
}

}  // namespace

void ReferenceDevice::measure(sf_measurement& measurement) {
  measurement.read_bandwidth = read_bandwidth();
  measurement.host_bandwidth = 0;  // the same memory
  sf_stage_desc nothing{};
  nothing.struct_size = sizeof nothing;
  nothing.name = "empty stage";
  const std::unique_ptr<sdk::Stage> stage = compile_stage(nothing);
  measurement.submit_seconds = seconds_per_run(0.01, [&] { run_and_wait(*this, *stage); });
}

}  // namespace synfire::reference
