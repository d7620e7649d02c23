#include "core/sparsity/planner/layer_state.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace synfire {

LayerState::LayerState(const LayerCosts& costs, GroupDevices devices)
    : costs_(&costs), devices_(std::move(devices)) {
  recount();
}

void LayerState::set(GroupDevices devices) {
  devices_ = std::move(devices);
  recount();
}

void LayerState::set(std::uint32_t group, std::uint32_t device) {
  const std::uint32_t from = devices_[group];
  if (loads_.empty() || n_groups_[from] == 1 || n_groups_[device] == 0) {
    devices_[group] = static_cast<std::uint8_t>(device);
    return recount();
  }
  count(group, -1);
  memory_[from] -= costs_->bytes(group);
  devices_[group] = static_cast<std::uint8_t>(device);
  count(group, 1);
  memory_[device] += costs_->bytes(group);
  reload();
}

void LayerState::count(std::uint32_t group, std::int32_t sign) {
  const std::uint32_t device = devices_[group];
  n_groups_[device] += static_cast<std::uint32_t>(sign);
  stream_[device] += sign * costs_->stream(device, group);
  const std::size_t n = costs_->n_tokens();
  const std::int16_t* const active = costs_->active(group).data();
  std::int32_t* const sums = active_.data() + device * n;
  for (std::size_t t = 0; t < n; ++t) sums[t] += sign * active[t];
}

void LayerState::recount() {
  mask_ = LayerCosts::mask_of(devices_);
  memory_ = costs_->memory(devices_);
  loads_.clear();
  if (LayerCosts::is_single(mask_)) {
    seconds_ = costs_->seconds(devices_);
    return;
  }
  n_groups_ = {};
  stream_ = {};
  active_.assign(std::size_t{costs_->n_devices()} * costs_->n_tokens(), 0);
  for (std::uint32_t g = 0; g < costs_->n_groups(); ++g) count(g, 1);
  reload();
}

// Loads from the counts.
void LayerState::reload() {
  const std::size_t n = costs_->n_tokens();
  loads_.assign(active_.size(), 0);
  for (std::uint32_t d = 0; d < costs_->n_devices(); ++d) {
    if (n_groups_[d] == 0) continue;
    const auto fixed = static_cast<float>(costs_->stage(d, mask_) + stream_[d]);
    const auto per_active = static_cast<float>(costs_->seconds_per_active(d));
    for (std::size_t t = 0; t < n; ++t)
      loads_[d * n + t] = fixed + per_active * static_cast<float>(active_[d * n + t]);
  }
  const auto none = [](std::size_t) { return 0.0F; };
  mean_ = mean_longest(0, 1, none, none);
  seconds_ = mean_ + costs_->fork(mask_);
}

LayerState::Change LayerState::change_to(const GroupDevices& devices) const {
  Change change{costs_->seconds(devices) - seconds_, {}};
  const LayerCosts::Bytes memory = costs_->memory(devices);
  for (std::size_t d = 0; d < memory.size(); ++d)
    change.bytes[d] = static_cast<std::int64_t>(memory[d]) - static_cast<std::int64_t>(memory_[d]);
  return change;
}

LayerState::Change LayerState::move(std::uint32_t group, std::uint32_t device) const {
  const std::uint32_t from = devices_[group];
  if (!loads_.empty() && n_groups_[from] > 1 && n_groups_[device] > 0) {
    Change change{move_seconds(group, device), {}};
    const auto bytes = static_cast<std::int64_t>(costs_->bytes(group));
    change.bytes[from] -= bytes;
    change.bytes[device] += bytes;
    return change;
  }
  GroupDevices devices = devices_;
  devices[group] = static_cast<std::uint8_t>(device);
  return change_to(devices);
}

template <typename Loss, typename Gain>
double LayerState::mean_longest(std::uint32_t from, std::uint32_t to, const Loss& loss,
                                const Gain& gain) const {
  constexpr std::size_t kLanes = 16;  // sums side by side, so that the compiler may use vectors
  const std::size_t n = costs_->n_tokens();
  const float* const left = loads_.data() + from * n;
  const float* const right = loads_.data() + to * n;
  std::array<float, kLanes> sums{};
  const auto longest = [&](std::size_t t) {
    const float a = left[t] - loss(t), b = right[t] + gain(t);
    return a > b ? a : b;
  };
  const auto with_others = [&](std::size_t t) {
    float most = longest(t);
    for (std::uint32_t d = 0; d < costs_->n_devices(); ++d)
      if (d != from && d != to) most = std::max(most, loads_[d * n + t]);
    return most;
  };
  const bool pair = costs_->n_devices() == 2;
  std::size_t t = 0;
  if (pair)
    for (; t + kLanes <= n; t += kLanes)
      for (std::size_t i = 0; i < kLanes; ++i) sums[i] += longest(t + i);
  double sum = 0;
  for (const float part : sums) sum += part;
  for (; t < n; ++t) sum += with_others(t);
  return sum / static_cast<double>(n);
}

double LayerState::move_seconds(std::uint32_t group, std::uint32_t device) const {
  const std::uint32_t from = devices_[group];
  const std::int16_t* const active = costs_->active(group).data();
  const auto stream_out = static_cast<float>(costs_->stream(from, group));
  const auto stream_in = static_cast<float>(costs_->stream(device, group));
  const auto active_out = static_cast<float>(costs_->seconds_per_active(from));
  const auto active_in = static_cast<float>(costs_->seconds_per_active(device));
  return mean_longest(
             from, device,
             [=](std::size_t t) { return stream_out + active_out * static_cast<float>(active[t]); },
             [=](std::size_t t) { return stream_in + active_in * static_cast<float>(active[t]); }) -
         mean_;
}

double LayerState::swap_seconds(std::uint32_t a, std::uint32_t b) const {
  const std::uint32_t left = devices_[a], right = devices_[b];
  const std::int16_t* const out = costs_->active(a).data();
  const std::int16_t* const in = costs_->active(b).data();
  const auto stream_left = static_cast<float>(costs_->stream(left, a) - costs_->stream(left, b));
  const auto stream_right = static_cast<float>(costs_->stream(right, a) - costs_->stream(right, b));
  const auto active_left = static_cast<float>(costs_->seconds_per_active(left));
  const auto active_right = static_cast<float>(costs_->seconds_per_active(right));
  const auto more = [=](std::size_t t) { return static_cast<float>(out[t] - in[t]); };
  return mean_longest(
             left, right, [=](std::size_t t) { return stream_left + active_left * more(t); },
             [=](std::size_t t) { return stream_right + active_right * more(t); }) -
         mean_;
}

double LayerState::imbalance() const {
  if (loads_.empty()) return 0;
  double sum = 0;
  for (const float load : loads_) sum += load;
  const auto n_devices = static_cast<double>(std::popcount(mask_));
  return mean_ - sum / n_devices / static_cast<double>(costs_->n_tokens());
}

bool LayerState::is_balanced(double share) const {
  if (loads_.empty()) return false;
  const std::size_t n = costs_->n_tokens();
  std::array<std::size_t, kMaxPlanDevices> longest{};
  for (std::size_t t = 0; t < n; ++t) {
    std::size_t most = 0;
    for (std::size_t d = 1; d < costs_->n_devices(); ++d)
      if (loads_[d * n + t] > loads_[most * n + t]) most = d;
    ++longest[most];
  }
  const double least = share * static_cast<double>(n);
  return std::count_if(longest.begin(), longest.end(), [least](std::size_t count) {
           return static_cast<double>(count) >= least;
         }) > 1;
}

}  // namespace synfire
