#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/runtime/stage_plan.hpp"
#include "core/sparsity/placement.hpp"

namespace synfire {

// Writes into a plan what its devices load: weights, neurons and layers of KV storage, each once
// per device.
// Which dtype a neuron-major copy of `down` has: floats keep theirs, so that nothing is lost;
// blocks that ran along the neurons cannot be kept and become what the program says, or F16 where
// rows are no whole blocks of that.
[[nodiscard]] DType neuron_major_dtype(const Program& program, DType file_dtype);

class PlanWeights {
 public:
  // All are borrowed.
  PlanWeights(ExecutionPlan& plan, const Program& program, const GgufFile& file,
              const Placement& placement);

  // A tensor of the program, whole.
  [[nodiscard]] WeightUpload tensor(WeightId id) const;
  // The device's index of a weight; SF_NONE for kNone. `lookup`: this op reads single rows only.
  std::uint32_t add(std::uint32_t device, WeightUpload upload, bool lookup = false);
  std::uint32_t add(std::uint32_t device, WeightId id, bool lookup = false);
  // The device's index of a layer in its KV storage, which has `n_kv_heads` of every layer.
  std::uint32_t add_kv_layer(std::uint32_t device, std::uint32_t layer, std::uint32_t n_kv_heads);
  // The device's index of its groups of a layer's FFN.
  std::uint32_t add_neurons(std::uint32_t device, std::uint32_t layer);

  // What a user should know of it.
  [[nodiscard]] std::vector<std::string> notes() const;

 private:
  using Place = std::tuple<const std::byte*, std::uint64_t, std::uint64_t>;  // data, rows, cols

  ExecutionPlan& plan_;
  const Program& program_;
  const GgufFile& file_;
  const Placement& placement_;
  std::vector<std::map<Place, std::uint32_t>> weights_;  // by device
  std::vector<std::map<std::uint32_t, std::uint32_t>>
      kv_layers_;                      // by device: model layer -> storage layer
  std::set<std::string> requantized_;  // what became of `down`
};

}  // namespace synfire
