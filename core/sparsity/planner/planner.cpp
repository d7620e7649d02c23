#include "core/sparsity/planner/planner.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "core/sparsity/planner/for_layers.hpp"
#include "core/sparsity/planner/layer_costs.hpp"
#include "core/sparsity/planner/layer_cutter.hpp"
#include "core/sparsity/planner/plan_dual.hpp"
#include "core/sparsity/planner/plan_improver.hpp"
#include "core/sparsity/planner/plan_options.hpp"

namespace synfire {
namespace {

using Bytes = LayerCosts::Bytes;
using Layers = std::vector<GroupDevices>;

constexpr std::size_t kMaxStates = 2048;            // of choose_exactly()
constexpr double kMaxWork = 1U << 28;               // of enumerations: groups x tokens
constexpr double kEnough = 0.0004;                  // over a layer's part of the bound
constexpr std::array kPriceScales{0.8, 1.0, 1.25};  // whose assignments are options

Status check_device(const PlanDevice& device) {
  for (const double bandwidth : {device.stream_bandwidth, device.row_bandwidth})
    if (!(bandwidth > 0 && std::isfinite(bandwidth)))
      return invalid_argument("plan: device {}: bandwidth {}, want more than 0", device.name,
                              bandwidth);
  if (!(device.shared > 0 && device.shared <= 1))
    return invalid_argument(
        "plan: device {}: {} of its bandwidth beside others, want more than 0 and at most 1",
        device.name, device.shared);
  for (const double seconds :
       {device.stage_seconds, device.fork_join_seconds, device.step_seconds, device.layer_seconds})
    if (!(seconds >= 0 && std::isfinite(seconds)))
      return invalid_argument("plan: device {}: a cost of {} s, want 0 or more", device.name,
                              seconds);
  return {};
}

// Of a layer whose groups may be cut.
Status check_neurons(const PlanProblem& problem, std::size_t index) {
  const PlanLayer& layer = problem.layers[index];
  if (!layer.neurons) return {};
  const auto& [activity, order, group_size] = *layer.neurons;
  const std::size_t n = order->size();
  if (activity->n_tokens() != problem.n_tokens || activity->d_ff() != n)
    return invalid_argument("plan: layer {}: activity of {} neurons and {} tokens, want {} and {}",
                            index, activity->d_ff(), activity->n_tokens(), n, problem.n_tokens);
  if (group_size == 0 || (n + group_size - 1) / group_size != layer.n_groups())
    return invalid_argument("plan: layer {}: {} neurons in groups of {}, want {} groups", index, n,
                            group_size, layer.n_groups());
  return {};
}

Status check_layer(const PlanProblem& problem, std::size_t index) {
  const PlanLayer& layer = problem.layers[index];
  if (layer.bytes.empty() || layer.stream_bytes.size() != layer.bytes.size())
    return invalid_argument("plan: layer {}: {} groups with {} streams, want one or more of each",
                            index, layer.bytes.size(), layer.stream_bytes.size());
  const std::size_t want = layer.bytes.size() * problem.n_tokens;
  if (layer.active.size() != want)
    return invalid_argument("plan: layer {}: {} counts of {} groups and {} tokens, want {}", index,
                            layer.active.size(), layer.bytes.size(), problem.n_tokens, want);
  SYNFIRE_RETURN_IF_ERROR(check_neurons(problem, index));
  constexpr std::int16_t kMost = 256;  // neurons of a group
  for (const std::int16_t count : layer.active)
    if (count < 0 || count > kMost)
      return invalid_argument("plan: layer {}: {} active neurons in a group, want 0 to {}", index,
                              count, kMost);
  return {};
}

Status check(const PlanProblem& problem) {
  if (problem.devices.empty() || problem.devices.size() > kMaxPlanDevices)
    return invalid_argument("plan: {} devices, want 1 to {}", problem.devices.size(),
                            kMaxPlanDevices);
  if (problem.home >= problem.devices.size())
    return invalid_argument("plan: home device {}, want 0 to {}", problem.home,
                            problem.devices.size() - 1);
  if (problem.n_tokens == 0 || problem.n_tokens > kMaxPlanTokens)
    return invalid_argument("plan: traces of {} tokens, want 1 to {}", problem.n_tokens,
                            kMaxPlanTokens);
  if (problem.layers.empty()) return invalid_argument("plan: no layers");
  for (const PlanDevice& device : problem.devices) SYNFIRE_RETURN_IF_ERROR(check_device(device));
  for (std::size_t i = 0; i < problem.layers.size(); ++i)
    SYNFIRE_RETURN_IF_ERROR(check_layer(problem, i));
  return {};
}

// What each device has for FFNs.
Result<Bytes> capacities(const PlanProblem& problem) {
  Bytes capacity{};
  for (std::size_t d = 0; d < problem.devices.size(); ++d) capacity[d] = problem.devices[d].memory;
  const PlanDevice& home = problem.devices[problem.home];
  if (home.memory < problem.home_bytes)
    return error(StatusCode::resource_exhausted,
                 "plan: device {}: {} bytes of memory, want {} for attention, embedding, head and "
                 "KV cache",
                 home.name, home.memory, problem.home_bytes);
  capacity[problem.home] -= problem.home_bytes;
  return capacity;
}

Status does_not_fit(const std::vector<LayerCosts>& costs, const Bytes& capacity) {
  std::uint64_t wanted = 0, there = 0;
  for (const LayerCosts& layer : costs) wanted += std::min(layer.whole_bytes(), layer.all_bytes());
  for (const std::uint64_t bytes : capacity) there += bytes;
  return error(StatusCode::resource_exhausted,
               "plan: the FFNs take {} bytes, all devices together have {} for them{}", wanted,
               there, wanted <= there ? ", in parts that are too small" : "");
}

class Solver {
 public:
  Solver(const PlanProblem& problem, const Bytes& capacity, const PlannerOptions& options)
      : problem_(problem), capacity_(capacity), options_(options) {
    costs_.reserve(problem.layers.size());
    for (const PlanLayer& layer : problem.layers) costs_.emplace_back(problem, layer);
  }

  Result<PlanSolution> solve() {
    PlanDual dual(costs_, capacity_);
    dual.solve_means();
    LayerOptions ways(costs_.size());
    add_options(dual, false, ways);
    dual.solve_tokens(options_.token_steps);
    add_options(dual, true, ways);
    std::optional<Layers> layers = place(std::move(ways));
    double bound = dual.bound();
    if (is_small()) try_exactly(layers, bound);
    if (!layers) return does_not_fit(costs_, capacity_);
    std::vector<LayerCuts> cuts = cut(*layers, dual);
    const double fixed = home_seconds(problem_);
    const double seconds = ffn_seconds(*layers, cuts);
    return PlanSolution{*std::move(layers), std::move(cuts), fixed + seconds,
                        fixed + std::min(bound, seconds)};
  }

 private:
  [[nodiscard]] double ffn_seconds(const Layers& layers,
                                   const std::vector<LayerCuts>& cuts = {}) const {
    double sum = 0;
    for (std::size_t i = 0; i < layers.size(); ++i)
      sum += costs_[i].seconds(layers[i], cuts_of(cuts, i));
    return sum;
  }

  // Ways to place each layer: whole on each device, the standard splits, and as it would be at
  // several prices; the last ones again `later`, with other weights.
  void add_options(const PlanDual& dual, bool later, LayerOptions& ways) const {
    for_layers(costs_, [&](std::size_t i) {
      const auto add = [&](GroupDevices devices) {
        ways[i].push_back(LayerOption::of(costs_[i], std::move(devices)));
      };
      if (!later)
        for (std::uint32_t d = 0; d < costs_[i].n_devices(); ++d)
          add(GroupDevices(costs_[i].n_groups(), static_cast<std::uint8_t>(d)));
      for (const DeviceMask mask : dual.layer(i).splits()) {
        if (!later)
          for (GroupDevices& devices : dual.layer(i).standard(mask)) add(std::move(devices));
        for (const double scale : kPriceScales) {
          MemoryPrices prices = dual.prices();
          for (double& price : prices) price *= scale;
          add(dual.layer(i).assignment(mask, prices));
        }
      }
    });
  }

  [[nodiscard]] std::optional<Layers> place(LayerOptions ways) const {
    const auto chosen =
        choose_options(ways, capacity_, static_cast<std::uint32_t>(problem_.devices.size()));
    Layers layers;
    if (chosen) {
      for (std::size_t i = 0; i < ways.size(); ++i)
        layers.push_back(std::move(ways[i][(*chosen)[i]].devices));
    } else if (!pack(layers)) {
      return std::nullopt;
    }
    PlanImprover improver(costs_, capacity_, std::move(layers));
    improver.run(options_.rounds);
    return improver.layers();
  }

  // Any plan that fits, where there is hardly room: the largest groups first, each to the device
  // with the most room.
  [[nodiscard]] bool pack(Layers& layers) const {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> order;  // layer, group
    for (std::uint32_t i = 0; i < costs_.size(); ++i) {
      layers.emplace_back(costs_[i].n_groups());
      for (std::uint32_t g = 0; g < costs_[i].n_groups(); ++g) order.emplace_back(i, g);
    }
    std::stable_sort(order.begin(), order.end(), [&](const auto& a, const auto& b) {
      return costs_[a.first].bytes(a.second) > costs_[b.first].bytes(b.second);
    });
    Bytes room = capacity_;
    for (const auto& [layer, group] : order) {
      const auto most = std::max_element(room.begin(), room.end());
      const std::uint64_t bytes = costs_[layer].bytes(group);
      if (*most < bytes) return false;
      *most -= bytes;
      layers[layer][group] = static_cast<std::uint8_t>(most - room.begin());
    }
    return true;
  }

  // None of the layers may take more of what memory is left than its share, so all are cut at the
  // same time.
  [[nodiscard]] std::vector<LayerCuts> cut(const Layers& layers, const PlanDual& dual) const {
    const auto may_cut = [&](std::size_t i) {
      return costs_[i].may_cut() && !LayerCosts::is_single(LayerCosts::mask_of(layers[i]));
    };
    // Of the bound, what is this layer's.
    const auto enough = [&](std::size_t i) {
      double seconds = dual.layer(i).value(dual.prices()).least;
      const Bytes used = costs_[i].memory(layers[i]);
      for (std::size_t d = 0; d < used.size(); ++d)
        seconds -= dual.prices()[d] * static_cast<double>(used[d]);
      return seconds * (1 + kEnough);
    };
    Bytes room = capacity_;
    std::uint64_t n = 0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const Bytes used = costs_[i].memory(layers[i]);
      for (std::size_t d = 0; d < room.size(); ++d) room[d] -= used[d];
      n += may_cut(i) ? 1 : 0;
    }
    if (n == 0) return {};
    for (std::uint64_t& bytes : room) bytes /= n;
    std::vector<LayerCuts> cuts(layers.size());
    for_layers(costs_, [&](std::size_t i) {
      if (may_cut(i)) cuts[i] = LayerCutter(costs_[i], layers[i], room, enough(i)).run();
    });
    const bool any =
        std::any_of(cuts.begin(), cuts.end(), [](auto& layer) { return !layer.empty(); });
    return any ? cuts : std::vector<LayerCuts>();
  }

  [[nodiscard]] bool is_small() const {
    double work = 0;
    for (const LayerCosts& layer : costs_) {
      const double ways = std::pow(layer.n_devices(), layer.n_groups());
      if (ways > static_cast<double>(options_.enumerate)) return false;
      work += ways * layer.n_groups() * layer.n_tokens();
    }
    return work <= kMaxWork;
  }

  // Replaces a plan by the best there is, or proves that it is.
  void try_exactly(std::optional<Layers>& layers, double& bound) const {
    LayerOptions options(costs_.size());
    for_layers(costs_, [&](std::size_t i) { options[i] = all_options(costs_[i]); });
    const double upper = layers ? ffn_seconds(*layers) : std::numeric_limits<double>::infinity();
    const auto best = choose_exactly(options, capacity_, upper, kMaxStates);
    if (!best) return;
    bound = best->chosen.empty() ? upper : best->seconds;
    if (best->chosen.empty()) return;
    layers.emplace();
    for (std::size_t i = 0; i < options.size(); ++i)
      layers->push_back(options[i][best->chosen[i]].devices);
  }

  const PlanProblem& problem_;
  Bytes capacity_;
  PlannerOptions options_;
  std::vector<LayerCosts> costs_;
};

}  // namespace

double home_seconds(const PlanProblem& problem) {
  if (problem.measured_home_seconds) return *problem.measured_home_seconds;
  const PlanDevice& home = problem.devices[problem.home];
  return problem.home_stream_bytes / home.stream_bandwidth + home.stage_seconds +
         home.step_seconds + static_cast<double>(problem.layers.size()) * home.layer_seconds;
}

double plan_seconds(const PlanProblem& problem, const std::vector<GroupDevices>& layers,
                    const std::vector<LayerCuts>& cuts) {
  double sum = home_seconds(problem);
  for (std::size_t i = 0; i < layers.size(); ++i)
    sum += LayerCosts(problem, problem.layers[i]).seconds(layers[i], cuts_of(cuts, i));
  return sum;
}

Result<PlanSolution> solve_plan(const PlanProblem& problem, const PlannerOptions& options) {
  SYNFIRE_RETURN_IF_ERROR(check(problem));
  SYNFIRE_ASSIGN_OR_RETURN(const Bytes capacity, capacities(problem));
  return Solver(problem, capacity, options).solve();
}

}  // namespace synfire
