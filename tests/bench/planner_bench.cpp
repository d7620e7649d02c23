// How long the planner takes on models of a real size, how far from its bound it ends, and how full
// the devices are; with --milp the same problems by the paper's formulation on CBC, and what its
// answer takes on the same traces.
//
// planner_bench [--token-steps N] [--rounds N] [--tokens N] [--only TEXT] [--cut 0|1] [--milp
// SECONDS]

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "core/sparsity/planner/layer_costs.hpp"
#include "core/sparsity/planner/planner.hpp"
#include "tests/support/paper_milp.hpp"

namespace synfire {
namespace {

struct Model {
  const char* name;
  std::uint32_t n_layers, d_ff, d_model;
  bool gated;
};
constexpr Model kModels[] = {{"80 x 28672", 80, 28672, 8192, true},
                             {"60 x 32768", 60, 32768, 8192, false}};

struct Machine {
  const char* name;
  double slow, fast;  // bytes/s
  double gpu_share;   // of the FFNs' bytes that the fast device has room for
};
constexpr Machine kMachines[] = {
    {"gpu, a tenth fits", 60e9, 900e9, 0.1}, {"gpu, a third fits", 60e9, 900e9, 0.3},
    {"gpu, half fits", 60e9, 900e9, 0.5},    {"gpu, 0.7 fits", 60e9, 900e9, 0.7},
    {"gpu, 0.9 fits", 60e9, 900e9, 0.9},     {"gpu, all fits", 60e9, 900e9, 1.2},
    {"two cpus, all fits", 30e9, 20e9, 1.2}, {"two cpus, a third fits", 30e9, 20e9, 0.3}};

constexpr std::uint32_t kGroup = 64;

struct Settings {
  PlannerOptions planner;
  std::uint32_t tokens = 128;
  std::string only;
  bool may_cut = true;
  double milp_seconds = 0;  // 0: none
};

// What neurons do for the tokens of the traces, or for others.
struct Traces {
  std::vector<LayerActivity> layers;
  NeuronOrder order;  // of every layer
};

// Neurons by falling activity, in groups that are hot or cold together: a power law as papers plot
// it (the hottest fifth has two thirds of the activations), 8 % active; more or fewer of a layer's
// neurons fire from token to token. Half of the tokens are the traces, half are held out.
std::array<Traces, 2> make_traces(const Model& model, std::uint32_t tokens) {
  std::mt19937 random(1);
  std::array<Traces, 2> traces;
  for (Traces& half : traces) half.order = neurons_as_numbered(model.d_ff);
  const std::uint32_t groups = model.d_ff / kGroup;
  for (std::uint32_t l = 0; l < model.n_layers; ++l) {
    std::vector<double> mood(2 * tokens);
    for (double& m : mood) m = std::lognormal_distribution<double>(0, 0.25)(random);
    for (Traces& half : traces) half.layers.emplace_back(model.d_ff, tokens);
    for (std::uint32_t neuron = 0; neuron < model.d_ff;) {
      const double rank = (neuron / kGroup + 0.5) / groups;
      const double rate =
          0.033 * std::pow(rank, -0.6) * std::lognormal_distribution<double>(0, .2)(random);
      std::vector<double> limits;
      for (const double m : mood) limits.push_back(std::min(1.0, rate * m) * 0x1p32);
      for (const std::uint32_t end = neuron + kGroup; neuron < end; ++neuron)
        for (std::uint32_t t = 0; t < 2 * tokens; ++t)
          if (random() < limits[t]) traces[t / tokens].layers[l].set(neuron, t % tokens);
    }
  }
  return traces;
}

PlanProblem make_problem(const Model& model, const Machine& machine, const Traces& traces,
                         bool may_cut) {
  PlanProblem problem;
  problem.n_tokens = traces.layers.front().n_tokens();
  const double row = model.d_model * 4.5 / 8;
  const double rows = model.gated ? 3 : 2;
  const std::uint32_t groups = model.d_ff / kGroup;
  const auto bytes = static_cast<std::uint64_t>(rows * row * kGroup);
  for (const LayerActivity& activity : traces.layers) {
    PlanLayer& layer = problem.layers.emplace_back();
    layer.active_bytes = rows * row * 1.1;
    layer.bytes.assign(groups, bytes);
    layer.stream_bytes.assign(groups, 0);
    layer.active = count_active(activity, traces.order, kGroup);
    if (may_cut) layer.neurons = {&activity, &traces.order, kGroup};
  }
  const auto share = [&](double s) {
    return static_cast<std::uint64_t>(s * static_cast<double>(bytes * groups * model.n_layers));
  };
  problem.devices = {
      {"fast", machine.fast, machine.fast * 0.75, 1, 0, share(machine.gpu_share), 5e-6, 0},
      {"slow", machine.slow, machine.slow * 0.75, 1, 0, share(1.5), 2e-6, 2e-5}};
  return problem;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void run_milp(const PlanProblem& problem, double limit, double ours) {
  const auto start = std::chrono::steady_clock::now();
  const auto milp = solve_paper_milp(problem, limit);
  const double took = seconds_since(start);
  if (!milp) {
    std::printf("    milp: no answer within %.1f s\n", took);
    return;
  }
  const double theirs = plan_seconds(problem, milp->layers);
  std::printf(
      "    milp: %.2f s, %s, gap of its impact %.4f %%; %.3f ms/token on the traces: %.4f x\n",
      took, milp->optimal ? "optimal" : "not to its end",
      100 * (milp->bound - milp->impact) / milp->impact, theirs * 1e3, theirs / ours);
}

void run(const Model& model, const Machine& machine, const Settings& settings,
         const std::array<Traces, 2>& traces) {
  const PlanProblem problem = make_problem(model, machine, traces[0], settings.may_cut);
  const std::clock_t cpu = std::clock();
  const auto start = std::chrono::steady_clock::now();
  const auto solution = solve_plan(problem, settings.planner);
  const double took = seconds_since(start);
  const double cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  if (!solution.ok()) {
    std::printf("%s, %s: %s\n", model.name, machine.name, solution.status().message().c_str());
    return;
  }
  std::uint64_t used = 0;
  std::size_t whole = 0, cut = 0;
  for (std::size_t i = 0; i < problem.layers.size(); ++i) {
    const LayerCosts costs(problem, problem.layers[i]);
    used += costs.memory(solution->layers[i], solution->cuts_of(i))[0];
    whole += LayerCosts::is_single(LayerCosts::mask_of(solution->layers[i]));
    cut += solution->cuts_of(i).size();
  }
  const PlanProblem held_out = make_problem(model, machine, traces[1], true);
  std::printf(
      "%-12s %-24s %7.3f s (cpu %6.3f)  %8.3f ms/token  gap %.4f %%  budget used %.2f %%  whole "
      "layers %zu  cut groups %zu  %.3f ms/token held out\n",
      model.name, machine.name, took, cpu_seconds, solution->seconds * 1e3, solution->gap() * 100,
      100.0 * static_cast<double>(used) / static_cast<double>(problem.devices[0].memory), whole,
      cut, plan_seconds(held_out, solution->layers, solution->cuts) * 1e3);
  if (settings.milp_seconds > 0) run_milp(problem, settings.milp_seconds, solution->seconds);
}

Settings parse(int argc, char** argv) {
  Settings settings;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i], value = argv[i + 1];
    if (name == "--token-steps") settings.planner.token_steps = std::stoul(value);
    if (name == "--rounds") settings.planner.rounds = std::stoul(value);
    if (name == "--tokens") settings.tokens = std::stoul(value);
    if (name == "--only") settings.only = value;
    if (name == "--cut") settings.may_cut = value == "1";
    if (name == "--milp") settings.milp_seconds = std::stod(value);
  }
  return settings;
}

}  // namespace
}  // namespace synfire

int main(int argc, char** argv) {
  const synfire::Settings settings = synfire::parse(argc, argv);
  for (const auto& model : synfire::kModels) {
    const auto wanted = [&](const auto& machine) {
      const std::string name = std::string(model.name) + ", " + machine.name;
      return name.find(settings.only) != std::string::npos;
    };
    if (std::none_of(std::begin(synfire::kMachines), std::end(synfire::kMachines), wanted))
      continue;
    const auto traces = synfire::make_traces(model, settings.tokens);
    for (const auto& machine : synfire::kMachines)
      if (wanted(machine)) synfire::run(model, machine, settings, traces);
  }
  return 0;
}
