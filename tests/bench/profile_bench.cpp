// What recording costs: windows of tokens through an engine that is watched, and through one that
// is not, in turns. Only one of them is there at a time: with two, the teams' threads would have to
// sleep between ops. profile_bench MODEL PLUGIN_DIR [ROUNDS]

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "core/engine/profile_recorder.hpp"
#include "core/model/arch/families.hpp"
#include "plugins/abi/synfire_predictor.h"

namespace synfire {
namespace {

using Windows = std::vector<std::vector<std::int32_t>>;
constexpr std::size_t kWindows = 24, kWindowTokens = 256;

double seconds_of(const auto& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

template <typename T>
T must(Result<T> result) {
  if (result.ok()) return *std::move(result);
  std::fprintf(stderr, "%s\n", result.status().message().c_str());
  std::exit(1);
}

void must(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}

// Answers that nobody reads: a prefill's one row of logits.
struct Sink final : RequestSink {
  void on_token(const TokenEvent&) override {}
  void on_finish(const FinishEvent& finish) override { done.set_value(finish.status); }
  std::promise<Status> done;
};

void prefill(Engine& engine, const std::vector<std::int32_t>& window) {
  GenerateRequest request;
  request.prompt = window;
  request.max_tokens = 1;
  const auto sink = std::make_shared<Sink>();
  auto done = sink->done.get_future();
  must(engine.submit(std::move(request), sink));
  must(done.get());
}

// Of a new engine that has seen a window.
double seconds_of_all(const EngineConfig& config, const Windows& windows, const auto& run) {
  const auto engine = must(Engine::make(config));
  prefill(*engine, windows.front());
  return seconds_of([&] {
    for (const auto& window : windows) run(*engine, window);
  });
}

int run(const std::string& model, const std::string& plugins, int rounds) {
  EngineConfig config;
  config.model = model;
  config.plugin_dirs = {plugins};
  config.predictor = "none";
  const GgufFile file = must(GgufFile::open(model));
  const ProfileInfo info = ProfileInfo::of(file, must(build_program(file, "")));
  EngineConfig watched = config;
  ProfileRecorder::configure(watched, info.has_activity());
  ProfileRecorder recorder(info);

  std::mt19937 random(1);
  const std::uint32_t n_vocab = must(Engine::make(config))->model().n_vocab;
  Windows windows(kWindows, std::vector<std::int32_t>(kWindowTokens));
  for (auto& window : windows)
    for (auto& token : window) token = static_cast<std::int32_t>(random() % n_vocab);
  std::vector<double> ratios, plain_rates, rates;
  constexpr double kTokens = kWindows * kWindowTokens;
  for (int round = 0; round <= rounds; ++round) {
    const double without = seconds_of_all(
        config, windows, [](Engine& engine, const auto& window) { prefill(engine, window); });
    const double with = seconds_of_all(watched, windows, [&](Engine& engine, const auto& window) {
      must(recorder.record(engine, window));
    });
    if (round == 0) continue;  // warms up
    ratios.push_back(with / without);
    plain_rates.push_back(kTokens / without);
    rates.push_back(kTokens / with);
  }
  std::printf("prefill %.0f tokens/s, recorded %.0f tokens/s, time ratio %.3f (%.3f to %.3f)\n",
              median(plain_rates), median(rates), median(ratios),
              *std::min_element(ratios.begin(), ratios.end()),
              *std::max_element(ratios.begin(), ratios.end()));
  return 0;
}

}  // namespace
}  // namespace synfire

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "profile_bench MODEL PLUGIN_DIR [ROUNDS]\n");
    return 2;
  }
  return synfire::run(argv[1], argv[2], argc > 3 ? std::atoi(argv[3]) : 9);
}
