#include "core/sparsity/planner/plan_fit.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/sparsity/planner/layer_costs.hpp"
#include "core/sparsity/planner/planner.hpp"

namespace synfire {
namespace {

// Of what is measured, that a part of it is at least: differences of times may come out negative.
constexpr double kLeastPart = 0.01;

// The same devices with nothing but bandwidths, each as if it were alone.
PlanProblem reading_alone(PlanProblem problem) {
  for (PlanDevice& device : problem.devices) {
    device.shared = 1;
    device.stage_seconds = device.fork_join_seconds = 0;
  }
  return problem;
}

// Seconds that a device reads FFNs for in a plan, of an expected token. `problem`: reading_alone().
double reading(const PlanProblem& problem, const std::vector<GroupDevices>& layers,
               std::uint32_t device) {
  double sum = 0;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerCosts costs(problem, problem.layers[i]);
    const DeviceMask mask = LayerCosts::mask_of(layers[i]);
    if (LayerCosts::is_single(mask)) {
      if (mask == DeviceMask{1} << device) sum += costs.whole_seconds(device);
      continue;
    }
    for (std::uint32_t g = 0; g < costs.n_groups(); ++g)
      if (layers[i][g] == device)
        sum += costs.stream(device, g) + costs.seconds_per_active(device) * costs.mean_active(g);
  }
  return sum;
}

// Time as a fixed part and one that grows with what is read, both at least 0.
struct Line {
  double fixed = 0, slope = 0;

  static Line through(const std::vector<double>& x, const std::vector<double>& y) {
    const auto n = static_cast<double>(x.size());
    double sum_x = 0, sum_y = 0, sum_xx = 0, sum_xy = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      sum_x += x[i], sum_y += y[i];
      sum_xx += x[i] * x[i], sum_xy += x[i] * y[i];
    }
    const double spread = n * sum_xx - sum_x * sum_x;
    Line line;
    if (spread > 0) line.slope = (n * sum_xy - sum_x * sum_y) / spread;
    line.fixed = (sum_y - line.slope * sum_x) / n;
    if (line.fixed >= 0 && line.slope > 0) return line;
    return {0, sum_xx > 0 ? std::max(0.0, sum_xy / sum_xx) : 0};
  }
};

class Fit {
 public:
  Fit(const MeasuredPlans& runs, PlanProblem& problem)
      : runs_(runs),
        problem_(problem),
        assumed_(reading_alone(problem)),
        home_(problem.home),
        n_layers_(static_cast<double>(problem.layers.size())) {}

  void run() {
    fit_home();
    for (const MeasuredPlans::Pair& pair : runs_.pairs) fit_pair(pair);
    for (const MeasuredPlans::Pair& pair : runs_.pairs) fit_hand_off(pair);
  }

 private:
  [[nodiscard]] double reading(const MeasuredPlan& run, std::uint32_t device) const {
    return synfire::reading(assumed_, run.layers, device);
  }

  // What a step takes besides its stages: messages and sampling.
  [[nodiscard]] double outside() const {
    return std::max(0.0, runs_.home.seconds - runs_.home.busy[home_]);
  }

  // What is no FFN on the home device. Where all FFNs are away, it does nothing else.
  [[nodiscard]] double rest() const {
    const double busy = runs_.home.busy[home_];
    if (runs_.pairs.empty()) {
      const double ffn = reading(runs_.home, home_);
      const double other = problem_.home_stream_bytes / problem_.devices[home_].stream_bandwidth;
      return busy * other / (ffn + other);
    }
    double sum = 0;
    for (const MeasuredPlans::Pair& pair : runs_.pairs) sum += pair.away.busy[home_];
    return std::min(sum / static_cast<double>(runs_.pairs.size()), (1 - kLeastPart) * busy);
  }

  void fit_home() {
    const double ffn = runs_.home.busy[home_] - rest();
    slow_down(home_, ffn / reading(runs_.home, home_));
    problem_.measured_home_seconds = outside() + rest();
    std::vector<double> x, y;
    for (const MeasuredPlans::Pair& pair : runs_.pairs)
      for (const MeasuredPlan& run : pair.shared) {
        x.push_back(reading(run, home_));
        y.push_back(run.busy[home_] - rest());
      }
    if (!x.empty()) share(home_, Line::through(x, y), ffn / reading(runs_.home, home_));
  }

  void fit_pair(const MeasuredPlans::Pair& pair) {
    const std::uint32_t d = pair.device;
    std::vector<double> x, y;
    for (const MeasuredPlan& run : pair.shared) {
      x.push_back(reading(run, d));
      y.push_back(run.busy[d]);
    }
    const Line line = Line::through(x, y);
    const double busy = pair.away.busy[d];
    const double alone = std::max(busy - line.fixed, kLeastPart * busy) / reading(pair.away, d);
    slow_down(d, alone);
    share(d, line, alone);
  }

  void slow_down(std::uint32_t device, double times) {
    problem_.devices[device].stream_bandwidth /= times;
    problem_.devices[device].row_bandwidth /= times;
    problem_.devices[device].multiply_adds = 0;  // is in what was measured
  }

  // `line`: what it takes beside others, over what was assumed; `alone`: the same factor alone.
  void share(std::uint32_t device, const Line& line, double alone) {
    PlanDevice& fitted = problem_.devices[device];
    fitted.stage_seconds = line.fixed / n_layers_;
    fitted.shared = 1;
    if (line.slope <= 0) return;
    if (line.slope < alone)
      slow_down(device, line.slope / alone);  // what is shared is what plans are about
    else
      fitted.shared = alone / line.slope;
  }

  // The way to the device and back is part of its time in a layer. At most what it took where the
  // home device waited for it from the start; what then is missing comes on top of every fork.
  void fit_hand_off(const MeasuredPlans::Pair& pair) {
    PlanDevice& device = problem_.devices[pair.device];
    const MeasuredPlan& away = pair.away;
    const double most =
        std::max(0.0, away.seconds - outside() - away.busy[home_] - away.busy[pair.device]) /
        n_layers_;
    const double stage = device.stage_seconds;
    // Of the runs the one in the middle: what disturbs a run may cost more than all hand-offs.
    const auto missing_at = [&](double hand_off) {
      device.stage_seconds = stage + hand_off;
      std::vector<double> missing;
      for (const MeasuredPlan& run : pair.shared)
        missing.push_back((run.seconds - plan_seconds(problem_, run.layers)) / n_layers_);
      const auto middle = missing.begin() + static_cast<std::ptrdiff_t>((missing.size() - 1) / 2);
      std::nth_element(missing.begin(), middle, missing.end());
      return *middle;
    };
    device.fork_join_seconds = 0;
    double low = 0, high = most;
    constexpr int kHalvings = 30;
    for (int i = 0; i < kHalvings && missing_at(most) < 0; ++i) {
      const double middle = (low + high) / 2;
      (missing_at(middle) < 0 ? high : low) = middle;
    }
    const double missing = missing_at(high);
    device.fork_join_seconds = std::max(0.0, missing);
  }

  const MeasuredPlans& runs_;
  PlanProblem& problem_;
  PlanProblem assumed_;  // before the fit
  std::uint32_t home_;
  double n_layers_;
};

Status check(const MeasuredPlan& run, const PlanProblem& problem, std::uint32_t device) {
  if (run.layers.size() != problem.layers.size())
    return invalid_argument("measured plan: {} layers, want {}", run.layers.size(),
                            problem.layers.size());
  for (std::size_t i = 0; i < run.layers.size(); ++i)
    if (run.layers[i].size() != problem.layers[i].n_groups())
      return invalid_argument("measured plan: layer {}: {} groups, want {}", i,
                              run.layers[i].size(), problem.layers[i].n_groups());
  for (const std::uint32_t d : {problem.home, device})
    if (!(run.busy[d] > 0 && std::isfinite(run.busy[d])))
      return invalid_argument(
          "measured plan: device {}: busy for {} s of a token, want more than 0",
          problem.devices[d].name, run.busy[d]);
  if (!(run.seconds > 0 && std::isfinite(run.seconds)))
    return invalid_argument("measured plan: {} s for a token, want more than 0", run.seconds);
  return {};
}

Status check(const MeasuredPlans& runs, const PlanProblem& problem) {
  SYNFIRE_RETURN_IF_ERROR(check(runs.home, problem, problem.home));
  for (const MeasuredPlans::Pair& pair : runs.pairs) {
    if (pair.device >= problem.devices.size() || pair.device == problem.home)
      return invalid_argument("measured plan: device {} of {}, want another one than the home one",
                              pair.device, problem.devices.size());
    if (pair.shared.empty())
      return invalid_argument("measured plan: device {}: no layers shared with the home device",
                              problem.devices[pair.device].name);
    SYNFIRE_RETURN_IF_ERROR(check(pair.away, problem, pair.device));
    for (const MeasuredPlan& run : pair.shared)
      SYNFIRE_RETURN_IF_ERROR(check(run, problem, pair.device));
  }
  return {};
}

}  // namespace

std::vector<GroupDevices> all_on(const PlanProblem& problem, std::uint32_t device) {
  std::vector<GroupDevices> layers;
  for (const PlanLayer& layer : problem.layers)
    layers.emplace_back(layer.n_groups(), static_cast<std::uint8_t>(device));
  return layers;
}

std::vector<GroupDevices> shared_with(const PlanProblem& problem, std::uint32_t device,
                                      double home_share) {
  std::vector<GroupDevices> layers = all_on(problem, device);
  for (GroupDevices& layer : layers)
    for (std::size_t g = 0; g < layer.size(); ++g)
      if (std::floor(static_cast<double>(g + 1) * home_share) >
          std::floor(static_cast<double>(g) * home_share))
        layer[g] = static_cast<std::uint8_t>(problem.home);
  return layers;
}

double even_share(const PlanProblem& problem, const MeasuredPlan& home,
                  const MeasuredPlans::Pair& pair) {
  constexpr double kLeast = 0.1, kMost = 0.8;
  const std::uint32_t at_home = problem.home;
  const double outside = home.seconds - home.busy[at_home];
  const double here = home.busy[at_home] - pair.away.busy[at_home];
  const double there = pair.away.seconds - outside - pair.away.busy[at_home];
  if (!(here > 0) || !(there > 0)) return (kLeast + kMost) / 2;
  return std::clamp(there / (here + there), kLeast, kMost);
}

Status fit_plan(const MeasuredPlans& runs, PlanProblem& problem) {
  SYNFIRE_RETURN_IF_ERROR(check(runs, problem));
  Fit(runs, problem).run();
  return {};
}

}  // namespace synfire
