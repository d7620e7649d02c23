#include "core/sparsity/planner/layer_dual.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/sparsity/planner/golden_section.hpp"

namespace synfire {
namespace {

// Sum of products of two rows; 16-bit factors, so that the compiler multiplies and adds in pairs.
std::int64_t dot(const std::int16_t* a, const std::int16_t* b, std::uint32_t n) {
  constexpr std::uint32_t kRun = 256;  // 256 neurons x 16384 x kRun stay within 31 bits
  std::int64_t sum = 0;
  for (std::uint32_t first = 0; first < n; first += kRun) {
    const std::uint32_t end = std::min(first + kRun, n);
    std::int32_t part = 0;
    for (std::uint32_t i = first; i < end; ++i) part += std::int32_t{a[i]} * b[i];
    sum += part;
  }
  return sum;
}

}  // namespace

LayerDual::LayerDual(const LayerCosts& costs) : costs_(costs) {
  const DeviceMask all = DeviceMask{1} << costs.n_devices();
  for (DeviceMask mask = 1; mask < all; ++mask) {
    if (LayerCosts::is_single(mask)) continue;
    Split& split = splits_.emplace_back();
    split.mask = mask;
    double sum = 0;
    for (std::uint32_t d = 0; d < costs.n_devices(); ++d) {
      if ((mask >> d & 1) == 0) continue;
      split.devices.push_back(d);
      // Where all groups would be alike to all devices, these would balance them.
      sum += 1 / costs.whole_seconds(d);
    }
    for (const std::uint32_t d : split.devices) split.even[d] = 1 / costs.whole_seconds(d) / sum;
    for (const std::uint32_t d : split.devices)
      for (std::uint32_t g = 0; g < costs.n_groups(); ++g)
        split.means.push_back(costs.stream(d, g) +
                              costs.seconds_per_active(d) * costs.mean_active(g));
    split.costs.resize(split.means.size());
    price_evenly(split);
  }
}

std::vector<DeviceMask> LayerDual::splits() const {
  std::vector<DeviceMask> masks;
  for (const Split& split : splits_) masks.push_back(split.mask);
  return masks;
}

LayerDual::Value LayerDual::value(const MemoryPrices& prices) const {
  Value best;
  best.least = std::numeric_limits<double>::infinity();
  for (std::uint32_t d = 0; d < costs_.n_devices(); ++d) {
    const double least =
        costs_.whole_seconds(d) + prices[d] * static_cast<double>(costs_.whole_bytes());
    if (least >= best.least) continue;
    best = {least, {}, DeviceMask{1} << d};
    best.memory[d] = costs_.whole_bytes();
  }
  for (const Split& split : splits_) {
    const Value value = split_value(split, prices);
    if (value.least < best.least) best = value;
  }
  return best;
}

std::size_t LayerDual::cheapest(const Split& split, const MemoryPrices& prices,
                                std::uint32_t group) const {
  const auto bytes = static_cast<double>(costs_.bytes(group));
  std::size_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < split.devices.size(); ++i) {
    const double cost =
        split.costs[i * costs_.n_groups() + group] + prices[split.devices[i]] * bytes;
    if (cost >= least) continue;
    least = cost;
    best = i;
  }
  return best;
}

LayerDual::Value LayerDual::split_value(const Split& split, const MemoryPrices& prices) const {
  Value value{split.fixed, {}, split.mask};
  for (std::uint32_t g = 0; g < costs_.n_groups(); ++g) {
    const std::size_t i = cheapest(split, prices, g);
    const std::uint32_t device = split.devices[i];
    value.least += split.costs[i * costs_.n_groups() + g] +
                   prices[device] * static_cast<double>(costs_.bytes(g));
    value.memory[device] += costs_.bytes(g);
  }
  return value;
}

GroupDevices LayerDual::assignment(DeviceMask mask, const MemoryPrices& prices) const {
  if (LayerCosts::is_single(mask))
    return GroupDevices(costs_.n_groups(), static_cast<std::uint8_t>(std::countr_zero(mask)));
  const Split& split = split_of(mask);
  GroupDevices devices(costs_.n_groups());
  for (std::uint32_t g = 0; g < costs_.n_groups(); ++g)
    devices[g] = static_cast<std::uint8_t>(split.devices[cheapest(split, prices, g)]);
  return devices;
}

std::vector<GroupDevices> LayerDual::standard(DeviceMask mask) const {
  const Split& split = split_of(mask);
  std::vector<GroupDevices> all{dealt(split)};
  if (split.devices.size() == 2) add_ladder(split, all);
  return all;
}

void LayerDual::add_ladder(const Split& split, std::vector<GroupDevices>& all) const {
  constexpr std::uint32_t kSteps = 24, kSingleSteps = 8;
  const std::uint32_t n = costs_.n_groups();
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  const auto saved = [&](std::uint32_t g) {
    return (split.means[g] - split.means[n + g]) / static_cast<double>(costs_.bytes(g));
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return saved(a) > saved(b); });
  GroupDevices devices(n, static_cast<std::uint8_t>(split.devices[0]));
  for (std::uint32_t i = 0; i + 1 < n; ++i) {
    devices[order[i]] = static_cast<std::uint8_t>(split.devices[1]);
    const bool end = i < kSingleSteps || i + 1 + kSingleSteps >= n;
    if (end || i * kSteps / n != (i + 1) * kSteps / n) all.push_back(devices);
  }
}

// The most active first, each to the device that would be done first: loads of expected tokens that
// are even.
GroupDevices LayerDual::dealt(const Split& split) const {
  const std::size_t n = costs_.n_groups();
  std::vector<std::uint32_t> order(n);
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return costs_.mean_active(a) > costs_.mean_active(b);
  });
  std::vector<double> loads;
  for (const std::uint32_t d : split.devices) loads.push_back(costs_.stage(d, split.mask));
  GroupDevices devices(n);
  for (const std::uint32_t g : order) {
    std::size_t first = 0;
    for (std::size_t i = 1; i < loads.size(); ++i)
      if (loads[i] + split.means[i * n + g] < loads[first] + split.means[first * n + g]) first = i;
    loads[first] += split.means[first * n + g];
    devices[g] = static_cast<std::uint8_t>(split.devices[first]);
  }
  return devices;
}

const LayerDual::Split& LayerDual::split_of(DeviceMask mask) const {
  return *std::find_if(splits_.begin(), splits_.end(),
                       [mask](const Split& split) { return split.mask == mask; });
}

// ---- Weights that are the same for all tokens ----

double LayerDual::balance_means(const MemoryPrices& prices) {
  for (Split& split : splits_) {
    for (std::size_t a = 0; a < split.devices.size(); ++a)
      for (std::size_t b = a + 1; b < split.devices.size(); ++b) balance_pair(split, a, b, prices);
    price_evenly(split);
  }
  return value(prices).least;
}

double LayerDual::even_value(const Split& split, const MemoryPrices& prices) const {
  const std::size_t n = costs_.n_groups();
  double value = costs_.fork(split.mask);
  for (const std::uint32_t d : split.devices) value += split.even[d] * costs_.stage(d, split.mask);
  for (std::uint32_t g = 0; g < n; ++g) {
    const auto bytes = static_cast<double>(costs_.bytes(g));
    double least = std::numeric_limits<double>::infinity();
    for (std::size_t i = 0; i < split.devices.size(); ++i) {
      const std::uint32_t d = split.devices[i];
      const double cost = split.even[d] * split.means[i * n + g] + prices[d] * bytes;
      least = cost < least ? cost : least;
    }
    value += least;
  }
  return value;
}

// The value is concave in how two devices share their weight: golden section.
void LayerDual::balance_pair(Split& split, std::size_t a, std::size_t b,
                             const MemoryPrices& prices) const {
  constexpr int kSteps = 24;
  const std::uint32_t left = split.devices[a], right = split.devices[b];
  const double both = split.even[left] + split.even[right];
  const auto value_at = [&](double share) {
    split.even[left] = share * both;
    split.even[right] = both - split.even[left];
    return even_value(split, prices);
  };
  value_at(golden_section(0, 1, kSteps, value_at));
}

void LayerDual::price_evenly(Split& split) const {
  split.fixed = costs_.fork(split.mask);
  for (std::size_t i = 0; i < split.devices.size(); ++i) {
    const std::uint32_t d = split.devices[i];
    split.fixed += split.even[d] * costs_.stage(d, split.mask);
    for (std::uint32_t g = 0; g < costs_.n_groups(); ++g)
      split.costs[i * costs_.n_groups() + g] =
          split.even[d] * split.means[i * costs_.n_groups() + g];
  }
}

// ---- Weights by token ----

// By group, seconds of an expected token on each device, weighted by `weights`.
std::vector<double> LayerDual::weighted(const Split& split,
                                        const std::vector<std::int16_t>& weights) const {
  const std::uint32_t n = costs_.n_tokens();
  std::vector<double> seconds;
  for (std::size_t i = 0; i < split.devices.size(); ++i) {
    const std::uint32_t d = split.devices[i];
    const std::int16_t* const row = weights.data() + i * n;
    const double mean = std::accumulate(row, row + n, 0.0) / n / kOne;
    const double per_active = costs_.seconds_per_active(d) / n / kOne;
    for (std::uint32_t g = 0; g < costs_.n_groups(); ++g)
      seconds.push_back(mean * costs_.stream(d, g) +
                        per_active * static_cast<double>(dot(costs_.active(g).data(), row, n)));
  }
  return seconds;
}

void LayerDual::price_by_token(Split& split) const {
  const std::uint32_t n = costs_.n_tokens();
  split.fixed = costs_.fork(split.mask);
  for (std::size_t i = 0; i < split.devices.size(); ++i) {
    const std::int16_t* const row = split.weights.data() + i * n;
    split.fixed +=
        std::accumulate(row, row + n, 0.0) / n / kOne * costs_.stage(split.devices[i], split.mask);
  }
  split.costs = weighted(split, split.weights);
}

void LayerDual::balance_tokens(const MemoryPrices& prices, std::uint32_t steps) {
  for (Split& split : splits_) {
    if (split.logits.empty()) begin_tokens(split);
    Split best = split;
    double most = split_value(split, prices).least;
    for (std::uint32_t step = 0; step < steps; ++step) {
      climb(split, prices);
      weigh_tokens(split);
      tilt(split, prices);
      const double least = split_value(split, prices).least;
      if (least <= most) continue;
      most = least;
      best = split;
    }
    best.steps = split.steps;
    split = std::move(best);
  }
}

void LayerDual::begin_tokens(Split& split) const {
  constexpr double kLeastEven = 1.0 / 256;  // what has no weight can gain none
  for (const std::uint32_t d : split.devices)
    split.logits.insert(split.logits.end(), costs_.n_tokens(),
                        std::log(std::max(split.even[d], kLeastEven)));
}

// What the assignment at these prices keeps longer busy gets more weight.
void LayerDual::climb(Split& split, const MemoryPrices& prices) const {
  constexpr double kFirstStep = 4;
  const std::vector<double> loads = loads_at(split, prices);
  const double mean =
      std::accumulate(loads.begin(), loads.end(), 0.0) / static_cast<double>(loads.size());
  const double step = kFirstStep / std::sqrt(1.0 + split.steps++) / mean;
  for (std::size_t k = 0; k < loads.size(); ++k) split.logits[k] += step * loads[k];
}

// By device and token, of the assignment at these prices.
std::vector<double> LayerDual::loads_at(const Split& split, const MemoryPrices& prices) const {
  const std::uint32_t n = costs_.n_tokens();
  std::vector<std::int32_t> counts(split.devices.size() * n);
  std::vector<double> fixed;
  for (const std::uint32_t d : split.devices) fixed.push_back(costs_.stage(d, split.mask));
  for (std::uint32_t g = 0; g < costs_.n_groups(); ++g) {
    const std::size_t i = cheapest(split, prices, g);
    fixed[i] += costs_.stream(split.devices[i], g);
    const std::int16_t* const row = costs_.active(g).data();
    std::int32_t* const sums = counts.data() + i * n;
    for (std::uint32_t t = 0; t < n; ++t) sums[t] += row[t];
  }
  std::vector<double> loads(counts.size());
  for (std::size_t k = 0; k < loads.size(); ++k)
    loads[k] = fixed[k / n] + costs_.seconds_per_active(split.devices[k / n]) * counts[k];
  return loads;
}

// Weights and costs from the logits.
void LayerDual::weigh_tokens(Split& split) const {
  const std::uint32_t n = costs_.n_tokens();
  const std::size_t n_parts = split.devices.size();
  std::array<double, kMaxPlanDevices> parts{};
  split.weights.resize(split.logits.size());
  for (std::uint32_t t = 0; t < n; ++t) {
    double most = split.logits[t], sum = 0;
    for (std::size_t i = 1; i < n_parts; ++i) most = std::max(most, split.logits[i * n + t]);
    for (std::size_t i = 0; i < n_parts; ++i)
      sum += parts[i] = std::exp(split.logits[i * n + t] - most);
    std::int32_t left = kOne;
    for (std::size_t i = 0; i < n_parts; ++i) {
      const auto part = static_cast<std::int32_t>(std::lround(parts[i] / sum * kOne));
      const std::int32_t weight = i + 1 == n_parts ? left : std::min(part, left);
      left -= weight;
      split.weights[i * n + t] = static_cast<std::int16_t>(weight);
    }
  }
  price_by_token(split);
}

// More or less weight for one device at all tokens alike, as is best: along that, assignments
// change far more than along anything that steps by token are meant for. By golden section over
// costs as if they went straight on.
void LayerDual::tilt(Split& split, const MemoryPrices& prices) const {
  constexpr double kMost = 0.5;
  constexpr int kSteps = 14;
  const std::uint32_t n = costs_.n_tokens();
  for (std::size_t i = 1; i < split.devices.size(); ++i) {
    std::vector<std::int16_t> slope(split.weights.size());  // of the weights, by the logits of i
    for (std::size_t k = 0; k < slope.size(); ++k) {
      const std::int32_t own = split.weights[i * n + k % n];
      const std::int32_t other = k / n == i ? own - kOne : split.weights[k];
      slope[k] = static_cast<std::int16_t>(-own * other / kOne);
    }
    const std::vector<double> slopes = weighted(split, slope);
    double fixed_slope = 0;
    for (std::size_t j = 0; j < split.devices.size(); ++j)
      fixed_slope +=
          std::accumulate(slope.begin() + static_cast<std::ptrdiff_t>(j * n),
                          slope.begin() + static_cast<std::ptrdiff_t>((j + 1) * n), 0.0) /
          n / kOne * costs_.stage(split.devices[j], split.mask);
    Split tilted = split;
    const auto value_at = [&](double by) {
      for (std::size_t k = 0; k < slopes.size(); ++k)
        tilted.costs[k] = split.costs[k] + by * slopes[k];
      tilted.fixed = split.fixed + by * fixed_slope;
      return split_value(tilted, prices).least;
    };
    const double shift = golden_section(-kMost, kMost, kSteps, value_at);
    for (std::uint32_t t = 0; t < n; ++t) split.logits[i * n + t] += shift;
    weigh_tokens(split);
  }
}

}  // namespace synfire
