#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.hpp"
#include "core/model/arch/program.hpp"
#include "core/model/gguf_file.hpp"
#include "core/runtime/predictor_program.hpp"
#include "core/sparsity/activation_profile.hpp"
#include "core/sparsity/neuron_groups.hpp"
#include "core/sparsity/planner/plan_problem.hpp"

namespace synfire {

// What a model costs whoever runs it: everything of a PlanProblem but its devices.
struct PlanModel {
  const Program& program;
  const GgufFile& file;
  const PredictorProgram& predictor;
  std::uint64_t kv_bytes = 0;       // in memory, of all layers
  std::uint64_t kv_read_bytes = 0;  // by an expected token
};

// Layers as groups of `group_size` neurons in the given orders (by layer), and what is not FFN.
// INVALID_ARGUMENT where the profile is of another model.
[[nodiscard]] Result<PlanProblem> plan_problem_of(const PlanModel& model,
                                                  const ActivationProfile& profile,
                                                  const std::vector<NeuronOrder>& orders,
                                                  std::uint32_t group_size);

}  // namespace synfire
