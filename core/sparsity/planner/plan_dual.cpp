#include "core/sparsity/planner/plan_dual.hpp"

#include <algorithm>
#include <cmath>

#include "core/sparsity/parallel_parts.hpp"

namespace synfire {
namespace {

constexpr std::uint32_t kMeanRounds = 4;
constexpr double kFirstHeat = 0.1, kLastHeat = 0.005;  // see LayerDual::balance_tokens

}  // namespace

PlanDual::PlanDual(const std::vector<LayerCosts>& costs, const LayerCosts::Bytes& capacity)
    : costs_(costs), capacity_(capacity) {
  for (const LayerCosts& layer : costs) {
    layers_.emplace_back(layer);
    for (std::uint32_t d = 0; d < layer.n_devices(); ++d)
      price_scale_ =
          std::max(price_scale_, layer.whole_seconds(d) / static_cast<double>(layer.whole_bytes()));
  }
}

void PlanDual::solve(std::uint32_t token_steps) {
  for (std::uint32_t round = 0; round < kMeanRounds; ++round) {
    find_prices(2);
    note_bound();
    parallel_parts(layers_.size(), [&](std::size_t i) { layers_[i].balance_means(prices_); });
  }
  find_prices(2);
  note_bound();
  for (std::uint32_t step = 0; step < token_steps; ++step) {
    const double cooled = static_cast<double>(step) / std::max(1U, token_steps - 1);
    const double heat = kFirstHeat * std::pow(kLastHeat / kFirstHeat, cooled);
    parallel_parts(layers_.size(),
                   [&](std::size_t i) { layers_[i].balance_tokens(prices_, heat); });
    find_prices(1);
    note_bound();
  }
}

PlanDual::Value PlanDual::value(const MemoryPrices& prices) const {
  Value sum;
  for (const LayerDual& layer : layers_) {
    const LayerDual::Value value = layer.value(prices);
    sum.least += value.least;
    for (std::size_t d = 0; d < sum.memory.size(); ++d) sum.memory[d] += value.memory[d];
  }
  for (std::size_t d = 0; d < prices.size(); ++d)
    sum.least -= prices[d] * static_cast<double>(capacity_[d]);
  return sum;
}

void PlanDual::note_bound() { bound_ = std::max(bound_, value(prices_).least); }

void PlanDual::find_prices(std::uint32_t rounds) {
  for (std::uint32_t round = 0; round < rounds; ++round)
    for (std::uint32_t d = 0; d < costs_.front().n_devices(); ++d) find_price(d);
}

// The bound is concave in each price, and rises with it while the device is asked for more than it
// has.
void PlanDual::find_price(std::uint32_t device) {
  constexpr int kDoublings = 60, kHalvings = 40;
  constexpr double kExact = 1e-6;
  const auto asks_too_much = [&](double price) {
    MemoryPrices prices = prices_;
    prices[device] = price;
    return value(prices).memory[device] > capacity_[device];
  };
  double low = 0, high = prices_[device];
  if (!asks_too_much(0)) {
    prices_[device] = 0;
    return;
  }
  // The last price is near the next one, as a rule.
  double width = 0.02;
  if (high == 0) high = price_scale_ / 64;
  for (int i = 0; i < kDoublings && asks_too_much(high); ++i, width *= 2) {
    low = high;
    high *= 1 + std::min(width, 1.0);
  }
  for (; low == 0 && width < 1; width *= 2) {
    const double probe = high * (1 - width);
    if (asks_too_much(probe)) {
      low = probe;
    } else {
      high = probe;
    }
  }
  for (int i = 0; i < kHalvings && high - low > kExact * high; ++i) {
    const double middle = (low + high) / 2;
    (asks_too_much(middle) ? low : high) = middle;
  }
  prices_[device] = high;
}

}  // namespace synfire
