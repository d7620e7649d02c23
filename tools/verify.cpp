#include <memory>
#include <string>

#include "core/model/golden.hpp"
#include "tools/commands.hpp"
#include "tools/engine_options.hpp"
#include "tools/exit_code.hpp"
#include "tools/output.hpp"
#include "tools/verify_against.hpp"
#include "tools/verify_check.hpp"
#include "tools/verify_config.hpp"
#include "tools/verify_golden.hpp"

namespace synfire::cli {
namespace {

// What the golden's answers assume of the engine.
Result<EngineConfig> config_for(const Golden& golden, const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(EngineConfig config, verify_config(values));
  if (!golden.predictor_threshold()) return config;
  // A rounded key may push a score over the threshold, and a neuron is there or is not.
  if (!names_kv_dtype(values)) config.kv_dtype = "f32";
  if (config.predictor.empty() || config.predictor == "exact" || config.predictor == "none") {
    return error(StatusCode::failed_precondition,
                 "{}: its answers are with the file's own predictors, want --predictor NAME",
                 golden.path());
  }
  if (!config.predictor_threshold) config.predictor_threshold = *golden.predictor_threshold();
  return config;
}

Status check_tolerance(const Golden& golden, const Tolerance& tolerance, const std::string& dtype,
                       bool prompts_only) {
  const char* missing = nullptr;
  if (golden.text() && !prompts_only && !tolerance.nll) missing = "--max-nll-diff";
  if (!tolerance.logits) missing = "--max-logit-diff";
  if (missing == nullptr) return {};
  return invalid_argument("{}: missing, {} weights have no default", missing, dtype);
}

Status check_vocabulary(const Golden& golden, const ModelInfo& model) {
  if (golden.n_vocab() == 0 || golden.n_vocab() == model.n_vocab) return {};
  return invalid_argument("{}: logits of {} tokens, the model has {}", golden.path(),
                          golden.n_vocab(), model.n_vocab);
}

Result<std::vector<Check>> compare_golden(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const Golden golden, Golden::open(values.get<std::string>("golden")));
  SYNFIRE_ASSIGN_OR_RETURN(const EngineConfig config, config_for(golden, values));
  SYNFIRE_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine, Engine::make(config));
  const ModelInfo model = engine->model();
  SYNFIRE_RETURN_IF_ERROR(check_vocabulary(golden, model));
  const bool prompts_only = values.get<bool>("prompts-only");
  const Tolerance tolerance = tolerance_for(values, model.weight_dtype);
  SYNFIRE_RETURN_IF_ERROR(check_tolerance(golden, tolerance, model.weight_dtype, prompts_only));
  describe_engine(*engine);
  return compare_with_golden(*engine, golden, tolerance, prompts_only);
}

}  // namespace

Status check_verify(const OptionValues& values) {
  SYNFIRE_RETURN_IF_ERROR(check_engine_options(values));
  if (values.is_set("golden") == values.is_set("against")) {
    return invalid_argument("got {} of --golden and --against, want one",
                            values.is_set("golden") ? "both" : "none");
  }
  return {};
}

Result<int> verify(const OptionValues& values) {
  SYNFIRE_ASSIGN_OR_RETURN(const std::vector<Check> checks, values.is_set("against")
                                                                ? compare_devices(values)
                                                                : compare_golden(values));
  print_checks(checks, values.get<bool>("json"));
  return passes(checks) ? kExitOk : kExitFailure;
}

}  // namespace synfire::cli
