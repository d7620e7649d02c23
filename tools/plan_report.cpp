#include "tools/plan_report.hpp"

#include <algorithm>
#include <bit>
#include <numeric>
#include <vector>

#include "core/sparsity/planner/layer_costs.hpp"
#include "core/sparsity/planner/planner.hpp"
#include "tools/format.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/table.hpp"

namespace synfire::cli {
namespace {

// A device's part of a layer.
struct Part {
  std::uint32_t groups = 0;   // whole ones
  std::uint32_t neurons = 0;  // of groups that are cut
  std::uint64_t bytes = 0;
  double seconds = 0;     // expected
  double bottleneck = 0;  // share of tokens that wait for it
};

struct LayerReport {
  std::vector<Part> parts;  // by device
  double seconds = 0;       // expected, fork and join included
};

void add_times(const LayerCosts& costs, const GroupDevices& devices, const LayerCuts& cuts,
               LayerReport& report) {
  const DeviceMask mask = LayerCosts::mask_of(devices);
  if (LayerCosts::is_single(mask)) {
    Part& part = report.parts[static_cast<std::size_t>(std::countr_zero(mask))];
    part.seconds = report.seconds - costs.fork(mask);
    part.bottleneck = 1;
    return;
  }
  const std::vector<double> loads = costs.loads(devices, cuts);
  const std::size_t n = costs.n_tokens();
  for (std::size_t t = 0; t < n; ++t) {
    std::size_t most = 0;
    for (std::size_t d = 0; d < report.parts.size(); ++d) {
      report.parts[d].seconds += loads[d * n + t] / static_cast<double>(n);
      if (loads[d * n + t] > loads[most * n + t]) most = d;
    }
    report.parts[most].bottleneck += 1 / static_cast<double>(n);
  }
}

LayerReport report_layer(const PlanProblem& problem, std::size_t index, const GroupDevices& devices,
                         const LayerCuts& cuts) {
  const LayerCosts costs(problem, problem.layers[index]);
  LayerReport report;
  report.parts.resize(problem.devices.size());
  report.seconds = costs.seconds(devices, cuts);
  const LayerCosts::Bytes memory = costs.memory(devices, cuts);
  for (const std::uint8_t d : devices) ++report.parts[d].groups;
  for (const CutGroup& cut : cuts) {
    --report.parts[devices[cut.group]].groups;
    for (const std::uint8_t d : cut.devices) ++report.parts[d].neurons;
  }
  for (std::size_t d = 0; d < report.parts.size(); ++d) report.parts[d].bytes = memory[d];
  add_times(costs, devices, cuts, report);
  return report;
}

std::string microseconds(double seconds) { return fmt::format("{:.1f}", seconds * 1e6); }
std::string percent(double share) { return fmt::format("{:.0f} %", share * 100); }

void print_layers(const PlanProblem& problem, const std::vector<LayerReport>& layers) {
  using enum Table::Align;
  Table table({{"LAYER", right},
               {"DEVICE"},
               {"GROUPS", right},
               {"CUT", right},
               {"BYTES", right},
               {"us", right},
               {"SLOWEST", right},
               {"LAYER us", right}});
  for (std::size_t i = 0; i < layers.size(); ++i) {
    bool first = true;
    for (std::size_t d = 0; d < problem.devices.size(); ++d) {
      const Part& part = layers[i].parts[d];
      if (part.groups == 0 && part.neurons == 0) continue;
      table.add({first ? fmt::format("{}", i) : "", problem.devices[d].name,
                 fmt::format("{}", part.groups), fmt::format("{}", part.neurons),
                 human_bytes(static_cast<double>(part.bytes)), microseconds(part.seconds),
                 percent(part.bottleneck), first ? microseconds(layers[i].seconds) : ""});
      first = false;
    }
  }
  print("{}", table.text());
}

std::vector<std::uint64_t> bytes_used(const PlanProblem& problem,
                                      const std::vector<LayerReport>& layers) {
  std::vector<std::uint64_t> used(problem.devices.size());
  used[problem.home] = problem.home_bytes;
  for (const LayerReport& layer : layers)
    for (std::size_t d = 0; d < used.size(); ++d) used[d] += layer.parts[d].bytes;
  return used;
}

// A placement that was given has none.
bool has_bound(const PlanSolution& solution) { return solution.bound > 0; }

void print_devices(const PlanProblem& problem, const std::vector<std::uint64_t>& used) {
  using enum Table::Align;
  Table table({{"DEVICE"},
               {"MEMORY", right},
               {"USED", right},
               {"STREAM/s", right},
               {"ROWS/s", right},
               {"SHARED", right},
               {"STAGE us", right},
               {"FORK us", right}});
  for (std::size_t d = 0; d < used.size(); ++d) {
    const PlanDevice& device = problem.devices[d];
    table.add({device.name, human_bytes(static_cast<double>(device.memory)),
               human_bytes(static_cast<double>(used[d])), human_bytes(device.stream_bandwidth),
               human_bytes(device.row_bandwidth), fmt::format("{:.2f}", device.shared),
               microseconds(device.stage_seconds), microseconds(device.fork_join_seconds)});
  }
  print("\n{}", table.text());
}

void print_json_plan(const PlanProblem& problem, const PlanSolution& solution,
                     const std::vector<LayerReport>& layers,
                     const std::vector<std::uint64_t>& used) {
  boost::json::array devices, all;
  for (std::size_t d = 0; d < used.size(); ++d)
    devices.push_back({{"name", json_text(problem.devices[d].name)},
                       {"memory", problem.devices[d].memory},
                       {"bytes", used[d]}});
  for (const LayerReport& layer : layers) {
    boost::json::array parts;
    for (std::size_t d = 0; d < used.size(); ++d)
      if (layer.parts[d].groups > 0 || layer.parts[d].neurons > 0)
        parts.push_back({{"device", json_text(problem.devices[d].name)},
                         {"groups", layer.parts[d].groups},
                         {"cut_neurons", layer.parts[d].neurons},
                         {"bytes", layer.parts[d].bytes},
                         {"seconds", json_number(layer.parts[d].seconds)},
                         {"slowest", json_number(layer.parts[d].bottleneck)}});
    all.push_back({{"seconds", json_number(layer.seconds)}, {"parts", std::move(parts)}});
  }
  boost::json::object plan{{"seconds", json_number(solution.seconds)},
                           {"home_seconds", json_number(home_seconds(problem))},
                           {"tokens_per_second", json_number(1 / solution.seconds)},
                           {"devices", std::move(devices)},
                           {"layers", std::move(all)}};
  if (has_bound(solution)) {
    plan["bound_seconds"] = json_number(solution.bound);
    plan["gap"] = json_number(solution.gap());
  }
  print_json(plan);
}

}  // namespace

void print_plan(const PlanProblem& problem, const PlanSolution& solution, bool as_json) {
  std::vector<LayerReport> layers;
  for (std::size_t i = 0; i < problem.layers.size(); ++i)
    layers.push_back(report_layer(problem, i, solution.layers[i], solution.cuts_of(i)));
  const std::vector<std::uint64_t> used = bytes_used(problem, layers);
  if (as_json) return print_json_plan(problem, solution, layers, used);
  print_layers(problem, layers);
  print_devices(problem, used);
  const double home = home_seconds(problem);
  print(
      "\n{:.1f} tokens/s predicted: {:.3f} ms per token, {:.3f} of it FFNs and {:.3f} the rest, on "
      "{}\n",
      1 / solution.seconds, solution.seconds * 1e3, (solution.seconds - home) * 1e3, home * 1e3,
      problem.devices[problem.home].name);
  if (has_bound(solution))
    print("no plan of whole groups takes less than {:.3f} ms: a gap of {:.3f} %\n",
          solution.bound * 1e3, solution.gap() * 100);
}

namespace {

// By neuron of the layer, its device.
GroupDevices neuron_devices(const GroupDevices& groups, const LayerCuts& cuts,
                            const NeuronOrder& order, std::uint32_t group_size) {
  GroupDevices devices(order.size());
  for (std::size_t i = 0; i < order.size(); ++i) devices[order[i]] = groups[i / group_size];
  for (const CutGroup& cut : cuts)
    for (std::size_t i = 0; i < cut.devices.size(); ++i)
      devices[order[std::size_t{cut.group} * group_size + i]] = cut.devices[i];
  return devices;
}

}  // namespace

PlanFile plan_file_of(const PlanProblem& problem, const PlanSolution& solution,
                      const std::vector<NeuronOrder>& orders, bool in_groups,
                      std::uint32_t group_size) {
  PlanFile plan;
  plan.group_size = in_groups && solution.cuts.empty() ? group_size : 1;
  std::vector<std::size_t> devices(problem.devices.size());
  std::iota(devices.begin(), devices.end(), std::size_t{0});
  std::stable_partition(devices.begin(), devices.end(),
                        [&](std::size_t d) { return d == problem.home; });
  for (std::size_t i = 0; i < solution.layers.size(); ++i) {
    PlanFile::Layer& layer = plan.layers.emplace_back();
    const GroupDevices owners =
        plan.group_size == 1
            ? neuron_devices(solution.layers[i], solution.cuts_of(i), orders[i], group_size)
            : solution.layers[i];
    for (const std::size_t d : devices) {
      std::vector<std::uint32_t> numbers;
      for (std::uint32_t k = 0; k < owners.size(); ++k)
        if (owners[k] == d) numbers.push_back(k);
      if (!numbers.empty() || d == problem.home)
        layer.devices.push_back({problem.devices[d].name, plan_ranges(numbers)});
    }
  }
  return plan;
}

}  // namespace synfire::cli
