#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/sparsity/planner/layer_costs.hpp"

namespace synfire {

// Seconds that a byte of each device's memory is worth: the multipliers of its limits.
using MemoryPrices = std::array<double, kMaxPlanDevices>;

// What one layer takes at least, whatever its assignment, where memory costs `prices`.
//
// For each set of devices that may share the layer it holds weights w(d, token) >= 0 that sum to 1
// over the set. A token's longest device takes no less than the weighted mean of all, and with that
// mean in its place each group goes to the device where it costs least, on its own: a lower bound,
// and an assignment. Better weights, higher bound (Lagrangian duality of the minimax).
class LayerDual {
 public:
  struct Value {
    double least = 0;  // seconds and price of the memory
    LayerCosts::Bytes memory{};
    DeviceMask mask = 0;  // whose assignment it is
  };

  explicit LayerDual(const LayerCosts& costs);

  [[nodiscard]] Value value(const MemoryPrices& prices) const;
  // The assignment behind the value of one set of devices.
  [[nodiscard]] GroupDevices assignment(DeviceMask mask, const MemoryPrices& prices) const;
  // Assignments that do not depend on prices and weights: groups dealt out to all devices of the
  // set, and, where it has two, more and more groups on one of them, those first that it saves most
  // for a byte.
  [[nodiscard]] std::vector<GroupDevices> standard(DeviceMask mask) const;
  // The sets of more than one device.
  [[nodiscard]] std::vector<DeviceMask> splits() const;

  // Weights that are the same for all tokens, the best ones where memory costs `prices`. Gives the
  // value's `least`.
  double balance_means(const MemoryPrices& prices);
  // So many steps towards better weights by token, from where the last ones ended. The bound at
  // `prices` is never less for it.
  void balance_tokens(const MemoryPrices& prices, std::uint32_t steps);

 private:
  static constexpr std::int32_t kOne =
      16384;  // weights are whole parts of it: their sums are exact

  struct Split {
    DeviceMask mask = 0;
    std::vector<std::uint32_t> devices;
    std::array<double, kMaxPlanDevices> even{};  // weights that are the same for all tokens
    std::vector<std::int16_t> weights;           // [devices, n_tokens], parts of kOne; empty: even
    std::vector<double> means;   // [devices, n_groups], seconds of an expected token
    std::vector<double> costs;   // [devices, n_groups], the same, weighted
    double fixed = 0;            // stages and fork
    std::vector<double> logits;  // [devices, n_tokens], of the weights; empty: even
    std::uint32_t steps = 0;     // that were made
  };

  [[nodiscard]] GroupDevices dealt(const Split& split) const;
  void add_ladder(const Split& split, std::vector<GroupDevices>& all) const;
  [[nodiscard]] const Split& split_of(DeviceMask mask) const;
  [[nodiscard]] Value split_value(const Split& split, const MemoryPrices& prices) const;
  [[nodiscard]] std::size_t cheapest(const Split& split, const MemoryPrices& prices,
                                     std::uint32_t group) const;
  [[nodiscard]] double even_value(const Split& split, const MemoryPrices& prices) const;
  void balance_pair(Split& split, std::size_t a, std::size_t b, const MemoryPrices& prices) const;
  void price_evenly(Split& split) const;
  void price_by_token(Split& split) const;
  [[nodiscard]] std::vector<double> weighted(const Split& split,
                                             const std::vector<std::int16_t>& weights) const;
  void begin_tokens(Split& split) const;
  void climb(Split& split, const MemoryPrices& prices) const;
  [[nodiscard]] std::vector<double> loads_at(const Split& split, const MemoryPrices& prices) const;
  void weigh_tokens(Split& split) const;
  void tilt(Split& split, const MemoryPrices& prices) const;

  const LayerCosts& costs_;
  std::vector<Split> splits_;
};

}  // namespace synfire
