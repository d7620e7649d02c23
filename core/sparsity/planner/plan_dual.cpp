#include "core/sparsity/planner/plan_dual.hpp"

#include <algorithm>

#include "core/sparsity/planner/for_layers.hpp"
#include "core/sparsity/planner/golden_section.hpp"

namespace synfire {

PlanDual::PlanDual(const std::vector<LayerCosts>& costs, const LayerCosts::Bytes& capacity)
    : costs_(costs), capacity_(capacity) {
  for (const LayerCosts& layer : costs) {
    layers_.emplace_back(layer);
    for (std::uint32_t d = 0; d < layer.n_devices(); ++d)
      price_scale_ =
          std::max(price_scale_, layer.whole_seconds(d) / static_cast<double>(layer.whole_bytes()));
  }
}

void PlanDual::solve_means() {
  const std::uint32_t n_devices = costs_.front().n_devices();
  bound_ = balance_means(prices_);
  for (std::uint32_t round = 0; round < (n_devices > 2 ? 3U : 2U); ++round)
    for (std::uint32_t d = 0; d < n_devices; ++d) find_mean_price(d);
  note_bound();
}

void PlanDual::solve_tokens(std::uint32_t steps) {
  constexpr std::uint32_t kStepsAtAPrice = 8;
  for (std::uint32_t step = 0; step < steps; step += kStepsAtAPrice) {
    for_layers(costs_, [&](std::size_t i) {
      layers_[i].balance_tokens(prices_, std::min(kStepsAtAPrice, steps - step));
    });
    find_prices();
    note_bound();
  }
}

// The bound at the best weights that are the same for all tokens; leaves them in place.
double PlanDual::balance_means(const MemoryPrices& prices) {
  std::vector<double> least(layers_.size());
  for_layers(costs_, [&](std::size_t i) { least[i] = layers_[i].balance_means(prices); });
  double sum = 0;
  for (const double part : least) sum += part;
  for (std::size_t d = 0; d < prices.size(); ++d)
    sum -= prices[d] * static_cast<double>(capacity_[d]);
  return sum;
}

// The bound at the best weights is concave in a price, too: golden section.
void PlanDual::find_mean_price(std::uint32_t device) {
  constexpr int kDoublings = 40, kSteps = 24;
  const auto bound_at = [&](double price) {
    prices_[device] = price;
    return balance_means(prices_);
  };
  const double before = prices_[device];
  double low = 0, high = price_scale_ / 16;
  double last = bound_at(0);
  for (int i = 0; i < kDoublings; ++i, high *= 2) {
    const double next = bound_at(high);
    if (next <= last) break;
    last = next;
    low = high / 2;
  }
  const double found = golden_section(low, high, kSteps, bound_at);
  double best = bound_at(found);
  for (const double other : {0.0, before}) {
    const double bound = bound_at(other);
    if (bound <= best) continue;
    best = bound;
    low = other;
  }
  bound_at(best == bound_at(found) ? found : low);
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

void PlanDual::find_prices() {
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
