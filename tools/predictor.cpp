#include <algorithm>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "core/engine/collect_ffn_inputs.hpp"
#include "core/engine/predictor_assets.hpp"
#include "core/model/arch/families.hpp"
#include "core/model/fingerprint.hpp"
#include "core/runtime/layer_choices.hpp"
#include "core/runtime/predictor_fit.hpp"
#include "core/tensor/host_region.hpp"
#include "tools/commands.hpp"
#include "tools/engine_options.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/percent.hpp"
#include "tools/predictor_eval.hpp"
#include "tools/predictor_exchange.hpp"
#include "tools/predictor_loss_fit.hpp"
#include "tools/predictor_threshold.hpp"
#include "tools/profile_option.hpp"
#include "tools/progress.hpp"
#include "tools/table.hpp"
#include "tools/text_windows.hpp"

namespace synfire::cli {
namespace {

Result<PredictorFitOptions> fit_options(const OptionValues& values) {
  PredictorFitOptions options;
  options.type = values.get<std::string>("type");
  if (values.is_set("rank"))
    options.rank = static_cast<std::uint32_t>(values.get<std::uint64_t>("rank"));
  options.recall = values.get<double>("recall");
  options.signs = values.get<std::string>("signs") == "auto";
  if (const auto* const most = values.find<std::string>("max-loss")) {
    SYNFIRE_ASSIGN_OR_RETURN(options.max_loss, parse_percent(*most));
  }
  if (values.is_set("dtype")) options.dtype = find_dtype(values.get<std::string>("dtype"))->dtype;
  options.whiten = values.get<std::string>("whiten") == "inputs";
  return options;
}

// Rows of a layer to keep: training wants many, calibration alone few.
FfnRowLimits row_limits(const OptionValues& values, const PredictorFitOptions& options) {
  FfnRowLimits limits;
  // Operating points by what each neuron is worth want more held out.
  if (options.type == "mlp") limits = {32768, options.max_loss ? 8192U : 4096U};
  if (values.is_set("rows")) limits.calibration = values.get<std::uint64_t>("rows");
  return limits;
}

// Better an error now than the system's killer later.
Status check_memory(std::uint32_t n_layers, std::uint32_t d_model, bool with_moments,
                    const FfnRowLimits& limits = {}) {
  constexpr std::uint64_t kMiB = 1U << 20;
  const std::uint64_t needed = n_layers * FfnInputs::bytes(d_model, with_moments, limits);
  const std::uint64_t available = available_host_memory();
  if (available == 0 || needed <= available) return {};
  return error(StatusCode::resource_exhausted,
               "fit: {} MiB needed for what {} layers see, {} MiB of host memory available",
               needed / kMiB, n_layers, available / kMiB);
}

std::uint64_t wanted_tokens(const Engine& engine, const OptionValues& values,
                            const PredictorFitOptions& options) {
  const auto wanted = values.get<std::uint64_t>("tokens");
  if (values.source("tokens").kind != SourceKind::defaults) return wanted;
  // Every fourth window is held out.
  const std::uint64_t rows = row_limits(values, options).calibration;
  // A loss is measured on those, so they must be many.
  const std::uint64_t least = options.max_loss ? 4 * wanted : wanted;
  return std::max<std::uint64_t>(options.type == "mlp" ? rows + rows / 3 : least,
                                 2 * std::uint64_t{engine.model().d_model});
}

Result<std::vector<FfnInputs>> collect(Engine& engine, const Windows& windows, bool with_moments,
                                       const FfnRowLimits& limits) {
  const ModelInfo model = engine.model();
  SYNFIRE_RETURN_IF_ERROR(check_memory(model.n_layers, model.d_model, with_moments, limits));
  Progress progress("windows");
  return collect_ffn_inputs(
      engine, windows, with_moments, [&](std::size_t done) { progress.at(done, windows.size()); },
      limits);
}

// What the layers' FFNs saw, by running a text.
Result<std::vector<FfnInputs>> inputs_of_text(EngineConfig config,
                                              const PredictorFitOptions& options,
                                              const OptionValues& values) {
  config.tap = options.tap();
  if (config.predictor.empty())
    config.predictor = "none";  // the model's own inputs, and the fastest prefill
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::make(config));
  describe_engine(*engine);
  SYNFIRE_ASSIGN_OR_RETURN(const Windows windows,
                           text_windows(*engine, values, wanted_tokens(*engine, values, options)));
  return collect(*engine, windows, options.wants_moments(), row_limits(values, options));
}

// The same from a profile, where there is one.
Result<std::vector<FfnInputs>> fit_inputs(const EngineConfig& config, const GgufFile& file,
                                          const Program& program,
                                          const PredictorFitOptions& options,
                                          const OptionValues& values) {
  if (options.type == "mlp") return inputs_of_text(config, options, values);
  SYNFIRE_ASSIGN_OR_RETURN(const std::optional<ProfileFile> profile,
                           open_profile(values, file, program));
  if (!profile) return inputs_of_text(config, options, values);
  const Hparams& h = program.hparams;
  SYNFIRE_RETURN_IF_ERROR(check_memory(h.n_layers, h.d_model, options.wants_moments()));
  std::vector<FfnInputs> inputs;
  for (std::uint32_t i = 0; i < h.n_layers; ++i) {
    SYNFIRE_ASSIGN_OR_RETURN(FfnInputs layer, profile->inputs(i, options.wants_moments()));
    if (layer.calibration.n_rows() == 0 || layer.held_out.n_rows() == 0)
      return error(StatusCode::failed_precondition,
                   "{}: {} tokens to fit to and {} held out, want some of each: a longer text",
                   profile->path(), layer.calibration.n_rows(), layer.held_out.n_rows());
    inputs.push_back(std::move(layer));
  }
  return inputs;
}

// What `fit` makes of each layer, as many layers at once as there are cores.
template <typename Made, typename Fit>
Result<std::vector<Made>> for_layers(std::vector<FfnInputs> inputs, const Fit& fit) {
  Progress progress("layers");
  std::vector<Made> layers;
  const auto n_layers = static_cast<std::uint32_t>(inputs.size());
  const std::uint32_t n_cores = std::max(1U, std::thread::hardware_concurrency());
  while (layers.size() < n_layers) {
    const auto first = static_cast<std::uint32_t>(layers.size());
    std::vector<std::future<Result<Made>>> parts;
    for (std::uint32_t i = first; i < std::min(first + n_cores, n_layers); ++i)
      parts.push_back(std::async(std::launch::async, [&, i] {
        const FfnInputs mine = std::move(inputs[i]);  // gives its memory back at the end
        return fit(i, mine);
      }));
    for (auto& part : parts) {
      SYNFIRE_ASSIGN_OR_RETURN(Made layer, part.get());
      layers.push_back(std::move(layer));
    }
    progress.at(layers.size(), n_layers);
  }
  return layers;
}

// Windows of --file that no fit saw, to measure a loss on.
Result<Windows> loss_windows(EngineConfig config, const PredictorFitOptions& options,
                             const OptionValues& values) {
  config.predictor = "none";
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::make(config));
  SYNFIRE_ASSIGN_OR_RETURN(const Windows windows,
                           text_windows(*engine, values, wanted_tokens(*engine, values, options)));
  return held_out(windows);
}

// Layers, and what they do on held-out text, where that was measured.
struct Fitted {
  std::vector<FittedLayer> layers;
  std::optional<LossFit> measured;
};

Result<Fitted> fit_layers(const EngineConfig& config, const Program& program, const GgufFile& file,
                          std::vector<FfnInputs> inputs, const PredictorFitOptions& options,
                          const OptionValues& values) {
  const std::filesystem::path path = predictor_sidecar(config.model, options.type);
  if (options.max_loss) {
    SYNFIRE_ASSIGN_OR_RETURN(
        const std::vector<LayerChoices> choices,
        for_layers<LayerChoices>(std::move(inputs), [&](std::uint32_t i, const FfnInputs& mine) {
          return fit_layer_choices(program, file, i, mine, options);
        }));
    SYNFIRE_ASSIGN_OR_RETURN(const Windows windows, loss_windows(config, options, values));
    SYNFIRE_ASSIGN_OR_RETURN(LossFit fit, fit_to_loss(config, windows, choices, options, path));
    return Fitted{fit.layers, std::move(fit)};
  }
  SYNFIRE_ASSIGN_OR_RETURN(
      std::vector<FittedLayer> layers,
      for_layers<FittedLayer>(std::move(inputs), [&](std::uint32_t i, const FfnInputs& mine) {
        return fit_predictor_layer(program, file, i, mine, options);
      }));
  SYNFIRE_RETURN_IF_ERROR(write_predictor(path, layers, options));
  return Fitted{std::move(layers), {}};
}

std::uint64_t bytes_of(const FittedLayer& layer) {
  std::uint64_t bytes = 0;
  for (const FittedLayer::Tensor& tensor : layer.tensors) bytes += tensor.data.size();
  return bytes;
}

std::string share(double value) { return value < 0 ? "-" : fmt::format("{:.4f}", value); }

void print_layers(const Fitted& fitted, const std::filesystem::path& path) {
  using enum Table::Align;
  std::vector<Table::Column> columns{{"layer", right},     {"recall", right}, {"precision", right},
                                     {"predicted", right}, {"fired", right},  {"rank", right},
                                     {"sidecar", right}};
  if (fitted.measured) columns.push_back({"FFN/token", right});
  Table table(std::move(columns));
  const std::vector<FittedLayer>& layers = fitted.layers;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const PredictionQuality& quality = layers[i].quality;
    std::vector<std::string> row{fmt::format("{}", i),
                                 share(quality.recall),
                                 share(quality.precision),
                                 share(quality.predicted),
                                 share(quality.fired),
                                 fmt::format("{}", layers[i].rank),
                                 human_bytes(static_cast<double>(bytes_of(layers[i])))};
    if (fitted.measured) row.push_back(human_bytes(fitted.measured->point.layer_bytes[i]));
    table.add(std::move(row));
  }
  print("{}", table.text());
  if (fitted.measured) {
    const auto& [chosen, point, exact] = *fitted.measured;
    print("held out: perplexity {:+.3f} % ± {:.3f}, {} per token, {:.4f} of exact's\n",
          100 * point.loss, 100 * point.loss_error, human_bytes(point.ffn_bytes),
          point.ffn_bytes / exact.ffn_bytes);
  }
  print("{}\n", path.string());
}

void print_layers_json(const Fitted& fitted, const std::filesystem::path& path) {
  boost::json::array all;
  for (const FittedLayer& layer : fitted.layers) {
    const PredictionQuality& quality = layer.quality;
    all.push_back({{"recall", json_number(quality.recall)},
                   {"precision", json_number(quality.precision)},
                   {"predicted", json_number(quality.predicted)},
                   {"fired", json_number(quality.fired)},
                   {"rank", layer.rank},
                   {"bytes", bytes_of(layer)}});
  }
  boost::json::object made{{"file", json_text(path.string())}, {"layers", std::move(all)}};
  if (fitted.measured) {
    const auto& [chosen, point, exact] = *fitted.measured;
    made["loss"] = json_number(point.loss);
    made["loss_error"] = json_number(point.loss_error);
    made["ffn_bytes"] = json_number(point.ffn_bytes);
    made["of_exact"] = json_number(point.ffn_bytes / exact.ffn_bytes);
  }
  print_json(std::move(made));
}

}  // namespace

Status check_predictor(const OptionValues& values) {
  const auto action = values.get<std::string>("action");
  if (action == "export") return check_export_predictor(values);
  if (action == "import") return check_import_predictor(values);
  if (values.is_set("max-loss")) {
    const auto parsed = parse_percent(values.get<std::string>("max-loss"));
    if (!parsed.ok()) return parsed.status().with_context("--max-loss");
    const auto type = values.get<std::string>("type");
    if (action == "fit" && type == "threshold")
      return invalid_argument("--max-loss: --type threshold, want svd, mlp or signbit");
    if (!values.is_set("file"))
      return invalid_argument("--max-loss: no --file, want a text to measure the loss on");
  }
  if (action == "eval") {
    SYNFIRE_RETURN_IF_ERROR(check_eval_predictor(values));
    return check_engine_options(values);
  }
  if (values.is_set("profile") && values.is_set("file") && !values.is_set("max-loss"))
    return invalid_argument("--profile and --file: want one of them");
  if (values.is_set("profile") && values.get<std::string>("type") == "mlp")
    return invalid_argument(
        "--profile: mlp is trained on the residual stream, which profiles lack; want --file");
  if (values.is_set("profile") && values.get<std::string>("type") == "threshold")
    return invalid_argument(
        "--profile: what a threshold costs is measured on a text, which profiles lack; want "
        "--file");
  return check_engine_options(values);
}

Result<int> predictor(const OptionValues& values) {
  const auto action = values.get<std::string>("action");
  if (action == "export") return export_predictor(values);
  if (action == "import") return import_predictor(values);
  if (action == "eval") return eval_predictor(values);
  if (values.get<std::string>("type") == "threshold") return fit_threshold(values);
  SYNFIRE_ASSIGN_OR_RETURN(const EngineConfig config, engine_config(values));
  SYNFIRE_ASSIGN_OR_RETURN(const GgufFile file, GgufFile::open(config.model));
  SYNFIRE_ASSIGN_OR_RETURN(const Program program, build_program(file, config.ffn_activation));
  SYNFIRE_ASSIGN_OR_RETURN(PredictorFitOptions options, fit_options(values));
  options.model = model_fingerprint(file);
  SYNFIRE_RETURN_IF_ERROR(check_predictor_fit(program, options));
  SYNFIRE_ASSIGN_OR_RETURN(std::vector<FfnInputs> inputs,
                           fit_inputs(config, file, program, options, values));
  SYNFIRE_ASSIGN_OR_RETURN(const Fitted fitted,
                           fit_layers(config, program, file, std::move(inputs), options, values));
  const std::filesystem::path path = predictor_sidecar(config.model, options.type);
  if (values.get<bool>("json"))
    print_layers_json(fitted, path);
  else
    print_layers(fitted, path);
  return kExitOk;
}

}  // namespace synfire::cli
