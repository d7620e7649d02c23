#pragma once

#include <cstdint>
#include <vector>

#include "core/sparsity/planner/layer_dual.hpp"

namespace synfire {

// What all layers together take at least, with the devices' memory as limits: each layer's own
// bound at prices of memory, less what all the memory would cost. The best prices give the best
// bound.
class PlanDual {
 public:
  // Borrowed: the costs must outlive it. `capacity`: bytes by device.
  PlanDual(const std::vector<LayerCosts>& costs, const LayerCosts::Bytes& capacity);

  // The best prices and weights for the tokens' means.
  void solve_means();
  // Goes on from there: better weights by token, in so many steps.
  void solve_tokens(std::uint32_t steps);

  [[nodiscard]] double bound() const { return bound_; }  // seconds per token, of the FFNs
  [[nodiscard]] const MemoryPrices& prices() const { return prices_; }
  [[nodiscard]] const LayerDual& layer(std::size_t index) const { return layers_[index]; }

 private:
  struct Value {
    double least = 0;
    LayerCosts::Bytes memory{};
  };

  [[nodiscard]] Value value(const MemoryPrices& prices) const;
  double balance_means(const MemoryPrices& prices);
  void find_mean_price(std::uint32_t device);
  void find_prices();
  void find_price(std::uint32_t device);
  void note_bound();

  const std::vector<LayerCosts>& costs_;
  LayerCosts::Bytes capacity_;
  std::vector<LayerDual> layers_;
  MemoryPrices prices_{};
  double bound_ = 0;
  double price_scale_ = 0;  // seconds per byte of the slowest layer on the slowest device
};

}  // namespace synfire
