#include "tools/predictor_eval.hpp"

#include <charconv>
#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "core/base/predictor_spec.hpp"
#include "core/engine/predictor_assets.hpp"
#include "core/engine/predictor_eval.hpp"
#include "core/model/fingerprint.hpp"
#include "core/runtime/operating_point.hpp"
#include "tools/engine_options.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/percent.hpp"
#include "tools/progress.hpp"
#include "tools/table.hpp"
#include "tools/text_windows.hpp"

namespace synfire::cli {
namespace {

constexpr std::uint64_t kTokens = 32768;

// What was measured of one predictor.
struct Evaluated {
  std::string name;
  std::vector<OperatingPoint> points;  // in the order of their bytes
  OperatingPoint chosen;
};

// "svd,mlp[dtype=q8_0]": commas in brackets are the options'.
std::vector<std::string> predictor_names(const std::string& list) {
  std::vector<std::string> names(1);
  int depth = 0;
  for (const char c : list) {
    depth += c == '[' ? 1 : c == ']' ? -1 : 0;
    if (c == ',' && depth == 0)
      names.emplace_back();
    else
      names.back() += c;
  }
  return names;
}

std::vector<std::string> wanted_predictors(const OptionValues& values) {
  return predictor_names(values.get_or<std::string>("predictor", "svd"));
}

Result<Windows> windows_of(EngineConfig config, const OptionValues& values) {
  config.predictor = "none";
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::make(config));
  describe_engine(*engine);
  const std::uint64_t tokens = values.source("tokens").kind == SourceKind::defaults
                                   ? kTokens
                                   : values.get<std::uint64_t>("tokens");
  return text_windows(*engine, values, tokens);
}

Result<Evaluated> evaluate(const PredictorEval& eval, const std::string& name,
                           const OptionValues& values) {
  Evaluated evaluated{name, {}, {}};
  if (const auto* const most = values.find<std::string>("max-loss")) {
    SYNFIRE_ASSIGN_OR_RETURN(const double max_loss, parse_percent(*most));
    SYNFIRE_ASSIGN_OR_RETURN(evaluated.chosen, eval.cheapest(name, max_loss, evaluated.points));
    std::stable_sort(evaluated.points.begin(), evaluated.points.end(),
                     [](const auto& a, const auto& b) { return a.ffn_bytes < b.ffn_bytes; });
    return evaluated;
  }
  std::optional<double> threshold;
  if (const auto* const given = values.find<double>("predictor-threshold")) threshold = *given;
  SYNFIRE_ASSIGN_OR_RETURN(evaluated.chosen, eval.at(name, threshold));
  evaluated.points.push_back(evaluated.chosen);
  return evaluated;
}

std::string share(double value) { return value < 0 ? "-" : fmt::format("{:.4f}", value); }

double perplexity_of(const OperatingPoint& point) { return std::exp(point.text.mean_nll()); }

std::vector<std::string> shares_of(const DecisionCounts& counts) {
  return {share(counts.recall()), share(counts.precision()), share(counts.predicted_share()),
          share(counts.fired_share())};
}

void print_points(const std::vector<Evaluated>& all, const OperatingPoint& exact) {
  using enum Table::Align;
  Table table({{"predictor", left},
               {"threshold", right},
               {"recall", right},
               {"precision", right},
               {"predicted", right},
               {"fired", right},
               {"FFN/token", right},
               {"of exact", right},
               {"perplexity", right},
               {"loss", right}});
  const auto add = [&](const std::string& name, const OperatingPoint& point, bool is_exact) {
    std::vector<std::string> row{name, is_exact ? "-" : fmt::format("{:.4g}", point.threshold)};
    for (std::string& text : shares_of(point.total())) row.push_back(std::move(text));
    row.push_back(human_bytes(point.ffn_bytes));
    row.push_back(fmt::format("{:.4f}", point.ffn_bytes / exact.ffn_bytes));
    row.push_back(fmt::format("{:.4f}", perplexity_of(point)));
    row.push_back(
        is_exact ? "-"
                 : fmt::format("{:+.3f} % ± {:.3f}", 100 * point.loss, 100 * point.loss_error));
    table.add(std::move(row));
  };
  add("exact", exact, true);
  for (const Evaluated& evaluated : all)
    for (const OperatingPoint& point : evaluated.points)
      add(evaluated.name +
              (evaluated.points.size() > 1 && point.threshold == evaluated.chosen.threshold ? " *"
                                                                                            : ""),
          point, false);
  print("{}", table.text());
}

void print_layers(const Evaluated& evaluated) {
  using enum Table::Align;
  Table table({{"layer", right},
               {"recall", right},
               {"precision", right},
               {"predicted", right},
               {"fired", right},
               {"FFN/token", right}});
  const OperatingPoint& point = evaluated.chosen;
  for (std::size_t i = 0; i < point.text.layers.size(); ++i) {
    std::vector<std::string> row{fmt::format("{}", i)};
    for (std::string& text : shares_of(point.text.layers[i])) row.push_back(std::move(text));
    row.push_back(human_bytes(point.layer_bytes[i]));
    table.add(std::move(row));
  }
  print("\n{} at {:.4g}\n{}", evaluated.name, point.threshold, table.text());
}

boost::json::object json_shares(const DecisionCounts& counts, double bytes) {
  return {{"recall", json_number(counts.recall())},
          {"precision", json_number(counts.precision())},
          {"predicted", json_number(counts.predicted_share())},
          {"fired", json_number(counts.fired_share())},
          {"ffn_bytes", json_number(bytes)}};
}

boost::json::object json_point(const OperatingPoint& point, const OperatingPoint& exact) {
  boost::json::object made = json_shares(point.total(), point.ffn_bytes);
  made["threshold"] = json_number(point.threshold);
  made["of_exact"] = json_number(point.ffn_bytes / exact.ffn_bytes);
  made["perplexity"] = json_number(perplexity_of(point));
  made["loss"] = json_number(point.loss);
  made["loss_error"] = json_number(point.loss_error);
  return made;
}

void print_eval_json(const std::vector<Evaluated>& all, const OperatingPoint& exact,
                     std::size_t windows, std::uint32_t model) {
  boost::json::array predictors;
  for (const Evaluated& evaluated : all) {
    boost::json::array points, layers;
    for (const OperatingPoint& point : evaluated.points) points.push_back(json_point(point, exact));
    const OperatingPoint& chosen = evaluated.chosen;
    for (std::size_t i = 0; i < chosen.text.layers.size(); ++i)
      layers.push_back(json_shares(chosen.text.layers[i], chosen.layer_bytes[i]));
    predictors.push_back({{"name", json_text(evaluated.name)},
                          {"chosen", json_point(chosen, exact)},
                          {"points", std::move(points)},
                          {"layers", std::move(layers)}});
  }
  print_json({{"model", model},  // fingerprint
              {"windows", windows},
              {"tokens", exact.text.layers.front().tokens},
              {"exact",
               {{"perplexity", json_number(perplexity_of(exact))},
                {"fired", json_number(exact.total().fired_share())},
                {"ffn_bytes", json_number(exact.ffn_bytes)}}},
              {"predictors", std::move(predictors)}});
}

Status store(const EngineConfig& config, const Evaluated& evaluated) {
  SYNFIRE_ASSIGN_OR_RETURN(const PredictorSpec spec, parse_predictor_spec(evaluated.name));
  std::vector<PredictionQuality> layers;
  for (const DecisionCounts& counts : evaluated.chosen.text.layers)
    layers.push_back(
        {counts.recall(), counts.precision(), counts.predicted_share(), counts.fired_share()});
  return store_operating_point(predictor_sidecar(config.model, spec.name), spec.name,
                               evaluated.chosen.threshold, layers);
}

}  // namespace

Status check_eval_predictor(const OptionValues& values) {
  if (!values.is_set("file")) return invalid_argument("--file: missing, want a file with the text");
  return {};
}

Result<int> eval_predictor(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const EngineConfig config, engine_config(values));
  SYNFIRE_ASSIGN_OR_RETURN(const Windows windows, windows_of(config, values));
  Progress progress("windows");
  SYNFIRE_ASSIGN_OR_RETURN(
      const PredictorEval eval,
      PredictorEval::make(config, windows,
                          [&](const std::string& what, std::size_t done, std::size_t all) {
                            progress.at(done, all, what);
                          }));
  std::vector<Evaluated> all;
  for (const std::string& name : wanted_predictors(values)) {
    SYNFIRE_ASSIGN_OR_RETURN(Evaluated evaluated, evaluate(eval, name, values));
    if (values.get<bool>("store")) SYNFIRE_RETURN_IF_ERROR(store(config, evaluated));
    all.push_back(std::move(evaluated));
  }
  progress.clear();
  if (values.get<bool>("json")) {
    SYNFIRE_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::open(config.model));
    print_eval_json(all, eval.exact(), windows.size(), model_fingerprint(file));
    return kExitOk;
  }
  print_points(all, eval.exact());
  for (const Evaluated& evaluated : all) print_layers(evaluated);
  return kExitOk;
}

}  // namespace synfire::cli
