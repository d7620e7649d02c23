#include "tools/measured_devices.hpp"

#include <algorithm>
#include <future>

#include "core/sparsity/ffn_traffic.hpp"
#include "core/tensor/host_region.hpp"

namespace synfire::cli {
namespace {

// Between two actors, one way (tests/bench/NOTES.md, "Threads and hand-offs").
constexpr double kHandOffSeconds = 1e-6;

// On the calling thread, which owns the device meanwhile.
Result<sf_measurement> measure(const DeviceChoice& choice) {
  SYNFIRE_ASSIGN_OR_RETURN(host::Device device,
                           choice.backend.open_device(choice.index, choice.options));
  SYNFIRE_ASSIGN_OR_RETURN(const sf_measurement measurement, device.measure());
  if (!(measurement.read_bandwidth > 0))
    return error(StatusCode::failed_precondition, "device {}: it measures no bandwidth",
                 choice.name);
  return measurement;
}

Result<std::vector<sf_measurement>> measure_all(const std::vector<DeviceChoice>& devices,
                                                std::launch when) {
  std::vector<std::future<Result<sf_measurement>>> running;
  for (const DeviceChoice& device : devices)
    running.push_back(std::async(when, [&device] { return measure(device); }));
  std::vector<Result<sf_measurement>> results;
  for (auto& result : running) results.push_back(result.get());
  std::vector<sf_measurement> all;
  for (const auto& result : results) {
    if (!result.ok()) return result.status();
    all.push_back(*result);
  }
  return all;
}

}  // namespace

Result<std::vector<PlanDevice>> measure_devices(const std::vector<DeviceChoice>& devices) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<sf_measurement> alone,
                           measure_all(devices, std::launch::deferred));
  std::vector<sf_measurement> together = alone;
  if (devices.size() > 1) {
    SYNFIRE_ASSIGN_OR_RETURN(together, measure_all(devices, std::launch::async));
  }
  std::vector<PlanDevice> measured;
  for (std::size_t d = 0; d < devices.size(); ++d) {
    PlanDevice& device = measured.emplace_back();
    device.name = devices[d].name;
    device.stream_bandwidth = alone[d].read_bandwidth;
    device.row_bandwidth = alone[d].read_bandwidth / kCostOfRowsApart;
    device.shared = std::min(1.0, together[d].read_bandwidth / alone[d].read_bandwidth);
    device.memory =
        devices[d].info.memory_free != 0 ? devices[d].info.memory_free : available_host_memory();
    device.stage_seconds = alone[d].submit_seconds;
    device.fork_join_seconds = 2 * kHandOffSeconds + alone[d].submit_seconds;
  }
  return measured;
}

}  // namespace synfire::cli
