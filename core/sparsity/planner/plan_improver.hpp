#pragma once

#include <cstdint>
#include <vector>

#include "core/sparsity/planner/layer_state.hpp"
#include "core/sparsity/planner/plan_solution.hpp"

namespace synfire {

// Makes a plan better group by group, as long as that helps: moves groups to devices that have
// room, lets groups of a full device change places with hotter ones, balances layers whose tokens
// wait now for one device and now for another. The plan fits its capacity before and after.
class PlanImprover {
 public:
  // Borrowed: the costs must outlive it. `layers`: devices by layer and group; they fit.
  PlanImprover(const std::vector<LayerCosts>& costs, const LayerCosts::Bytes& capacity,
               std::vector<GroupDevices> layers);

  void run(std::uint32_t rounds);

  [[nodiscard]] double seconds() const;
  [[nodiscard]] std::vector<GroupDevices> layers() const;

 private:
  struct Move {
    std::uint32_t layer = 0, group = 0, device = 0;
    double seconds = 0;  // that it brings, as the plan was when it was found
    double per_byte = 0;
  };

  template <typename Find>
  [[nodiscard]] std::vector<Move> find_each(const Find& find) const;
  [[nodiscard]] std::vector<std::uint32_t> some_groups(const LayerState& layer,
                                                       std::uint32_t device) const;
  [[nodiscard]] std::vector<Move> find_moves() const;
  // The cheapest way for each group to leave a device, and to come to it.
  [[nodiscard]] std::vector<Move> find_leaving(std::uint32_t device) const;
  [[nodiscard]] std::vector<Move> find_coming(std::uint32_t device) const;
  bool take(const Move& move);
  bool take_moves();
  bool exchange(std::uint32_t device);
  [[nodiscard]] std::vector<Move>::iterator best_to_leave(std::vector<Move>& leaving,
                                                          const Move& in) const;
  bool repack(std::uint32_t device);
  bool try_all(const std::vector<Move>& moves);
  bool balance(bool first);
  void swap(std::uint32_t index, bool first, LayerState& layer) const;
  [[nodiscard]] bool fits(const LayerState::Difference& bytes) const;
  void account(const LayerState::Difference& bytes);
  [[nodiscard]] double enough(std::uint32_t layer) const;

  const std::vector<LayerCosts>& costs_;
  LayerCosts::Bytes capacity_, used_{};
  std::vector<LayerState> layers_;
};

}  // namespace synfire
