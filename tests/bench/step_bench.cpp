// What a decode step costs beside the stages that it runs: hand-offs between the engine and its
// devices, and between devices.
//
//   step_bench MODEL DEVICES [single|layer|neuron|shard] [TOKENS]
//
// period: from token to token; step: from when the step was sent to the last device's answer;
// outside: while no device ran a stage; waits: while another device did, but not the busiest one.
// Medians over rounds.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/engine_fixture.hpp"

namespace synfire {
namespace {

constexpr int kRounds = 9;

struct Round {
  double period_us, step_us, outside_us, waits_us;
};

double microseconds(Duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}

double median(std::vector<Round> rounds, double Round::*field) {
  const auto middle = rounds.begin() + static_cast<std::ptrdiff_t>(rounds.size() / 2);
  std::nth_element(rounds.begin(), middle, rounds.end(),
                   [field](const Round& a, const Round& b) { return a.*field < b.*field; });
  return (*middle).*field;
}

Round run(Engine& engine, std::uint32_t tokens) {
  const EngineStats before = engine.stats();
  const auto sink = std::make_shared<test::RecordingSink>();
  GenerateRequest request = test::greedy({1}, tokens);
  request.ignore_eos = true;
  const TimePoint begin = std::chrono::steady_clock::now();
  if (!engine.submit(std::move(request), sink).ok()) std::abort();
  sink->wait();
  const Duration took = std::chrono::steady_clock::now() - begin;
  const EngineStats after = engine.stats();
  const auto steps = static_cast<double>(after.steps - before.steps);
  const Duration compute = after.compute_time - before.compute_time;
  const Duration busiest = after.busiest_time - before.busiest_time;
  return {microseconds(took) / steps, microseconds(after.step_time - before.step_time) / steps,
          microseconds(took - compute) / steps, microseconds(compute - busiest) / steps};
}

int measure(int argc, char** argv) {
  EngineConfig config = test::engine_config("", argv[2]);
  config.model = argv[1];
  const std::string_view kind = argc > 3 ? argv[3] : "";
  if (kind == "layer") config.placement = PlacementKind::layer;
  if (kind == "neuron") config.placement = PlacementKind::neuron;
  if (kind == "shard") config.placement = PlacementKind::shard;
  config.context = 1024;
  const auto tokens = static_cast<std::uint32_t>(argc > 4 ? std::atoi(argv[4]) : 200);
  const auto engine = Engine::make(config);
  if (!engine.ok()) {
    std::fprintf(stderr, "%s\n", engine.status().to_string().c_str());
    return 1;
  }
  std::vector<Round> rounds;
  for (int round = 0; round < kRounds; ++round) rounds.push_back(run(**engine, tokens));
  const double period = median(rounds, &Round::period_us),
               outside = median(rounds, &Round::outside_us);
  const EngineStats stats = (*engine)->stats();
  std::printf("period %.1f us, step %.1f us, outside %.1f us (%.1f %%), waits %.1f us; ", period,
              median(rounds, &Round::step_us), outside, 100 * outside / period,
              median(rounds, &Round::waits_us));
  std::printf("%.1f joins per step\n",
              static_cast<double>(stats.joins) / static_cast<double>(stats.steps));
  return 0;
}

}  // namespace
}  // namespace synfire

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "step_bench MODEL DEVICES [PLACEMENT] [TOKENS]\n");
    return 2;
  }
  return synfire::measure(argc, argv);
}
