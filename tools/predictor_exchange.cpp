#include "tools/predictor_exchange.hpp"

#include <filesystem>
#include <optional>
#include <string>

#include "core/engine/predictor_assets.hpp"
#include "core/model/arch/families.hpp"
#include "core/runtime/mlp_predictors.hpp"
#include "core/runtime/powerinfer_export.hpp"
#include "tools/exit_code.hpp"
#include "tools/format.hpp"
#include "tools/json.hpp"
#include "tools/output.hpp"
#include "tools/progress.hpp"

namespace synfire::cli {
namespace {

namespace fs = std::filesystem;

struct Model {
  GgufFile file;
  Program program;
};

Result<Model> open_model(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(GgufFile file, GgufFile::open(values.get<std::string>("model")));
  SYNFIRE_ASSIGN_OR_RETURN(Program program,
                           build_program(file, values.get_or<std::string>("ffn-activation", "")));
  return Model{std::move(file), std::move(program)};
}

void set_threshold(const OptionValues& values, MlpPredictors& predictors) {
  if (values.is_set("predictor-threshold"))
    predictors.threshold = static_cast<float>(values.get<double>("predictor-threshold"));
}

int report(const std::string& path, const MlpPredictors& predictors, const OptionValues& values) {
  const auto bytes = static_cast<std::uint64_t>(fs::file_size(path));
  if (values.get<bool>("json"))
    print_json({{"file", json_text(path)},
                {"layers", predictors.layers.size()},
                {"threshold", json_number(predictors.threshold)},
                {"bytes", bytes}});
  else
    print("{}: predictors of {} layers, threshold {}; {}\n", path, predictors.layers.size(),
          predictors.threshold, human_bytes(static_cast<double>(bytes)));
  return kExitOk;
}

// The sidecar where there is one, else the model's own.
Result<std::optional<GgufFile>> open_sidecar(const std::string& model) {
  const fs::path path = predictor_sidecar(model, "mlp");
  std::error_code ignored;
  if (!fs::exists(path, ignored)) return std::optional<GgufFile>();
  SYNFIRE_ASSIGN_OR_RETURN(GgufFile file, GgufFile::open(path));
  return std::optional(std::move(file));
}

}  // namespace

Status check_export_predictor(const OptionValues& values) {
  if (!values.is_set("out"))
    return invalid_argument("--out: missing, want the FILE to write, like MODEL.powerinfer.gguf");
  return {};
}

Result<int> export_predictor(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const Model model, open_model(values));
  SYNFIRE_ASSIGN_OR_RETURN(const std::optional<GgufFile> sidecar,
                           open_sidecar(values.get<std::string>("model")));
  SYNFIRE_ASSIGN_OR_RETURN(
      MlpPredictors predictors,
      MlpPredictors::find(sidecar ? *sidecar : model.file, model.program.hparams));
  set_threshold(values, predictors);
  const auto out = values.get<std::string>("out");
  Progress progress("tensors");
  SYNFIRE_RETURN_IF_ERROR(
      export_powerinfer(model.file, model.program, predictors, out,
                        [&](std::uint64_t done, std::uint64_t all) { progress.at(done, all); }));
  progress.clear();
  return report(out, predictors, values);
}

Status check_import_predictor(const OptionValues& values) {
  if (!values.is_set("from"))
    return invalid_argument("--from: missing, want a PWRI file or a predictor-mlp.gguf");
  return {};
}

Result<int> import_predictor(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const Model model, open_model(values));
  SYNFIRE_ASSIGN_OR_RETURN(const GgufFile from, GgufFile::open(values.get<std::string>("from")));
  SYNFIRE_ASSIGN_OR_RETURN(MlpPredictors predictors,
                           MlpPredictors::find(from, model.program.hparams));
  set_threshold(values, predictors);
  const fs::path path = predictor_sidecar(values.get<std::string>("model"), "mlp");
  SYNFIRE_RETURN_IF_ERROR(write_mlp_sidecar(path, from, predictors));
  return report(path.string(), predictors, values);
}

}  // namespace synfire::cli
