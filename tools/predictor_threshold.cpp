#include "tools/predictor_threshold.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "core/engine/collect_ffn_inputs.hpp"
#include "core/engine/predictor_assets.hpp"
#include "core/model/arch/families.hpp"
#include "core/runtime/threshold_fit.hpp"
#include "tools/engine_options.hpp"
#include "tools/exit_code.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/progress.hpp"
#include "tools/table.hpp"
#include "tools/text_windows.hpp"
#include "tools/window_nll.hpp"

namespace synfire::cli {
namespace {

// Of text that the fit did not see.
struct Perplexity {
  double dense = 0, sparse = 0;
  std::size_t tokens = 0;

  [[nodiscard]] double cost() const { return sparse / dense - 1; }
};

// Mean over the windows' tokens.
Result<double> mean_nll(Engine& engine, const Windows& windows) {
  Progress progress("held-out windows");
  double sum = 0;
  std::size_t tokens = 0;
  for (std::size_t i = 0; i < windows.size(); ++i) {
    SYNFIRE_ASSIGN_OR_RETURN(const double nll, window_nll(engine, windows[i]));
    sum += nll;
    tokens += windows[i].size() - 1;
    progress.at(i + 1, windows.size());
  }
  return sum / static_cast<double>(tokens);
}

double mean_skipped(const std::vector<FittedThreshold>& layers) {
  double sum = 0;
  for (const FittedThreshold& layer : layers) sum += layer.skipped;
  return sum / static_cast<double>(layers.size());
}

void print_text(const std::vector<FittedThreshold>& layers, const Perplexity& perplexity,
                const std::filesystem::path& path) {
  using enum Table::Align;
  Table table({{"layer", right}, {"threshold", right}, {"skipped", right}, {"error", right}});
  for (std::size_t i = 0; i < layers.size(); ++i)
    table.add({fmt::format("{}", i), fmt::format("{:.5f}", layers[i].threshold),
               fmt::format("{:.4f}", layers[i].skipped), fmt::format("{:.4f}", layers[i].error)});
  print("{}skipped: {:.1f} % of the neurons\n", table.text(), 100 * mean_skipped(layers));
  print("perplexity of {} tokens held out: {:.4f} dense, {:.4f} with it: {:+.2f} %\n",
        perplexity.tokens, perplexity.dense, perplexity.sparse, 100 * perplexity.cost());
  print("{}: lossy, so it runs only with --predictor threshold\n", path.string());
}

void print_as_json(const std::vector<FittedThreshold>& layers, const Perplexity& perplexity,
                   const std::filesystem::path& path) {
  boost::json::array all;
  for (const FittedThreshold& layer : layers)
    all.push_back({{"threshold", json_number(layer.threshold)},
                   {"skipped", json_number(layer.skipped)},
                   {"error", json_number(layer.error)}});
  print_json({{"file", json_text(path.string())},
              {"skipped", json_number(mean_skipped(layers))},
              {"perplexity",
               {{"dense", json_number(perplexity.dense)},
                {"threshold", json_number(perplexity.sparse)},
                {"cost", json_number(perplexity.cost())},
                {"tokens", perplexity.tokens}}},
              {"layers", std::move(all)}});
}

Result<std::vector<FfnInputs>> collect(Engine& engine, const Windows& windows) {
  Progress progress("windows");
  return collect_ffn_inputs(engine, windows, false,
                            [&](std::size_t done) { progress.at(done, windows.size()); });
}

Result<std::vector<FittedThreshold>> fit(const EngineConfig& config,
                                         const std::vector<FfnInputs>& inputs,
                                         const ThresholdFitOptions& options) {
  SYNFIRE_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::open(config.model));
  SYNFIRE_ASSIGN_OR_RETURN(const Program program, build_program(file, config.ffn_activation));
  Progress progress("layers");
  return fit_thresholds(program, file, inputs, options,
                        [&](std::size_t done) { progress.at(done, inputs.size()); });
}

}  // namespace

Result<int> fit_threshold(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(EngineConfig config, engine_config(values));
  const ThresholdFitOptions options{values.get<double>("skip")};
  SYNFIRE_RETURN_IF_ERROR(check_threshold_fit(options));
  config.tap = SF_TAP_FFN_INPUT;
  config.predictor = "none";
  SYNFIRE_ASSIGN_OR_RETURN(std::unique_ptr<Engine> engine, Engine::make(config));
  describe_engine(*engine);
  SYNFIRE_ASSIGN_OR_RETURN(const Windows windows,
                           text_windows(*engine, values, values.get<std::uint64_t>("tokens")));
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<FfnInputs> inputs, collect(*engine, windows));
  const Windows unseen = held_out(windows);
  Perplexity perplexity;
  SYNFIRE_ASSIGN_OR_RETURN(const double dense, mean_nll(*engine, unseen));
  engine.reset();  // its cores and memory are for the fit now
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<FittedThreshold> layers, fit(config, inputs, options));
  const std::filesystem::path path = predictor_sidecar(config.model, "threshold");
  SYNFIRE_RETURN_IF_ERROR(write_thresholds(path, layers, options));
  config.tap = 0;
  config.predictor = "threshold";
  SYNFIRE_ASSIGN_OR_RETURN(engine, Engine::make(config));
  describe_engine(*engine);  // which layers run dense all the same
  SYNFIRE_ASSIGN_OR_RETURN(const double sparse, mean_nll(*engine, unseen));
  perplexity.dense = std::exp(dense);
  perplexity.sparse = std::exp(sparse);
  for (const std::vector<std::int32_t>& window : unseen) perplexity.tokens += window.size() - 1;
  if (values.get<bool>("json"))
    print_as_json(layers, perplexity, path);
  else
    print_text(layers, perplexity, path);
  return kExitOk;
}

}  // namespace synfire::cli
