#include "tests/support/paper_milp.hpp"

#include <array>
#include <random>

#include <gtest/gtest.h>

#include "core/sparsity/planner/planner.hpp"
#include "tests/unit/sparsity/planner/random_problems.hpp"

namespace synfire {
namespace {

constexpr double kLimit = 20;  // seconds for CBC, which needs a fraction of one

// A fast device that holds two groups of 100 bytes, and a slow one; no layers yet.
PlanProblem one_token(double cpu_fork_join_seconds) {
  PlanProblem problem;
  problem.n_tokens = 1;
  problem.devices = {{.name = "gpu",
                      .stream_bandwidth = 1e12,
                      .row_bandwidth = 1e12,
                      .memory = 250,
                      .fork_join_seconds = 0},
                     {.name = "cpu",
                      .stream_bandwidth = 1e10,
                      .row_bandwidth = 1e10,
                      .memory = 1000,
                      .fork_join_seconds = cpu_fork_join_seconds}};
  return problem;
}

TEST(PaperMilp, TakesTheMostActiveGroupsThatFit) {
  PlanProblem problem = one_token(0);
  problem.layers = {
      {.bytes = {100, 100, 100}, .stream_bytes = {0, 0, 0}, .active_bytes = 1, .active = {5, 9, 7}},
      {.bytes = {100}, .stream_bytes = {0}, .active_bytes = 1, .active = {6}}};
  const auto milp = solve_paper_milp(problem, kLimit);
  ASSERT_TRUE(milp);
  EXPECT_TRUE(milp->optimal);
  EXPECT_DOUBLE_EQ(milp->impact, 16);
  EXPECT_EQ(milp->layers, (std::vector<GroupDevices>{{1, 0, 0}, {1}}));
}

TEST(PaperMilp, LeavesALayerAloneThatDoesNotPayTheSynchronisation) {
  PlanProblem problem = one_token(2.5e-8);
  problem.layers = {{.bytes = {100, 100, 100},
                     .stream_bytes = {0, 0, 0},
                     .active_bytes = 1,
                     .active = {5, 9, 7}}};
  const auto milp = solve_paper_milp(problem, kLimit);  // three groups would pay, two fit
  ASSERT_TRUE(milp);
  EXPECT_EQ(milp->layers, (std::vector<GroupDevices>{{1, 1, 1}}));
}

TEST(PaperMilp, IsNeverBetterThanThePlanner) {
  int compared = 0;
  double faster = 0;
  for (std::uint32_t seed = 0; seed < 24; ++seed) {
    std::mt19937 random(seed);
    ProblemShape shape;
    shape.n_layers = 3 + random() % 6;
    shape.n_groups = 8 + random() % 24;
    shape.n_tokens = 32;
    shape.budget = std::array{0.05, 0.15, 0.3, 0.5, 0.8, 1.2}[random() % 6];
    shape.home_budget = random() % 2 == 0 ? 2 : 0.97;
    shape.fork_seconds = std::array{0.0, 1e-6, 5e-6, 5e-5}[random() % 4];
    shape.all_alike = random() % 2 == 0;
    const PlanProblem problem = random_problem(shape, seed);
    const auto milp = solve_paper_milp(problem, kLimit);
    if (!milp) continue;
    ++compared;
    const auto plan = solve_plan(problem);
    ASSERT_TRUE(plan.ok()) << seed << ": " << plan.status().message();
    const double theirs = plan_seconds(problem, milp->layers);
    EXPECT_LE(plan->seconds, theirs * (1 + 1e-6)) << seed;
    EXPECT_LE(plan->bound, theirs * (1 + 1e-9)) << seed;
    faster += theirs / plan->seconds;
  }
  EXPECT_GT(compared, 20);
  EXPECT_GT(faster / compared, 1.05);  // it balances, where they fill
}

TEST(PaperMilp, IsNeverBetterOnALargerModel) {
  for (const double budget : {0.1, 0.4, 0.9}) {
    ProblemShape shape;
    shape.n_layers = 12;
    shape.n_groups = 64;
    shape.n_tokens = 32;
    shape.budget = budget;
    const PlanProblem problem = random_problem(shape, 11);
    const auto milp = solve_paper_milp(problem, kLimit);
    ASSERT_TRUE(milp) << budget;
    const auto plan = solve_plan(problem);
    ASSERT_TRUE(plan.ok()) << plan.status().message();
    EXPECT_LE(plan->seconds, plan_seconds(problem, milp->layers) * (1 + 1e-6)) << budget;
  }
}

}  // namespace
}  // namespace synfire
