#include "core/sparsity/planner/plan_fit.hpp"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/sparsity/planner/layer_costs.hpp"
#include "core/sparsity/planner/planner.hpp"
#include "tests/unit/sparsity/planner/random_problems.hpp"

namespace synfire {
namespace {

using testing::HasSubstr;

constexpr double kOutside = 7e-6;  // of a step, in no stage

// A machine that behaves as the planner thinks machines do, and what is seen of it.
class Machine {
 public:
  explicit Machine(std::uint32_t n_devices) {
    ProblemShape shape;
    shape.n_devices = n_devices;
    shape.n_layers = 5;
    shape.n_groups = 40;
    shape.n_tokens = 64;
    truth = random_problem(shape, 3);
    truth.measured_home_seconds = 4e-4;
    truth.devices[0].shared = 0.9;
    for (std::uint32_t d = 0; d < n_devices; ++d) {
      PlanDevice& device = truth.devices[d];
      device.stream_bandwidth = 2e10 / (1 + d);
      device.row_bandwidth = 0.7 * device.stream_bandwidth;
      device.stage_seconds = 3e-6 + hand_off_of(d);
      device.fork_join_seconds = 0;
      device.memory = std::uint64_t{1} << 40;
    }
  }

  // Other figures for the same devices, as a probe of bandwidths may give them.
  [[nodiscard]] PlanProblem assumed() const {
    PlanProblem problem = truth;
    problem.measured_home_seconds.reset();
    for (std::size_t d = 0; d < problem.devices.size(); ++d) {
      PlanDevice& device = problem.devices[d];
      device.stream_bandwidth *= 1.5 + static_cast<double>(d);
      device.row_bandwidth *= 1.5 + static_cast<double>(d);
      device.shared = 1;
      device.stage_seconds = device.fork_join_seconds = 1e-7;
    }
    return problem;
  }

  [[nodiscard]] MeasuredPlan run(std::vector<GroupDevices> layers) const {
    MeasuredPlan run;
    run.seconds = plan_seconds(truth, layers);
    run.busy[0] = *truth.measured_home_seconds - kOutside;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const LayerCosts costs(truth, truth.layers[i]);
      const DeviceMask mask = LayerCosts::mask_of(layers[i]);
      for (std::uint32_t d = 0; d < truth.devices.size(); ++d) {
        if ((mask >> d & 1) == 0) continue;
        run.busy[d] -= hand_off_of(d);
        if (LayerCosts::is_single(mask)) {
          run.busy[d] += costs.whole_seconds(d);
          continue;
        }
        const std::vector<double> loads = costs.loads(layers[i]);
        for (std::uint32_t t = 0; t < truth.n_tokens; ++t)
          run.busy[d] += loads[d * truth.n_tokens + t] / truth.n_tokens;
      }
    }
    run.layers = std::move(layers);
    return run;
  }

  [[nodiscard]] MeasuredPlans runs() const {
    MeasuredPlans runs;
    runs.home = run(all_on(truth, 0));
    for (std::uint32_t d = 1; d < truth.devices.size(); ++d) {
      MeasuredPlans::Pair pair{d, run(all_on(truth, d)), {}};
      for (const double share : {0.6, 0.8})
        pair.shared.push_back(run(shared_with(truth, d, share)));
      runs.pairs.push_back(std::move(pair));
    }
    return runs;
  }

  PlanProblem truth;

 private:
  static double hand_off_of(std::uint32_t device) { return device == 0 ? 0 : 5e-6 * device; }
};

std::vector<GroupDevices> random_plan(const PlanProblem& problem, std::uint32_t seed) {
  std::mt19937 random(seed);
  const double share = 0.2 + 0.15 * (seed % 5);
  std::vector<GroupDevices> layers = all_on(problem, 0);
  for (GroupDevices& layer : layers)
    for (std::uint8_t& device : layer)
      if (std::bernoulli_distribution(share)(random))
        device = static_cast<std::uint8_t>(1 + random() % (problem.devices.size() - 1));
  return layers;
}

TEST(PlanFit, PredictsPlansThatItDidNotSee) {
  const Machine machine(2);
  PlanProblem problem = machine.assumed();
  const Status fitted = fit_plan(machine.runs(), problem);
  ASSERT_TRUE(fitted.ok()) << fitted.message();
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    const auto plan = random_plan(problem, seed);
    const double truth = plan_seconds(machine.truth, plan);
    EXPECT_NEAR(plan_seconds(problem, plan), truth, 0.01 * truth) << seed;
  }
}

TEST(PlanFit, FindsTheDevicesFigures) {
  const Machine machine(2);
  PlanProblem problem = machine.assumed();
  ASSERT_TRUE(fit_plan(machine.runs(), problem).ok());
  for (std::size_t d = 0; d < 2; ++d) {
    const PlanDevice& got = problem.devices[d];
    const PlanDevice& want = machine.truth.devices[d];
    EXPECT_NEAR(got.stream_bandwidth, want.stream_bandwidth, 0.02 * want.stream_bandwidth) << d;
    EXPECT_NEAR(got.row_bandwidth, want.row_bandwidth, 0.02 * want.row_bandwidth) << d;
    EXPECT_NEAR(got.shared, want.shared, 0.03) << d;
    EXPECT_NEAR(got.stage_seconds, want.stage_seconds, 1e-6) << d;
    EXPECT_NEAR(got.fork_join_seconds, 0, 1e-6) << d;
  }
  EXPECT_NEAR(*problem.measured_home_seconds, 4e-4, 4e-6);
}

TEST(PlanFit, EachOtherDeviceHasItsOwn) {
  const Machine machine(3);
  PlanProblem problem = machine.assumed();
  ASSERT_TRUE(fit_plan(machine.runs(), problem).ok());
  for (std::size_t d = 1; d < 3; ++d)
    EXPECT_NEAR(problem.devices[d].stream_bandwidth, machine.truth.devices[d].stream_bandwidth,
                0.05 * machine.truth.devices[d].stream_bandwidth)
        << d;
}

TEST(PlanFit, OneDeviceTakesWhatItTook) {
  Machine machine(2);
  machine.truth.devices.resize(1);
  machine.truth.devices[0].stage_seconds = 0;
  PlanProblem problem = machine.assumed();
  MeasuredPlans runs;
  runs.home = machine.run(all_on(problem, 0));
  ASSERT_TRUE(fit_plan(runs, problem).ok());
  EXPECT_NEAR(plan_seconds(problem, all_on(problem, 0)), runs.home.seconds,
              1e-3 * runs.home.seconds);
}

// Times that contradict the model, as disturbed measurements do, give a problem that can be solved.
TEST(PlanFit, DisturbedTimesGiveFiguresThatMakeSense) {
  const Machine machine(2);
  for (std::uint32_t seed = 0; seed < 8; ++seed) {
    std::mt19937 random(seed);
    std::lognormal_distribution<double> noise(0, 0.7);
    MeasuredPlans runs = machine.runs();
    const auto disturb = [&](MeasuredPlan& run) {
      run.seconds *= noise(random);
      for (double& busy : run.busy) busy *= noise(random);
    };
    disturb(runs.home);
    disturb(runs.pairs[0].away);
    for (MeasuredPlan& run : runs.pairs[0].shared) disturb(run);
    PlanProblem problem = machine.assumed();
    ASSERT_TRUE(fit_plan(runs, problem).ok()) << seed;
    const auto plan = solve_plan(problem);
    ASSERT_TRUE(plan.ok()) << seed << ": " << plan.status().message();
    EXPECT_GT(plan->seconds, 0) << seed;
  }
}

TEST(PlanFit, EvenShareBalancesTheDevices) {
  const Machine machine(2);
  const MeasuredPlans runs = machine.runs();
  const double share = even_share(machine.truth, runs.home, runs.pairs[0]);
  EXPECT_GT(share, 0.6);  // the other one has half the bandwidth, and hand-offs
  EXPECT_LT(share, 0.8);
  MeasuredPlans::Pair slow = runs.pairs[0];
  slow.away.seconds *= 100;
  EXPECT_EQ(even_share(machine.truth, runs.home, slow), 0.8);
}

TEST(PlanFit, SharesAreSpreadOverALayer) {
  const PlanProblem problem = Machine(2).truth;
  for (const GroupDevices& layer : shared_with(problem, 1, 0.25))
    for (std::size_t first = 0; first < layer.size(); first += 4)
      EXPECT_EQ(std::count(layer.begin() + static_cast<std::ptrdiff_t>(first),
                           layer.begin() + static_cast<std::ptrdiff_t>(first) + 4, 0),
                1);
}

TEST(PlanFit, RefusesRunsThatAreNone) {
  const Machine machine(2);
  const MeasuredPlans good = machine.runs();
  const auto refusal = [&](const MeasuredPlans& runs) {
    PlanProblem problem = machine.assumed();
    return fit_plan(runs, problem).message();
  };
  MeasuredPlans bad = good;
  bad.home.layers.pop_back();
  EXPECT_THAT(refusal(bad), HasSubstr("4 layers, want 5"));
  bad = good;
  bad.pairs[0].shared[1].layers[2].pop_back();
  EXPECT_THAT(refusal(bad), HasSubstr("layer 2: 39 groups, want 40"));
  bad = good;
  bad.pairs[0].away.busy[1] = 0;
  EXPECT_THAT(refusal(bad), HasSubstr("device:1: busy for 0 s"));
  bad = good;
  bad.home.seconds = 0;
  EXPECT_THAT(refusal(bad), HasSubstr("0 s for a token"));
  bad = good;
  bad.pairs[0].device = 0;
  EXPECT_THAT(refusal(bad), HasSubstr("device 0 of 2"));
  bad = good;
  bad.pairs[0].shared.clear();
  EXPECT_THAT(refusal(bad), HasSubstr("device:1: no layers shared"));
}

}  // namespace
}  // namespace synfire
