#include "core/engine/predictor_assets.hpp"

#include <algorithm>
#include <functional>
#include <utility>

#include "core/base/predictor_spec.hpp"
#include "core/engine/down_dtype.hpp"
#include "core/model/fingerprint.hpp"
#include "core/model/sidecar.hpp"
#include "core/runtime/dense_layers.hpp"
#include "core/runtime/predictor_loader.hpp"

namespace synfire {
namespace {

bool is_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

// Where nothing is said: what was fitted to the model if it may lose something, else what does not.
Result<PredictorSpec> wanted_predictor(const EngineAssets& assets, const EngineConfig& config) {
  if (!config.predictor.empty()) return parse_predictor_spec(config.predictor);
  if (!is_relu_family(assets.program.hparams.activation)) return PredictorSpec{"none", {}};
  const bool fitted = !config.lossless && is_there(predictor_sidecar(config.model, "svd")) &&
                      assets.plugins.optional_predictor("svd").has_value();
  return PredictorSpec{fitted ? "svd" : "exact", {}};
}

// A predictor without a sidecar finds what it needs in the model, or says what is missing.
Status add_sidecar(EngineAssets& assets, const EngineConfig& config, const std::string& name) {
  const std::filesystem::path path =
      config.predictor_file.empty() ? predictor_sidecar(config.model, name) : config.predictor_file;
  if (!is_there(path)) return {};
  SYNFIRE_ASSIGN_OR_RETURN(GgufFile file, GgufFile::open(path));
  SYNFIRE_ASSIGN_OR_RETURN(const auto model,
                           file.get_or<std::uint32_t>("synfire.predictor.model", 0));
  if (model != 0 && model != model_fingerprint(assets.file))
    return error(StatusCode::failed_precondition,
                 "{}: a predictor of another model: fingerprint {:08x}, want {:08x} of {}",
                 path.string(), model, model_fingerprint(assets.file), assets.file.path());
  assets.sidecar.emplace(std::move(file));
  assets.tensors.add(*assets.sidecar);
  return {};
}

// How neurons are laid out, and in which layers they are looked for.
Status choose_layout(EngineAssets& assets, const EngineConfig& config) {
  PredictorProgram& predictor = assets.predictor_program;
  const auto& layers = predictor.layers;
  const bool is_lossy =
      std::any_of(layers.begin(), layers.end(), std::mem_fn(&PredictorLayer::drops));
  SYNFIRE_ASSIGN_OR_RETURN(assets.program.requantized_down,
                           down_dtype_of(config.down_dtype, is_lossy));
  if (predictor.kind == Prediction::none) return {};
  SYNFIRE_ASSIGN_OR_RETURN(
      predictor.dense_layers,
      find_dense_layers(assets.program, assets.file, assets.sidecar ? &*assets.sidecar : nullptr,
                        predictor));
  return {};
}

sf_model_desc describe(EngineAssets& assets) {
  const Hparams& h = assets.program.hparams;
  return {sizeof(sf_model_desc),
          h.n_layers,
          h.d_model,
          h.d_ff,
          h.activation,
          assets.program.layers.front().ffn.gate != kNone ? 1U : 0U,
          assets.file.path().c_str(),
          &ModelTensors::find,
          &assets.tensors,
          &ModelTensors::find_number};
}

}  // namespace

std::filesystem::path predictor_sidecar(const std::filesystem::path& model,
                                        const std::string& name) {
  return sidecar_path(model, "predictor-" + name + ".gguf");
}

Status open_predictor(EngineAssets& assets, const EngineConfig& config) {
  SYNFIRE_ASSIGN_OR_RETURN(const PredictorSpec spec, wanted_predictor(assets, config));
  if (spec.name == "exact" || spec.name == "none") {
    assets.predictor_program = {
        spec.name == "exact" ? Prediction::exact : Prediction::none, spec.name, {}};
    return choose_layout(assets, config);
  }
  SYNFIRE_ASSIGN_OR_RETURN(const host::PredictorPlugin plugin,
                           assets.plugins.require_predictor(spec.name));
  SYNFIRE_RETURN_IF_ERROR(add_sidecar(assets, config, spec.name));
  const host::Options options(spec.options.begin(), spec.options.end());
  SYNFIRE_ASSIGN_OR_RETURN(assets.predictor, plugin.open(describe(assets), options));
  const double* const threshold =
      config.predictor_threshold ? &*config.predictor_threshold : nullptr;
  SYNFIRE_ASSIGN_OR_RETURN(
      assets.predictor_program,
      load_predictor(*assets.predictor, assets.program.hparams.n_layers, threshold));
  assets.predictor_program.name = spec.to_string();
  return choose_layout(assets, config);
}

}  // namespace synfire
