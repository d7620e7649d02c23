#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/sparsity/activation_profile.hpp"
#include "core/sparsity/neuron_groups.hpp"

namespace synfire {

// What a plan can use of a device.
struct PlanDevice {
  std::string name;
  double stream_bandwidth = 0;   // bytes/s of rows that follow each other
  double row_bandwidth = 0;      // bytes/s of rows apart, as active lists name them
  double shared = 1;             // what is left of these while the other devices read, too
  double multiply_adds = 0;      // per second; 0: the memory is what holds it back
  std::uint64_t memory = 0;      // bytes that the model may take of it
  double stage_seconds = 0;      // of each of its stages
  double fork_join_seconds = 0;  // hidden state and active list to it, its partial sum back
  // Of a token, where it is the home device, besides what it reads: sampling and messages; norms,
  // RoPE and attention's arithmetic, of each layer.
  double step_seconds = 0, layer_seconds = 0;
};

// A layer's FFN as groups of neurons, and which of them fire for the tokens of the traces.
struct PlanLayer {
  // All of it on one device by matrices as the file has them, where that is another number of bytes
  // than its groups have.
  struct Whole {
    std::uint64_t bytes = 0;  // in memory, all of them read for every token
  };

  // Which neurons the groups have, and when each fires. Borrowed.
  struct Neurons {
    const LayerActivity* activity = nullptr;  // of the traces' tokens
    const NeuronOrder* order = nullptr;       // runs of group_size are the groups
    std::uint32_t group_size = 0;
  };

  std::vector<std::uint64_t> bytes;  // of each group, in memory
  std::vector<double> stream_bytes;  // of each group, read for every token
  double active_bytes = 0;           // read apart for each neuron that fires
  double bytes_per_weight = 0;       // for PlanDevice::multiply_adds; 0: does not matter
  std::vector<std::int16_t> active;  // [n_groups, n_tokens]: each group's neurons that fire
  std::optional<Whole> whole = {};
  std::optional<Neurons> neurons = {};  // set: groups may be cut

  [[nodiscard]] std::uint32_t n_groups() const { return static_cast<std::uint32_t>(bytes.size()); }
};

// Which device is to hold which groups: least expected time of a token, no device over its memory.
//
// A device's time in a layer is what its groups' bytes take, plus one stage where the layer is not
// all on the home device. The devices work at the same time, so that a token takes the longest of
// them; if any but the home device has a part, a fork and a join besides. What is no FFN is on the
// home device.
struct PlanProblem {
  std::vector<PlanDevice> devices;  // 1 to kMaxPlanDevices
  std::uint32_t home = 0;
  std::uint64_t home_bytes = 0;  // in memory: attention, embedding, head, predictor, KV cache
  double home_stream_bytes = 0;  // of them, read for every token
  // What all that is no FFN takes, where it was measured; else it follows from bytes and devices.
  std::optional<double> measured_home_seconds = {};
  std::uint32_t n_tokens = 0;  // of the traces; 1 to kMaxPlanTokens
  std::vector<PlanLayer> layers;
};

inline constexpr std::uint32_t kMaxPlanDevices = 4;
inline constexpr std::uint32_t kMaxPlanTokens = 4096;

}  // namespace synfire
