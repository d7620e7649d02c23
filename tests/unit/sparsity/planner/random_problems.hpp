#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "core/sparsity/neuron_groups.hpp"
#include "core/sparsity/planner/plan_problem.hpp"
#include "core/sparsity/planner/plan_solution.hpp"

namespace synfire {

// What random problems look like.
struct ProblemShape {
  std::uint32_t n_devices = 2, n_layers = 2, n_groups = 4, n_tokens = 8;
  std::uint32_t group_size = 32;
  double budget = 0.5;     // of the model's bytes, that each device but the first has room for
  double home_budget = 2;  // the same of the first
  double fork_seconds = 1e-5;
  bool all_alike = true;  // groups of the same bytes
};

// Devices, each about four times as fast as the one before; neurons, of which few are often active,
// and whose activity rises and falls together, token by token.
inline PlanProblem random_problem(const ProblemShape& shape, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  PlanProblem problem;
  problem.n_tokens = shape.n_tokens;
  std::uint64_t all_bytes = 0;
  constexpr double kRowBytes = 3.0 * 1024;
  for (std::uint32_t l = 0; l < shape.n_layers; ++l) {
    PlanLayer& layer = problem.layers.emplace_back();
    layer.active_bytes = kRowBytes;
    std::vector<double> mood(shape.n_tokens);
    for (double& m : mood) m = 0.5 + unit(random);
    for (std::uint32_t g = 0; g < shape.n_groups; ++g) {
      const double size = shape.all_alike ? 1 : 0.5 + unit(random);
      layer.bytes.push_back(static_cast<std::uint64_t>(kRowBytes * shape.group_size * size));
      layer.stream_bytes.push_back(unit(random) < 0.5 ? 0 : 0.05 * kRowBytes * shape.group_size);
      all_bytes += layer.bytes.back();
      const double rate = 0.9 * std::pow(unit(random), 4);
      for (std::uint32_t t = 0; t < shape.n_tokens; ++t)
        layer.active.push_back(static_cast<std::int16_t>(std::binomial_distribution<int>(
            static_cast<int>(shape.group_size), std::min(rate * mood[t], 1.0))(random)));
    }
  }
  for (std::uint32_t d = 0; d < shape.n_devices; ++d) {
    PlanDevice device;
    device.name = "device:" + std::to_string(d);
    device.stream_bandwidth = 2e10 * std::pow(4, d) * (0.5 + unit(random));
    device.row_bandwidth = device.stream_bandwidth * (0.5 + 0.5 * unit(random));
    device.shared = d % 2 == 0 ? 1 : 0.5 + 0.5 * unit(random);
    device.stage_seconds = shape.fork_seconds * unit(random) / 2;
    device.fork_join_seconds = shape.fork_seconds * unit(random);
    const double budget = d == 0 ? shape.home_budget : shape.budget;
    device.memory = static_cast<std::uint64_t>(budget * static_cast<double>(all_bytes));
    problem.devices.push_back(device);
  }
  problem.devices[0].memory += problem.home_bytes = 1000;
  problem.home_stream_bytes = 1000;
  return problem;
}

// A problem whose layers say which neurons fire, so that groups may be cut; and the same with each
// neuron as a group of its own, whose plans are all there are.
struct NeuronProblem {
  std::vector<LayerActivity> activity;  // by layer
  std::vector<NeuronOrder> orders;      // by layer
  PlanProblem problem, singles;

  // A plan of `problem` as one of `singles`.
  [[nodiscard]] std::vector<GroupDevices> by_neuron(const PlanSolution& plan) const {
    std::vector<GroupDevices> layers;
    for (std::size_t i = 0; i < plan.layers.size(); ++i) {
      const std::uint32_t size = problem.layers[i].neurons->group_size;
      GroupDevices& devices = layers.emplace_back();
      for (const std::uint8_t device : plan.layers[i]) devices.insert(devices.end(), size, device);
      for (const CutGroup& cut : plan.cuts_of(i))
        std::copy(cut.devices.begin(), cut.devices.end(),
                  devices.begin() + std::ptrdiff_t{cut.group} * size);
    }
    return layers;
  }
};

inline NeuronProblem random_neuron_problem(const ProblemShape& shape, std::uint32_t seed) {
  std::mt19937 random(seed);
  NeuronProblem made;
  made.problem = random_problem(shape, seed);
  for (PlanLayer& layer : made.problem.layers) {
    for (std::uint64_t& bytes : layer.bytes) bytes -= bytes % shape.group_size;
    // As many of a group's neurons as its count says, whichever they are.
    const std::uint32_t d_ff = shape.n_groups * shape.group_size;
    LayerActivity& activity = made.activity.emplace_back(d_ff, shape.n_tokens);
    NeuronOrder order = neurons_as_numbered(d_ff);
    std::shuffle(order.begin(), order.end(), random);
    for (std::uint32_t g = 0; g < shape.n_groups; ++g)
      for (std::uint32_t t = 0; t < shape.n_tokens; ++t) {
        NeuronOrder group(order.begin() + g * shape.group_size,
                          order.begin() + (g + 1) * shape.group_size);
        std::shuffle(group.begin(), group.end(), random);
        group.resize(static_cast<std::size_t>(layer.active[g * shape.n_tokens + t]));
        for (const std::uint32_t neuron : group) activity.set(neuron, t);
      }
    made.orders.push_back(std::move(order));
  }
  made.singles = made.problem;
  for (std::size_t i = 0; i < made.activity.size(); ++i) {
    PlanLayer& layer = made.problem.layers[i];
    layer.neurons = {&made.activity[i], &made.orders[i], shape.group_size};
    PlanLayer& single = made.singles.layers[i];
    single.bytes.clear();
    single.stream_bytes.clear();
    for (std::uint32_t g = 0; g < shape.n_groups; ++g) {
      single.bytes.insert(single.bytes.end(), shape.group_size, layer.bytes[g] / shape.group_size);
      single.stream_bytes.insert(single.stream_bytes.end(), shape.group_size,
                                 layer.stream_bytes[g] / shape.group_size);
    }
    single.active = count_active(made.activity[i], made.orders[i], 1);
  }
  return made;
}

}  // namespace synfire
