#include "tools/plan_runs.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "tools/bench_run.hpp"
#include "tools/engine_options.hpp"
#include "tools/median.hpp"
#include "tools/plan_option.hpp"
#include "tools/plan_report.hpp"
#include "tools/progress.hpp"

namespace synfire::cli {
namespace {

constexpr double kSampleSeconds = 0.4;
constexpr std::uint32_t kSamples = 5;
constexpr std::uint32_t kFirstTokens = 8, kLeastTokens = 8, kMostTokens = 128;

Result<std::unique_ptr<Engine>> open(const PlanRuns& runs, const PlanProblem& problem,
                                     const std::vector<GroupDevices>& layers) {
  EngineConfig config = runs.config;
  PlanSolution solution;
  solution.layers = layers;
  SYNFIRE_RETURN_IF_ERROR(
      apply_plan(plan_file_of(problem, solution, runs.orders, runs.group_size), "plan", config));
  return Engine::make(config);
}

// As many tokens as take about kSampleSeconds.
std::uint32_t tokens_of_sample(const DecodeSample& first, std::uint32_t depth,
                               std::uint32_t context) {
  const auto wanted = static_cast<std::uint32_t>(
      std::clamp<double>(kSampleSeconds * first.rate(), kLeastTokens, kMostTokens));
  return std::min(wanted, context - depth - 2);
}

// The sample of the median rate: one that something else disturbed is none.
Result<DecodeSample> median_sample(Engine& engine, BenchShape shape) {
  shape.decode = kFirstTokens;
  SYNFIRE_ASSIGN_OR_RETURN(const DecodeSample first, measure_decode(engine, shape));
  shape.decode = tokens_of_sample(first, shape.depth, engine.model().context);
  std::vector<DecodeSample> samples;
  for (std::uint32_t i = 0; i < kSamples; ++i) {
    SYNFIRE_ASSIGN_OR_RETURN(DecodeSample sample, measure_decode(engine, shape));
    samples.push_back(std::move(sample));
  }
  const auto middle = samples.begin() + kSamples / 2;
  std::nth_element(
      samples.begin(), middle, samples.end(),
      [](const DecodeSample& a, const DecodeSample& b) { return a.rate() < b.rate(); });
  return std::move(*middle);
}

class Runs {
 public:
  Runs(const PlanRuns& runs, const PlanProblem& problem)
      : runs_(runs), problem_(problem), progress_("decodes") {}

  Result<MeasuredPlans> measure() {
    MeasuredPlans plans;
    SYNFIRE_ASSIGN_OR_RETURN(plans.home, run(all_on(problem_, problem_.home)));
    for (std::uint32_t d = 0; d < problem_.devices.size(); ++d) {
      if (d == problem_.home) continue;
      MeasuredPlans::Pair pair;
      pair.device = d;
      SYNFIRE_ASSIGN_OR_RETURN(pair.away, run(all_on(problem_, d)));
      const double even = even_share(problem_, plans.home, pair);
      for (const double share : {even, (1 + even) / 2}) {
        SYNFIRE_ASSIGN_OR_RETURN(MeasuredPlan shared, run(shared_with(problem_, d, share)));
        pair.shared.push_back(std::move(shared));
      }
      plans.pairs.push_back(std::move(pair));
    }
    return plans;
  }

 private:
  Result<MeasuredPlan> run(std::vector<GroupDevices> layers) {
    progress_.at(done_++, 1 + 3 * (problem_.devices.size() - 1));
    SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, open(runs_, problem_, layers));
    BenchShape shape;
    shape.depth = runs_.depth;
    SYNFIRE_ASSIGN_OR_RETURN(const DecodeSample sample, median_sample(*engine, shape));
    MeasuredPlan measured{std::move(layers), sample.per_step(sample.seconds), {}};
    for (std::size_t d = 0; d < sample.device_seconds.size(); ++d)
      measured.busy[d] = sample.per_step(sample.device_seconds[d]);
    return measured;
  }

  const PlanRuns& runs_;
  const PlanProblem& problem_;
  Progress progress_;
  std::size_t done_ = 0;
};

}  // namespace

bool has_room_to_measure(const PlanProblem& problem) {
  std::uint64_t ffns = 0;
  for (const PlanLayer& layer : problem.layers) {
    std::uint64_t groups = 0;
    for (const std::uint64_t bytes : layer.bytes) groups += bytes;
    ffns += std::max(groups, layer.whole ? layer.whole->bytes : 0);
  }
  for (std::size_t d = 0; d < problem.devices.size(); ++d)
    if (problem.devices[d].memory < ffns + (d == problem.home ? problem.home_bytes : 0))
      return false;
  return true;
}

Result<MeasuredPlans> measure_plans(const PlanRuns& runs, const PlanProblem& problem) {
  return Runs(runs, problem).measure();
}

}  // namespace synfire::cli
