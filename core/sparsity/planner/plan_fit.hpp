#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/base/result.hpp"
#include "core/sparsity/planner/plan_problem.hpp"
#include "core/sparsity/planner/plan_solution.hpp"

namespace synfire {

// A plan that was run: what its tokens took.
struct MeasuredPlan {
  std::vector<GroupDevices> layers;
  double seconds = 0;                          // per token
  std::array<double, kMaxPlanDevices> busy{};  // of them, in each device's stages, waits left out
};

// The runs that fit_plan() learns from.
struct MeasuredPlans {
  // Of a device but the home one.
  struct Pair {
    std::uint32_t device = 0;
    MeasuredPlan away;                 // all FFNs on it
    std::vector<MeasuredPlan> shared;  // layers shared with the home device, in several ways
  };

  MeasuredPlan home;  // all on the home device
  std::vector<Pair> pairs;
};

// All FFNs of a problem on one device.
[[nodiscard]] std::vector<GroupDevices> all_on(const PlanProblem& problem, std::uint32_t device);
// Of each layer's groups that share on the home device, evenly over the layer, the others on
// `device`.
[[nodiscard]] std::vector<GroupDevices> shared_with(const PlanProblem& problem,
                                                    std::uint32_t device, double home_share);
// The share of the home device at which both would take the same time for a layer; from 0.1 to 0.8,
// so that either has something to measure.
[[nodiscard]] double even_share(const PlanProblem& problem, const MeasuredPlan& home,
                                const MeasuredPlans::Pair& pair);

// Puts what runs took in the place of what `problem` assumes: its devices' bandwidths, what is left
// of them while others read, what a stage and a hand-off cost, and what is no FFN. How fast a
// device reads rows apart in parts of how it reads streams stays as it is.
//
// INVALID_ARGUMENT where the runs are not those above, or a time is not more than 0.
[[nodiscard]] Status fit_plan(const MeasuredPlans& runs, PlanProblem& problem);

}  // namespace synfire
