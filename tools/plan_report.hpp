#pragma once

#include <string>

#include "core/config/plan_file.hpp"
#include "core/sparsity/neuron_groups.hpp"
#include "core/sparsity/planner/plan_problem.hpp"
#include "core/sparsity/planner/plan_solution.hpp"

namespace synfire::cli {

// Prints a plan: bytes, expected time and bottleneck of each layer and device, the devices' memory,
// what a token takes and how far that may be from the best.
void print_plan(const PlanProblem& problem, const PlanSolution& solution, bool as_json);

// The plan as a file: by groups, where they are of neurons as they are numbered (`in_groups`) and
// none is cut; else by single neurons, of which `orders` says by layer how they form groups. The
// home device comes first.
[[nodiscard]] PlanFile plan_file_of(const PlanProblem& problem, const PlanSolution& solution,
                                    const std::vector<NeuronOrder>& orders, bool in_groups,
                                    std::uint32_t group_size);

}  // namespace synfire::cli
