#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.hpp"
#include "core/engine/engine.hpp"
#include "core/sparsity/neuron_groups.hpp"
#include "core/sparsity/planner/plan_fit.hpp"
#include "core/sparsity/planner/plan_problem.hpp"

namespace synfire::cli {

// What plans are run with.
struct PlanRuns {
  EngineConfig config;                     // its devices: those of the problem, in its order
  const std::vector<NeuronOrder>& orders;  // this and the next two: as of plan_file_of()
  bool in_groups = false;
  std::uint32_t group_size = 0;
  std::uint32_t depth = 0;  // tokens in the KV cache
};

// Whether each device has room for all FFNs, and so for each of the plans below.
[[nodiscard]] bool has_room_to_measure(const PlanProblem& problem);

// Decodes a few tokens under plans from which the others' times follow: all FFNs on the home
// device, all on each other one, and layers shared with it: evenly, with less and with more on it.
[[nodiscard]] Result<MeasuredPlans> measure_plans(const PlanRuns& runs, const PlanProblem& problem);

}  // namespace synfire::cli
