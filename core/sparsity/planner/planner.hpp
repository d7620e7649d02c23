#pragma once

#include <cstdint>

#include "core/base/result.hpp"
#include "core/sparsity/planner/plan_problem.hpp"
#include "core/sparsity/planner/plan_solution.hpp"

namespace synfire {

struct PlannerOptions {
  // Steps towards a better bound over the tokens of the traces.
  std::uint32_t token_steps = 16;
  // Rounds of local improvement, at most.
  std::uint32_t rounds = 4;
  // Layers with no more assignments than that are enumerated, and the plan is the best there is.
  std::uint64_t enumerate = 1U << 12;
};

// The plan of least expected time that was found, with a bound on what any plan of whole groups
// takes.
//
// Small problems are solved exactly. For others memory gets prices (Lagrangian relaxation); at
// these, layers are independent, and each gives a bound and some ways to place it; dynamic
// programming chooses among them within the budgets, and local search goes on from there. Layers
// that say which neurons fire, and that whole groups leave unbalanced, get some of their groups
// cut, which balances the traces' tokens, and others hardly (tests/bench/NOTES.md, "Planner"). The
// same problem gives the same plan, whatever the number of cores.
//
// INVALID_ARGUMENT for a problem that makes no sense, RESOURCE_EXHAUSTED where the model does not
// fit: the text names the device and what is short.
[[nodiscard]] Result<PlanSolution> solve_plan(const PlanProblem& problem,
                                              const PlannerOptions& options = {});

// Expected seconds per token of a plan, by the same measure.
[[nodiscard]] double plan_seconds(const PlanProblem& problem,
                                  const std::vector<GroupDevices>& layers,
                                  const std::vector<LayerCuts>& cuts = {});

// What is no FFN: attention, output matrix, sampling and the like.
[[nodiscard]] double home_seconds(const PlanProblem& problem);

}  // namespace synfire
