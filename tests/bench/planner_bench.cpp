// How long the planner takes on models of a real size, how far from its bound it ends, and how full
// the devices are. planner_bench [--token-steps N] [--rounds N] [--only TEXT]

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "core/sparsity/planner/planner.hpp"

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

constexpr std::uint32_t kGroup = 64, kTokens = 128;

// Neurons by falling activity, in groups that are hot or cold together: a power law as papers plot
// it (the hottest fifth has two thirds of the activations), 8 % active.
PlanProblem make_problem(const Model& model, const Machine& machine) {
  std::mt19937 random(1);
  PlanProblem problem;
  problem.n_tokens = kTokens;
  const double row = model.d_model * 4.5 / 8;
  const double rows = model.gated ? 3 : 2;
  std::uint64_t all = 0;
  for (std::uint32_t l = 0; l < model.n_layers; ++l) {
    PlanLayer& layer = problem.layers.emplace_back();
    layer.active_bytes = rows * row * 1.1;
    const std::uint32_t groups = model.d_ff / kGroup;
    std::vector<double> mood(kTokens);
    for (double& m : mood) m = std::lognormal_distribution<double>(0, 0.25)(random);
    for (std::uint32_t g = 0; g < groups; ++g) {
      layer.bytes.push_back(static_cast<std::uint64_t>(rows * row * kGroup));
      layer.stream_bytes.push_back(0);
      all += layer.bytes.back();
      const double rank = (g + 0.5) / groups;
      const double rate =
          0.033 * std::pow(rank, -0.6) * std::lognormal_distribution<double>(0, .2)(random);
      for (std::uint32_t t = 0; t < kTokens; ++t)
        layer.active.push_back(static_cast<std::int16_t>(
            std::binomial_distribution<int>(kGroup, std::min(1.0, rate * mood[t]))(random)));
    }
  }
  const auto share = [&](double s) {
    return static_cast<std::uint64_t>(s * static_cast<double>(all));
  };
  problem.devices = {
      {"fast", machine.fast, machine.fast * 0.75, 1, 0, share(machine.gpu_share), 5e-6, 0},
      {"slow", machine.slow, machine.slow * 0.75, 1, 0, share(1.5), 2e-6, 2e-5}};
  return problem;
}

void run(const Model& model, const Machine& machine, const PlannerOptions& options) {
  const PlanProblem problem = make_problem(model, machine);
  const std::clock_t cpu = std::clock();
  const auto start = std::chrono::steady_clock::now();
  const auto solution = solve_plan(problem, options);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const double cpu_seconds = static_cast<double>(std::clock() - cpu) / CLOCKS_PER_SEC;
  if (!solution.ok()) {
    std::printf("%s, %s: %s\n", model.name, machine.name, solution.status().message().c_str());
    return;
  }
  std::uint64_t used = 0;
  int whole = 0;
  for (std::size_t i = 0; i < problem.layers.size(); ++i) {
    std::uint32_t here = 0;
    for (std::size_t g = 0; g < problem.layers[i].bytes.size(); ++g)
      if (solution->layers[i][g] == 0) used += problem.layers[i].bytes[g], ++here;
    whole += here == 0 || here == problem.layers[i].n_groups();
  }
  std::printf(
      "%-12s %-24s %7.3f s (cpu %6.3f)  %8.3f ms/token  gap %.4f %%  budget used %.2f %%  whole "
      "%d\n",
      model.name, machine.name, took.count(), cpu_seconds, solution->seconds * 1e3,
      solution->gap() * 100,
      100.0 * static_cast<double>(used) / static_cast<double>(problem.devices[0].memory), whole);
}

}  // namespace
}  // namespace synfire

int main(int argc, char** argv) {
  synfire::PlannerOptions options;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--token-steps") options.token_steps = std::atoi(argv[i + 1]);
    if (std::string(argv[i]) == "--rounds") options.rounds = std::atoi(argv[i + 1]);
  }
  std::string only;
  for (int i = 1; i + 1 < argc; i += 2)
    if (std::string(argv[i]) == "--only") only = argv[i + 1];
  for (const auto& model : synfire::kModels)
    for (const auto& machine : synfire::kMachines)
      if (only.empty() ||
          (std::string(model.name) + ", " + machine.name).find(only) != std::string::npos)
        synfire::run(model, machine, options);
  return 0;
}
