#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/model/arch/program.hpp"
#include "core/runtime/predictor_program.hpp"
#include "core/runtime/stage_plan.hpp"
#include "core/sparsity/placement.hpp"

// What a program computes and what a plan computes, as expressions that can be compared. An
// expression is a hash over the op, its parameters, its weights and the expressions of its inputs;
// 0 is an absent one.
namespace synfire::test {

using Expression = std::uint64_t;

// The logits of a program under a placement, by the definition of each way to run an FFN.
Expression expected_logits(const Program& program, const Placement& placement,
                           const PredictorProgram& predictor);

// Runs a plan as devices do that take nothing before it is signalled: each does its stages one
// after the other, and a stage begins when all its inputs are there and tells of its outputs at its
// end.
struct PlanRun {
  Expression logits = 0;
  std::string error;               // "": every stage ran
  std::vector<std::string> order;  // "device: stage"
};
PlanRun run_plan(const ExecutionPlan& plan);

}  // namespace synfire::test
