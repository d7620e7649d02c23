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

// The plan as a file: by groups as they are numbered, or, where `orders` are given, by single
// neurons. The home device comes first.
[[nodiscard]] PlanFile plan_file_of(const PlanProblem& problem, const PlanSolution& solution,
                                    const std::vector<NeuronOrder>* orders,
                                    std::uint32_t group_size);

}  // namespace synfire::cli
