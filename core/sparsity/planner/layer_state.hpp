#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "core/sparsity/planner/layer_costs.hpp"

namespace synfire {

// An assignment of one layer that changes group by group, and knows what a change would bring.
class LayerState {
 public:
  // Bytes of a device, after less before.
  using Difference = std::array<std::int64_t, kMaxPlanDevices>;
  struct Change {
    double seconds = std::numeric_limits<double>::infinity();  // after less before
    Difference bytes{};
  };

  // Borrowed: the costs must outlive it.
  LayerState(const LayerCosts& costs, GroupDevices devices);

  [[nodiscard]] const LayerCosts& costs() const { return *costs_; }
  [[nodiscard]] const GroupDevices& devices() const { return devices_; }
  [[nodiscard]] DeviceMask mask() const { return mask_; }
  [[nodiscard]] double seconds() const { return seconds_; }
  [[nodiscard]] const LayerCosts::Bytes& memory() const { return memory_; }

  // What it would bring to move a group to another device; seconds are good to a float's precision.
  [[nodiscard]] Change move(std::uint32_t group, std::uint32_t device) const;
  // The same of all groups at once.
  [[nodiscard]] Change change_to(const GroupDevices& devices) const;
  // The seconds of two groups of different devices that change places.
  [[nodiscard]] double swap_seconds(std::uint32_t a, std::uint32_t b) const;
  // What the longest device takes more than the mean of those that have groups, in an expected
  // token; 0 where there is one.
  [[nodiscard]] double imbalance() const;
  // Whether there are tokens that wait for one device and tokens that wait for another, each at
  // least `share` of all.
  [[nodiscard]] bool is_balanced(double share) const;

  void set(GroupDevices devices);
  void set(std::uint32_t group, std::uint32_t device);

 private:
  [[nodiscard]] double move_seconds(std::uint32_t group, std::uint32_t device) const;
  void count(std::uint32_t group, std::int32_t sign);
  // The mean over tokens of the longest load, where `from` loses and `to` gains loads by token.
  template <typename Loss, typename Gain>
  [[nodiscard]] double mean_longest(std::uint32_t from, std::uint32_t to, const Loss& loss,
                                    const Gain& gain) const;
  void recount();
  void reload();

  const LayerCosts* costs_;
  GroupDevices devices_;
  DeviceMask mask_ = 0;
  std::array<std::uint32_t, kMaxPlanDevices> n_groups_{};
  double seconds_ = 0;
  LayerCosts::Bytes memory_{};
  // Of a layer on several devices:
  std::array<double, kMaxPlanDevices> stream_{};  // seconds
  std::vector<std::int32_t> active_;              // [n_devices, n_tokens], neurons
  std::vector<float> loads_;                      // [n_devices, n_tokens], seconds
  double mean_ = 0;                               // of the longest, as mean_longest() has it
};

}  // namespace synfire
