#pragma once

#include <array>
#include <cstdint>
#include <random>
#include <vector>

#include "core/sparsity/planner/layer_costs.hpp"
#include "core/sparsity/planner/plan_solution.hpp"

namespace synfire {

// Cuts groups of a layer that several devices share, so that single neurons balance what whole
// groups cannot: of many tokens some wait for one device and some for another.
//
// Neurons of a few groups may change their device, one by one, until the layer is fast enough;
// where these do not suffice, those of more groups. Which device a neuron goes to is decided by
// when it fires, not by how often: what single neurons fired more or less than their group did in
// so few tokens is mostly chance, so that gets no device more or less to do.
class LayerCutter {
 public:
  // Borrowed: both must outlive it. `room`: bytes that each device may have more than it has;
  // `enough`: seconds that the layer need not be faster than.
  LayerCutter(const LayerCosts& costs, const GroupDevices& devices, const LayerCosts::Bytes& room,
              double enough);

  // None where nothing is won by it.
  [[nodiscard]] LayerCuts run();

 private:
  // One that may change its device.
  struct Neuron {
    std::uint32_t group = 0, index = 0;    // in the group
    std::uint32_t first = 0, n_fired = 0;  // in fired_
    std::uint8_t device = 0;
    double luck = 0;       // firings more than its group's neurons have on average
    bool streams = false;  // its time is not of the tokens alone for which it fires
  };

  void order_groups();
  void open(std::size_t n_groups);
  void open_group(std::uint32_t group);
  // What a token's longest device takes more if `from` and `to` get so much more.
  [[nodiscard]] double longer(std::uint32_t token, std::uint32_t from, double less,
                              std::uint32_t to, double more) const;
  void reload(std::uint32_t token);
  [[nodiscard]] double& gain(std::uint32_t from, std::uint32_t to, std::uint32_t token);
  // Seconds of all tokens that it brings.
  [[nodiscard]] double move_seconds(const Neuron& neuron, std::uint32_t to) const;
  void move(Neuron& neuron, std::uint32_t to);
  // What it costs besides, in the same seconds: memory, and luck.
  [[nodiscard]] double penalty(const Neuron& neuron, std::uint32_t to) const;
  [[nodiscard]] double memory_price(std::uint32_t device) const;  // of a byte
  [[nodiscard]] double luck_price(std::uint32_t device) const;    // of a firing
  void pass(double heat, bool strict);
  void make_fit();
  [[nodiscard]] bool is_near_balance() const;
  // Of the layer's time, what balanced devices would not take.
  [[nodiscard]] double lost() const;
  [[nodiscard]] double seconds() const;
  [[nodiscard]] bool is_done() const;
  [[nodiscard]] LayerCuts cuts() const;

  const LayerCosts& costs_;
  const GroupDevices& devices_;
  LayerCosts::Bytes room_;
  double enough_;
  std::uint32_t n_tokens_;
  std::vector<std::uint32_t> parts_;                 // devices that share the layer
  std::array<double, kMaxPlanDevices> even_{};       // shares that balance them
  std::vector<std::vector<std::uint32_t>> to_open_;  // by part: groups, the next ones last
  std::vector<double> loads_;                        // [n_devices, n_tokens]
  std::vector<double> gains_;                        // [n_devices, n_devices, n_tokens]
  std::vector<Neuron> neurons_;
  std::vector<std::uint16_t> fired_;  // tokens
  std::array<std::uint32_t, kMaxPlanDevices> n_neurons_{};
  std::array<double, kMaxPlanDevices> grown_{}, luck_{};  // bytes and luck more than before
  std::array<double, kMaxPlanDevices> memory_prices_{}, luck_prices_{};
  double unit_ = 0;         // seconds of a neuron that fires once
  double bytes_ = 0;        // of a neuron
  std::mt19937 random_{1};  // the same plan every time
};

}  // namespace synfire
