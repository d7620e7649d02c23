#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

#include "core/sparsity/planner/plan_problem.hpp"
#include "core/sparsity/planner/plan_solution.hpp"

namespace synfire {

// A set of devices, as bits.
using DeviceMask = std::uint32_t;

// One layer of a PlanProblem in seconds: what each group costs each device, for every token.
//
// A token's time is max over the devices d that have groups of
//   stage(d) + sum over its groups of stream(d, g) + seconds_per_active(d) x active(g, token)
// plus fork(mask), where `mask` are these devices.
class LayerCosts {
 public:
  using Bytes = std::array<std::uint64_t, kMaxPlanDevices>;

  // Borrowed: the problem must outlive it.
  LayerCosts(const PlanProblem& problem, const PlanLayer& layer);

  [[nodiscard]] std::uint32_t n_devices() const { return n_devices_; }
  [[nodiscard]] std::uint32_t n_groups() const { return n_groups_; }
  [[nodiscard]] std::uint32_t n_tokens() const { return n_tokens_; }
  [[nodiscard]] std::uint64_t bytes(std::uint32_t group) const { return layer_.bytes[group]; }
  [[nodiscard]] std::uint64_t all_bytes() const { return all_bytes_; }
  // Of layers that several devices share.
  [[nodiscard]] double stream(std::uint32_t device, std::uint32_t group) const {
    return per_stream_byte_[device] * layer_.stream_bytes[group];
  }
  [[nodiscard]] double seconds_per_active(std::uint32_t device) const {
    return per_active_[device];
  }
  // Neurons of a group that fire, by token; and their mean.
  [[nodiscard]] std::span<const std::int16_t> active(std::uint32_t group) const {
    return std::span(layer_.active).subspan(std::size_t{group} * n_tokens_, n_tokens_);
  }
  [[nodiscard]] double mean_active(std::uint32_t group) const { return mean_active_[group]; }

  // ---- Neurons, of layers whose groups may be cut ----
  [[nodiscard]] bool may_cut() const { return layer_.neurons.has_value(); }
  [[nodiscard]] std::uint32_t group_neurons(std::uint32_t group) const;
  [[nodiscard]] std::uint64_t neuron_bytes(std::uint32_t group) const {
    return layer_.bytes[group] / group_neurons(group);
  }
  [[nodiscard]] double neuron_stream(std::uint32_t device, std::uint32_t group) const {
    return stream(device, group) / group_neurons(group);
  }
  // visit(token) for all tokens for which one of a group's neurons fires.
  template <typename Visit>
  void for_tokens(std::uint32_t group, std::uint32_t neuron, const Visit& visit) const {
    const PlanLayer::Neurons& neurons = *layer_.neurons;
    std::uint32_t first = 0;
    for (std::uint64_t word :
         neurons.activity->tokens((*neurons.order)[group * neurons.group_size + neuron])) {
      for (; word != 0; word &= word - 1)
        visit(first + static_cast<std::uint32_t>(std::countr_zero(word)));
      first += 64;
    }
  }

  // Of a device that has a part, where the devices of `mask` have parts.
  [[nodiscard]] double stage(std::uint32_t device, DeviceMask mask) const {
    return mask == home_ ? 0 : stage_[device];
  }
  // What is added to the longest device's time.
  [[nodiscard]] double fork(DeviceMask mask) const;

  // All of the layer on one device, as it is read there.
  [[nodiscard]] std::uint64_t whole_bytes() const {
    return layer_.whole ? layer_.whole->bytes : all_bytes_;
  }
  [[nodiscard]] double whole_seconds(std::uint32_t device) const;

  [[nodiscard]] static DeviceMask mask_of(const GroupDevices& devices);
  // Which device it is, of a mask of one.
  [[nodiscard]] static bool is_single(DeviceMask mask) { return (mask & (mask - 1)) == 0; }

  // Of an assignment: what it takes of each device's memory, and its expected seconds.
  [[nodiscard]] Bytes memory(const GroupDevices& devices, const LayerCuts& cuts = {}) const;
  [[nodiscard]] double seconds(const GroupDevices& devices, const LayerCuts& cuts = {}) const;
  // Seconds by device and token, [n_devices, n_tokens], of an assignment to several devices; those
  // without groups: 0. Without fork().
  [[nodiscard]] std::vector<double> loads(const GroupDevices& devices,
                                          const LayerCuts& cuts = {}) const;

 private:
  void move_neurons(const CutGroup& cut, std::uint32_t from,
                    std::array<double, kMaxPlanDevices>& fixed,
                    std::vector<std::int32_t>& counts) const;

  const PlanLayer& layer_;
  std::uint32_t n_devices_, n_groups_, n_tokens_;
  DeviceMask home_;
  std::uint64_t all_bytes_ = 0;
  std::array<double, kMaxPlanDevices> whole_{};  // seconds, without stage and fork
  std::array<double, kMaxPlanDevices> per_stream_byte_{}, per_active_{}, stage_{}, fork_join_{};
  std::vector<double> mean_active_;
};

}  // namespace synfire
