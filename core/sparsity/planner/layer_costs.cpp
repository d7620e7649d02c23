#include "core/sparsity/planner/layer_costs.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace synfire {
namespace {

// Seconds to read a byte of weights and compute with it.
double seconds_per_byte(const PlanDevice& device, double bandwidth, double bytes_per_weight) {
  const double read = 1 / bandwidth;
  if (device.multiply_adds <= 0 || bytes_per_weight <= 0) return read;
  return std::max(read, 1 / (bytes_per_weight * device.multiply_adds));
}

}  // namespace

LayerCosts::LayerCosts(const PlanProblem& problem, const PlanLayer& layer)
    : layer_(layer),
      n_devices_(static_cast<std::uint32_t>(problem.devices.size())),
      n_groups_(layer.n_groups()),
      n_tokens_(problem.n_tokens),
      home_(DeviceMask{1} << problem.home),
      mean_active_(layer.n_groups()) {
  double all_stream = 0, all_active = 0;
  for (std::uint32_t g = 0; g < n_groups_; ++g) {
    const auto counts = active(g);
    const auto sum = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
    mean_active_[g] = static_cast<double>(sum) / n_tokens_;
    all_bytes_ += layer.bytes[g];
    all_stream += layer.stream_bytes[g];
    all_active += mean_active_[g];
  }
  for (std::uint32_t d = 0; d < n_devices_; ++d) {
    const PlanDevice& device = problem.devices[d];
    const auto per_byte = [&](double bandwidth) {
      return seconds_per_byte(device, bandwidth, layer.bytes_per_weight);
    };
    per_stream_byte_[d] = per_byte(device.stream_bandwidth * device.shared);
    per_active_[d] = layer.active_bytes * per_byte(device.row_bandwidth * device.shared);
    whole_[d] = layer.whole
                    ? static_cast<double>(layer.whole->bytes) * per_byte(device.stream_bandwidth)
                    : all_stream * per_byte(device.stream_bandwidth) +
                          all_active * layer.active_bytes * per_byte(device.row_bandwidth);
    stage_[d] = device.stage_seconds;
    fork_join_[d] = d == problem.home ? 0 : device.fork_join_seconds;
  }
}

double LayerCosts::fork(DeviceMask mask) const {
  double most = 0;
  for (std::uint32_t d = 0; d < n_devices_; ++d)
    if ((mask >> d & 1) != 0) most = std::max(most, fork_join_[d]);
  return most;
}

double LayerCosts::whole_seconds(std::uint32_t device) const {
  const DeviceMask mask = DeviceMask{1} << device;
  return whole_[device] + stage(device, mask) + fork(mask);
}

DeviceMask LayerCosts::mask_of(const GroupDevices& devices) {
  DeviceMask mask = 0;
  for (const std::uint8_t device : devices) mask |= DeviceMask{1} << device;
  return mask;
}

std::uint32_t LayerCosts::group_neurons(std::uint32_t group) const {
  const PlanLayer::Neurons& neurons = *layer_.neurons;
  const auto left = static_cast<std::uint32_t>(neurons.order->size()) - group * neurons.group_size;
  return std::min(left, neurons.group_size);
}

LayerCosts::Bytes LayerCosts::memory(const GroupDevices& devices, const LayerCuts& cuts) const {
  Bytes bytes{};
  const DeviceMask mask = mask_of(devices);
  if (is_single(mask)) {
    bytes[static_cast<std::size_t>(std::countr_zero(mask))] = whole_bytes();
    return bytes;
  }
  for (std::uint32_t g = 0; g < n_groups_; ++g) bytes[devices[g]] += layer_.bytes[g];
  for (const CutGroup& cut : cuts)
    for (const std::uint8_t device : cut.devices) {
      bytes[devices[cut.group]] -= neuron_bytes(cut.group);
      bytes[device] += neuron_bytes(cut.group);
    }
  return bytes;
}

std::vector<double> LayerCosts::loads(const GroupDevices& devices, const LayerCuts& cuts) const {
  const DeviceMask mask = mask_of(devices);
  std::vector<std::int32_t> counts(std::size_t{n_devices_} * n_tokens_);
  std::array<double, kMaxPlanDevices> fixed{};
  for (std::uint32_t d = 0; d < n_devices_; ++d) fixed[d] = stage(d, mask);
  for (std::uint32_t g = 0; g < n_groups_; ++g) {
    fixed[devices[g]] += stream(devices[g], g);
    const std::int16_t* const row = active(g).data();
    std::int32_t* const sums = counts.data() + std::size_t{devices[g]} * n_tokens_;
    for (std::uint32_t t = 0; t < n_tokens_; ++t) sums[t] += row[t];
  }
  for (const CutGroup& cut : cuts) move_neurons(cut, devices[cut.group], fixed, counts);
  std::vector<double> loads(counts.size());
  for (std::uint32_t d = 0; d < n_devices_; ++d)
    for (std::size_t t = d * n_tokens_; (mask >> d & 1) != 0 && t < (d + 1) * n_tokens_; ++t)
      loads[t] = fixed[d] + per_active_[d] * counts[t];
  return loads;
}

void LayerCosts::move_neurons(const CutGroup& cut, std::uint32_t from,
                              std::array<double, kMaxPlanDevices>& fixed,
                              std::vector<std::int32_t>& counts) const {
  for (std::uint32_t i = 0; i < cut.devices.size(); ++i) {
    const std::uint32_t to = cut.devices[i];
    if (to == from) continue;
    fixed[from] -= neuron_stream(from, cut.group);
    fixed[to] += neuron_stream(to, cut.group);
    for_tokens(cut.group, i, [&](std::uint32_t t) {
      --counts[std::size_t{from} * n_tokens_ + t];
      ++counts[std::size_t{to} * n_tokens_ + t];
    });
  }
}

double LayerCosts::seconds(const GroupDevices& devices, const LayerCuts& cuts) const {
  const DeviceMask mask = mask_of(devices);
  if (is_single(mask)) return whole_seconds(static_cast<std::uint32_t>(std::countr_zero(mask)));
  const std::vector<double> all = loads(devices, cuts);
  double sum = 0;
  for (std::uint32_t t = 0; t < n_tokens_; ++t) {
    double most = 0;
    for (std::uint32_t d = 0; d < n_devices_; ++d)
      most = std::max(most, all[std::size_t{d} * n_tokens_ + t]);
    sum += most;
  }
  return sum / n_tokens_ + fork(mask);
}

}  // namespace synfire
