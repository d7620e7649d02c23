#include "tools/plan_runs.hpp"

#include <algorithm>
#include <memory>
#include <utility>

#include "tools/bench_run.hpp"
#include "tools/cpu_use.hpp"
#include "tools/output.hpp"
#include "tools/plan_option.hpp"
#include "tools/plan_report.hpp"
#include "tools/progress.hpp"

namespace synfire::cli {
namespace {

constexpr double kSampleSeconds = 0.25;
constexpr std::uint32_t kSamples = 5;
constexpr std::uint32_t kFirstTokens = 8, kLeastTokens = 8, kMostTokens = 256;

// A plan, and the samples that were taken of it.
struct Run {
  std::vector<GroupDevices> layers;
  std::unique_ptr<Engine> engine;  // null: not open now
  BenchShape shape;
  std::vector<DecodeSample> samples;

  // The one of the median rate: what something else disturbed is none.
  [[nodiscard]] MeasuredPlan measured() const {
    std::vector<DecodeSample> sorted = samples;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(
        sorted.begin(), middle, sorted.end(),
        [](const DecodeSample& a, const DecodeSample& b) { return a.rate() < b.rate(); });
    MeasuredPlan plan{layers, middle->per_step(middle->seconds), {}};
    for (std::size_t d = 0; d < middle->device_seconds.size(); ++d)
      plan.busy[d] = middle->per_step(middle->device_seconds[d]);
    return plan;
  }
};

// Where memory suffices, all plans are loaded at the same time and measured by turns: what other
// programs leave of the memory's bandwidth changes with the minutes.
class Runs {
 public:
  Runs(const PlanRuns& runs, const PlanProblem& problem)
      : runs_(runs), problem_(problem), progress_("decodes"), by_turns_(all_fit()) {}

  Result<MeasuredPlans> measure() {
    const std::uint32_t home = problem_.home;
    SYNFIRE_RETURN_IF_ERROR(add(all_on(problem_, home)));
    for (std::uint32_t d = 0; d < problem_.devices.size(); ++d) {
      if (d == home) continue;
      SYNFIRE_RETURN_IF_ERROR(add(all_on(problem_, d)));
      MeasuredPlans::Pair pair{d, all_.back().measured(), {}};
      const double even = even_share(problem_, all_.front().measured(), pair);
      for (const double share : {even, (1 + even) / 2, 0.7 * even})
        SYNFIRE_RETURN_IF_ERROR(add(shared_with(problem_, d, share)));
    }
    for (std::uint32_t i = 1; by_turns_ && i < kSamples; ++i)
      for (Run& run : all_) SYNFIRE_RETURN_IF_ERROR(take_sample(run));
    return sorted_out();
  }

 private:
  static constexpr std::size_t kRunsOfAPair = 4;

  [[nodiscard]] std::size_t n_runs() const {
    return 1 + kRunsOfAPair * (problem_.devices.size() - 1);
  }

  [[nodiscard]] bool all_fit() const {
    std::uint64_t model = problem_.home_bytes;
    for (const PlanLayer& layer : problem_.layers)
      for (const std::uint64_t bytes : layer.bytes) model += bytes;
    const auto fits = [&](const PlanDevice& device) { return device.memory / n_runs() > model; };
    return std::all_of(problem_.devices.begin(), problem_.devices.end(), fits);
  }

  // With all its samples, or the first where plans take turns.
  Status add(std::vector<GroupDevices> layers) {
    Run& run = all_.emplace_back();
    run.layers = std::move(layers);
    SYNFIRE_RETURN_IF_ERROR(open(run));
    for (std::uint32_t i = 0; i < (by_turns_ ? 1 : kSamples); ++i)
      SYNFIRE_RETURN_IF_ERROR(take_sample(run));
    if (!by_turns_) run.engine.reset();
    return {};
  }

  Status open(Run& run) const {
    EngineConfig config = runs_.config;
    PlanSolution solution;
    solution.layers = run.layers;
    SYNFIRE_RETURN_IF_ERROR(apply_plan(
        plan_file_of(problem_, solution, runs_.orders, runs_.in_groups, runs_.group_size), "plan",
        config));
    SYNFIRE_ASSIGN_OR_RETURN(run.engine, Engine::make(config));
    run.shape.depth = runs_.depth;
    run.shape.decode = kFirstTokens;
    SYNFIRE_ASSIGN_OR_RETURN(const DecodeSample first, measure_decode(*run.engine, run.shape));
    const auto wanted = static_cast<std::uint32_t>(
        std::clamp<double>(kSampleSeconds * first.rate(), kLeastTokens, kMostTokens));
    run.shape.decode = std::min(wanted, run.engine->model().context - runs_.depth - 2);
    return {};
  }

  Status take_sample(Run& run) {
    progress_.at(n_samples_++, n_runs() * kSamples);
    SYNFIRE_ASSIGN_OR_RETURN(DecodeSample sample, measure_decode(*run.engine, run.shape));
    run.samples.push_back(std::move(sample));
    return {};
  }

  // In the order in which measure() adds them.
  [[nodiscard]] MeasuredPlans sorted_out() const {
    MeasuredPlans plans;
    auto run = all_.begin();
    plans.home = (run++)->measured();
    for (std::uint32_t d = 0; d < problem_.devices.size(); ++d) {
      if (d == problem_.home) continue;
      MeasuredPlans::Pair& pair = plans.pairs.emplace_back();
      pair.device = d;
      pair.away = (run++)->measured();
      for (std::size_t i = 1; i < kRunsOfAPair; ++i) pair.shared.push_back((run++)->measured());
    }
    return plans;
  }

  const PlanRuns& runs_;
  const PlanProblem& problem_;
  Progress progress_;
  bool by_turns_;
  std::vector<Run> all_;
  std::size_t n_samples_ = 0;
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
  const CpuUse begin = CpuUse::now();
  Result<MeasuredPlans> plans = Runs(runs, problem).measure();
  const double others = share_of_others(begin, CpuUse::now());
  if (plans.ok() && others >= kDisturbingShare)
    note(
        "plan: others had {:.1f} % of the processors' time during the decodes: DISTURBED, plan "
        "again\n",
        100 * others);
  return plans;
}

}  // namespace synfire::cli
