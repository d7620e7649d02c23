#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/sparsity/planner/plan_problem.hpp"
#include "core/sparsity/planner/plan_solution.hpp"

namespace synfire {

// The placement that PowerInfer's paper asks a solver for (arXiv 2312.12456v2, section 6.3,
// equations 2 to 8), on COIN-OR CBC: what the planner is compared with.
//
// One binary per group says whether the fast device has it. Their summed impact, the expected
// number of active neurons, is made as large as it can be; no device's memory is exceeded; and of a
// layer the fast device has either nothing, or at least as much as saves the time of the
// synchronisation: C_l T_fast + T_sync <= C_l T_slow, the times of a group being its bytes over the
// bandwidths.
struct PaperMilp {
  std::vector<GroupDevices> layers;
  double impact = 0;  // that was reached
  double bound = 0;   // on the impact, as CBC left it
  bool optimal = false;
};

// Problems of two devices. Nothing where CBC finds no solution within `seconds`.
[[nodiscard]] std::optional<PaperMilp> solve_paper_milp(const PlanProblem& problem, double seconds);

}  // namespace synfire
